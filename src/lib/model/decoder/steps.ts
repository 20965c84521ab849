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
const TAKEN = 1;
const UNITS = 2;

/** A float32 among a step's arguments. */
export class Float {
	readonly value: number;

	constructor(value: number) {
		this.value = value;
	}
}

/** A word of a step; one that differs from run to run is a function, asked for each of them. */
export type Word = number | (() => number);

/** What the kernels are to do, written where they read it. */
export class Program {
	readonly #heap: Heap;
	#at = 0;
	#room = 0;
	#count = 0;
	#integers = new Int32Array(0);
	#floats = new Float32Array(0);
	/** Words that differ from run to run. */
	#live: { readonly index: number; readonly word: () => number }[] = [];

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
		this.#live = [];
		if (most <= this.#room) return;
		this.release();
		this.#at = this.#heap.allocate(most * STEP * 4);
		this.#room = most;
		const { buffer } = this.#heap.memory;
		this.#integers = new Int32Array(buffer, this.#at, most * STEP);
		this.#floats = new Float32Array(buffer, this.#at, most * STEP);
	}

	/** @param units that the step is cut into, each done by one thread */
	step(kind: keyof typeof kinds, units: Word, args: readonly (Word | Float)[]): void {
		const first = this.#count++ * STEP;
		this.#integers[first] = kinds[kind];
		this.#integers[first + TAKEN] = 0;
		this.#write(first + UNITS, units);
		for (let i = 0; i < args.length; i++) {
			const value = args[i]!;
			if (value instanceof Float) this.#floats[first + HEAD + i] = value.value;
			else this.#write(first + HEAD + i, value);
		}
	}

	/** Makes a program that has been run what it would be if it were written anew. */
	renew(): void {
		for (let step = 0; step < this.#count; step++) this.#integers[step * STEP + TAKEN] = 0;
		for (const { index, word } of this.#live) this.#integers[index] = word();
	}

	#write(index: number, word: Word): void {
		if (typeof word === 'function') this.#live.push({ index, word });
		this.#integers[index] = typeof word === 'function' ? word() : word;
	}

	release(): void {
		if (this.#room > 0) this.#heap.release(this.#at);
		this.#room = 0;
	}
}
