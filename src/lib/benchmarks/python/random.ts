const N = 624;
const M = 397;

/**
 * Python's `random` module for what upstream's scoring draws: the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998),
 * seeded by an integer as CPython does (`init_by_array` of its 32-bit digits), and `random.choice`.
 */
export class PythonRandom {
	readonly #state = new Uint32Array(N);
	#at = N;

	/** @param seed whole number from 0 to 2^53 − 1, as in `random.seed(seed)` */
	constructor(seed: number) {
		const digits = [seed >>> 0];
		const high = Math.floor(seed / 2 ** 32);
		if (high > 0) digits.push(high);
		this.#seedByArray(digits);
	}

	/** `random.choice(items)`. */
	choice<T>(items: readonly T[]): T {
		if (items.length === 0) throw new RangeError('There is nothing to choose from.');
		return items[this.below(items.length)]!;
	}

	/** Whole number in [0, n), as `_randbelow`: bits are drawn until they are below n. */
	below(n: number): number {
		const bits = 32 - Math.clz32(n);
		for (;;) {
			const drawn = this.#next() >>> (32 - bits);
			if (drawn < n) return drawn;
		}
	}

	#seed(seed: number): void {
		const state = this.#state;
		state[0] = seed;
		for (let i = 1; i < N; i++) {
			const before = state[i - 1]! ^ (state[i - 1]! >>> 30);
			state[i] = Math.imul(1812433253, before) + i;
		}
	}

	#seedByArray(key: readonly number[]): void {
		const state = this.#state;
		this.#seed(19650218);
		let i = 1;
		const step = () => {
			i++;
			if (i < N) return;
			state[0] = state[N - 1]!;
			i = 1;
		};
		const before = () => state[i - 1]! ^ (state[i - 1]! >>> 30);
		for (let k = 0; k < Math.max(N, key.length); k++) {
			const j = k % key.length;
			state[i] = (state[i]! ^ Math.imul(before(), 1664525)) + key[j]! + j;
			step();
		}
		for (let k = 0; k < N - 1; k++) {
			state[i] = (state[i]! ^ Math.imul(before(), 1566083941)) - i;
			step();
		}
		state[0] = 0x80000000;
	}

	#next(): number {
		if (this.#at === N) this.#generate();
		let y = this.#state[this.#at++]!;
		y ^= y >>> 11;
		y ^= (y << 7) & 0x9d2c5680;
		y ^= (y << 15) & 0xefc60000;
		return (y ^ (y >>> 18)) >>> 0;
	}

	#generate(): void {
		const state = this.#state;
		for (let i = 0; i < N; i++) {
			const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
			state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
		}
		this.#at = 0;
	}
}
