import type { Heap } from './heap.ts';

/** Kinds of steps, by number as in `kernels/assembly/decoder.ts`. */
const kinds = {
	product: 0,
	quantize: 1,
	normalize: 2,
	quickGelu: 3,
	combine: 4,
	scale: 5,
	gather: 6,
	remember: 7,
	attend: 8,
	join: 9
} as const;

/** Words of a step, and those before its arguments. */
const STEP = 24;
const HEAD = 3;

/** A float32 among a step's arguments. */
export class Float {
	readonly value: number;

	constructor(value: number) {
		this.value = value;
	}
}

/** What the kernels are to do, written where they read it. */
export class Program {
	readonly #heap: Heap;
	#at = 0;
	#room = 0;
	#count = 0;
	#integers = new Int32Array(0);
	#floats = new Float32Array(0);

	constructor(heap: Heap) {
		this.#heap = heap;
	}

	get at(): number {
		return this.#at;
	}

	get count(): number {
		return this.#count;
	}

	/** @param most steps that there will be */
	begin(most: number): void {
		this.#count = 0;
		if (most <= this.#room) return;
		this.release();
		this.#at = this.#heap.allocate(most * STEP * 4);
		this.#room = most;
		const { buffer } = this.#heap.memory;
		this.#integers = new Int32Array(buffer, this.#at, most * STEP);
		this.#floats = new Float32Array(buffer, this.#at, most * STEP);
	}

	/** @param units that the step is cut into, each done by one thread */
	step(kind: keyof typeof kinds, units: number, args: readonly (number | Float)[]): void {
		const first = this.#count++ * STEP;
		const integers = this.#integers;
		integers[first] = kinds[kind];
		integers[first + 1] = 0;
		integers[first + 2] = units;
		for (let i = 0; i < args.length; i++) {
			const value = args[i]!;
			if (typeof value === 'number') integers[first + HEAD + i] = value;
			else this.#floats[first + HEAD + i] = value.value;
		}
	}

	release(): void {
		if (this.#room > 0) this.#heap.release(this.#at);
		this.#room = 0;
	}
}
