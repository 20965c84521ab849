/** mulberry32 on a scrambled seed; integers only, the same numbers as in training/data/scenes.py. */
export class Rng {
	#state: number;

	constructor(seed: number) {
		let h = seed >>> 0;
		h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
		h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
		this.#state = (h ^ (h >>> 16)) >>> 0;
	}

	next(): number {
		const a = (this.#state + 0x6d2b79f5) >>> 0;
		this.#state = a;
		let t = Math.imul(a ^ (a >>> 15), a | 1);
		t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
		return (t ^ (t >>> 14)) >>> 0;
	}

	below(n: number): number {
		return Math.floor((this.next() * n) / 2 ** 32);
	}

	between(low: number, high: number): number {
		return low + this.below(high - low + 1);
	}

	pick<T>(items: readonly T[]): T {
		const item = items[this.below(items.length)];
		if (item === undefined) throw new Error('Nothing to pick from.');
		return item;
	}
}
