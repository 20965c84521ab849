/** Memory that kernels in WebAssembly work on, given out in pieces. */

const ALIGNMENT = 64;
const PAGE = 65536;
/** Pieces end before this, so that addresses and sizes stay within what 32 bits without a sign can say. */
const END = 2 ** 32 - PAGE;
/** Address 0 stands for nothing. */
const FIRST = 1024;
/** Pages that memory grows by at least. */
const STEP = 256;

/** Pieces of a memory by address; where one is given back, its neighbours that are free are joined with it. */
export class Heap {
	readonly memory: WebAssembly.Memory;
	/** Free pieces, by address. */
	#free: { at: number; size: number }[] = [];
	readonly #sizes = new Map<number, number>();
	/** Behind all pieces. */
	#end = FIRST;

	constructor(memory: WebAssembly.Memory) {
		this.memory = memory;
	}

	/** @throws RangeError when there is no more memory */
	allocate(bytes: number): number {
		const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
		const index = this.#free.findIndex((piece) => piece.size >= size);
		const found = this.#free[index];
		let at: number;
		if (found) {
			at = found.at;
			if (found.size === size) this.#free.splice(index, 1);
			else {
				found.at += size;
				found.size -= size;
			}
		} else {
			// A free piece at the end is begun with.
			const last = this.#free.at(-1);
			at = last && last.at + last.size === this.#end ? this.#free.pop()!.at : this.#end;
			this.#grow(at + size);
			this.#end = at + size;
		}
		this.#sizes.set(at, size);
		return at;
	}

	release(at: number): void {
		const size = this.#sizes.get(at);
		if (size === undefined) throw new RangeError(`No piece of memory begins at ${at}.`);
		this.#sizes.delete(at);
		let index = this.#free.findIndex((piece) => piece.at > at);
		if (index === -1) index = this.#free.length;
		const [before, after] = [this.#free[index - 1], this.#free[index]];
		const joinsAfter = after !== undefined && at + size === after.at;
		if (before && before.at + before.size === at) {
			before.size += size + (joinsAfter ? after.size : 0);
			if (joinsAfter) this.#free.splice(index, 1);
		} else if (joinsAfter) {
			after.at = at;
			after.size += size;
		} else this.#free.splice(index, 0, { at, size });
	}

	/** The bytes of a piece, where they lie. */
	bytes(at: number, length: number): Uint8Array<SharedArrayBuffer> {
		return new Uint8Array(this.memory.buffer as unknown as SharedArrayBuffer, at, length);
	}

	floats(at: number, length: number): Float32Array<SharedArrayBuffer> {
		return new Float32Array(this.memory.buffer as unknown as SharedArrayBuffer, at, length);
	}

	#grow(end: number): void {
		const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
		if (missing <= 0) return;
		if (end > END) throw new RangeError('The memory of the decoder’s kernels is full.');
		try {
			this.memory.grow(Math.max(missing, STEP));
		} catch {
			this.memory.grow(missing);
		}
	}
}
