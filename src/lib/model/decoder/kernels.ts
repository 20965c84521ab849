/** The decoder's kernels with their memory and threads; what they compute stands in `lib/kernels/assembly`. */
import type { Tensor, TensorConstructor, TensorFactory } from 'onnxruntime-common';
import { fromBase64 } from '../../bytes/base64.ts';
import type { FixedMemory, FixedType } from '../runtime/backend.ts';
import { float32ToHalf } from '../../tensor/half.ts';
import { bytesPerElement, elementCount } from '../../tensor/tensor.ts';
import { ForeignPlace } from '../runtime/foreign-place.ts';
import { plain, relaxed } from './binaries.ts';
import { numberBytes, rowBytes, SCALE_BYTES } from './cached.ts';
import { Heap } from './heap.ts';
import { Program } from './steps.ts';

/** Puts rows `[first, first + rows)` of what is stored of a matrix where the product reads them. */
export type Arrange = (from: number, first: number, rows: number, blocks: number, to: number) => void;

/** What the module exports. Addresses and sizes in bytes. */
export interface KernelExports {
	groupBytes(blocks: number): number;
	activationBytes(rows: number, blocks: number): number;
	readonly arrangeNumbers: Arrange;
	readonly arrangeScales: Arrange;
	readonly arrangeZeros: Arrange;
	lead(control: number, threads: number, scratch: number, sleeps: number): number;
	serve(control: number, threads: number, scratch: number): void;
	/** Rows of floats as a cache holds them, and back. @param width a multiple of 8 @returns whether all were finite */
	narrow(from: number, rows: number, width: number, to: number): number;
	widen(from: number, rows: number, width: number, to: number): void;
}

/** What a thread beside the first one needs; it calls `serve` with the numbers. */
export interface ThreadSetup {
	readonly module: WebAssembly.Module;
	readonly memory: WebAssembly.Memory;
	readonly serve: readonly [control: number, threads: number, scratch: number];
	/** Index of the word that a thread which fails makes 1, and of the one that it then wakes others at. */
	readonly failed: number;
	readonly arrived: number;
}

/** A thread that has started. */
export interface KernelThread {
	end(): void;
}

export interface KernelOptions {
	readonly Tensor: TensorConstructor & TensorFactory;
	/** With the calling one. */
	readonly threads: number;
	/** Resolves when the thread is ready to serve; `failed` is called when it has ended by itself later. */
	readonly startThread: (setup: ThreadSetup, failed: () => void) => Promise<KernelThread>;
	/** Tenths of a second that a thread is waited for. */
	readonly patience?: number;
	/** Without relaxed SIMD even where there is; for tests. */
	readonly plainOnly?: boolean;
}

/** Words of `Control` in `decoder.ts`. */
const CONTROL_WORDS = 9;
const CONTROL = { arrived: 1, steps: 4, count: 5, notFinite: 6, failed: 7, patience: 8 };
/** Half a minute, where the longest unit of a step takes less than a second. */
const PATIENCE = 300;
const FAILED =
	'A thread that computes the language model has stopped, probably for want of memory; restart the model.';
/** Of a thread's own: 16 bytes for each of 64 rows, or what attention needs for heads that wide. */
const SCRATCH = 65536;
/** The memory may grow to so many pages; less where a browser does not promise as much. */
const MOST_PAGES = [65536, 32768, 16384];

/** Where a tensor's values lie in the kernels' memory. */
export class InKernels extends ForeignPlace {
	readonly at: number;
	/** Whether they are keys or values of a cache, as the kernels hold it. */
	readonly cached: boolean;
	readonly #bytes: () => Uint8Array;

	constructor(at: number, cached: boolean, bytes: () => Uint8Array) {
		super();
		this.at = at;
		this.cached = cached;
		this.#bytes = bytes;
	}

	override bytes(): Uint8Array {
		return this.#bytes();
	}
}

/** Where a cache [kv head, room, width] lies. */
export interface CachePlace {
	readonly at: number;
	readonly room: number;
}

/** Scales lie behind all rows. */
const scalesOf = ({ at, room }: CachePlace, heads: number, width: number) =>
	at + heads * room * numberBytes(width);

/** Bytes of a cache [.., width]: attention takes two rows and four scales at once, and may read what is behind them. */
export function cacheBytes(dims: readonly number[]): number {
	const width = dims.at(-1)!;
	return (elementCount(dims) / width + 1) * rowBytes(width) + 4 * SCALE_BYTES;
}

export class Kernels {
	readonly heap: Heap;
	readonly exports: KernelExports;
	readonly memory: FixedMemory;
	readonly threads: number;
	readonly relaxed: boolean;
	readonly #Tensor: TensorConstructor & TensorFactory;
	readonly #control: number;
	readonly #scratch: number;
	readonly #sleeps = maySleep();
	readonly #others: readonly KernelThread[];

	private constructor(
		{ heap, exports, relaxed }: Loaded,
		Tensor: TensorConstructor & TensorFactory,
		{ control, scratch, others }: { control: number; scratch: number; others: readonly KernelThread[] }
	) {
		this.heap = heap;
		this.exports = exports;
		this.relaxed = relaxed;
		this.threads = others.length + 1;
		this.#Tensor = Tensor;
		this.#control = control;
		this.#scratch = scratch;
		this.#others = others;
		this.memory = {
			allocate: (type, dims, holds) =>
				holds === 'cache' && (type === 'float32' || type === 'float16')
					? this.cache(type, dims, this.#cleared(cacheBytes(dims)))
					: this.tensor(type, dims, this.#cleared(elementCount(dims) * bytesPerElement[type])),
			write: (to, { buffer, byteOffset, byteLength }) => {
				const { at, cached } = inKernels(to)!;
				const bytes = new Uint8Array(buffer, byteOffset, byteLength);
				if (cached) this.narrow(bytes, to.dims, at);
				else heap.bytes(at, byteLength).set(bytes);
			},
			// Not `getData`, after which a tensor would keep what it was then.
			read: async (from) => {
				const { at, cached } = inKernels(from)!;
				return cached ? this.widened(at, from.dims) : this.read(at, from.size);
			},
			copy: (from, to, positions) => this.#copy(from, to, positions)
		};
	}

	/** @throws what WebAssembly throws where there is none, or no memory for it */
	static async start({
		Tensor,
		threads,
		startThread,
		patience = PATIENCE,
		plainOnly = false
	}: KernelOptions): Promise<Kernels> {
		const loaded = await load(plainOnly);
		const { heap, module } = loaded;
		const control = heap.allocate(CONTROL_WORDS * 4);
		const words = new Int32Array(heap.memory.buffer, control, CONTROL_WORDS);
		words[CONTROL.patience] = patience;
		const [failed, arrived] = [control / 4 + CONTROL.failed, control / 4 + CONTROL.arrived];
		const scratch = Array.from({ length: threads }, () => heap.allocate(SCRATCH));
		const starts = scratch
			.slice(1)
			.map((own) =>
				startThread(
					{ module, memory: heap.memory, serve: [control, threads, own], failed, arrived },
					() => void Atomics.store(words, CONTROL.failed, 1)
				)
			);
		const others = await Promise.all(starts).catch(async (error: unknown) => {
			for (const start of await Promise.allSettled(starts))
				if (start.status === 'fulfilled') start.value.end();
			throw error;
		});
		return new Kernels(loaded, Tensor, { control, scratch: scratch[0]!, others });
	}

	/** Does what the program says, with all threads. @throws Error when one of them has failed: from then on always */
	run(program: Program): void {
		const words = new Int32Array(this.heap.memory.buffer, this.#control, CONTROL_WORDS);
		words[CONTROL.steps] = program.at;
		words[CONTROL.count] = program.count;
		let done = false;
		try {
			done =
				words[CONTROL.failed] === 0 &&
				this.exports.lead(this.#control, this.threads, this.#scratch, Number(this.#sleeps)) !== 0;
		} finally {
			// The others wait for what will not come.
			if (!done) {
				words[CONTROL.failed] = 1;
				this.dispose();
			}
		}
		if (!done) throw new Error(FAILED);
		if (words[CONTROL.notFinite] !== 0) {
			words[CONTROL.notFinite] = 0;
			throw new Error('Keys or values of the language model are no finite numbers.');
		}
	}

	/** float32 values, copied. */
	read(at: number, length: number): Float32Array<ArrayBuffer> {
		return new Float32Array(this.heap.floats(at, length));
	}

	/** A cache [.., width] as float32 values. */
	widened(at: number, dims: readonly number[]): Float32Array<ArrayBuffer> {
		const length = elementCount(dims);
		const width = dims.at(-1)!;
		const wide = this.heap.allocate(length * 4);
		this.exports.widen(at, length / width, width, wide);
		const values = this.read(wide, length);
		this.heap.release(wide);
		return values;
	}

	/** Writes float32 values as a cache [.., width]. @param bytes of the values */
	narrow(bytes: Uint8Array, dims: readonly number[], at: number): void {
		const width = dims.at(-1)!;
		const wide = this.heap.allocate(bytes.length);
		this.heap.bytes(wide, bytes.length).set(bytes);
		this.exports.narrow(wide, bytes.length / 4 / width, width, at);
		this.heap.release(wide);
	}

	/** Copies the first positions of a cache into another one of as many heads and the same width. */
	copyCache(
		from: CachePlace,
		to: CachePlace,
		[heads, width]: readonly [number, number],
		positions: number
	): void {
		const { heap } = this;
		for (let head = 0; head < heads; head++)
			for (const [bytes, source, target] of [
				[numberBytes(width), from.at, to.at],
				[SCALE_BYTES, scalesOf(from, heads, width), scalesOf(to, heads, width)]
			] as const)
				heap
					.bytes(target + head * to.room * bytes, positions * bytes)
					.set(heap.bytes(source + head * from.room * bytes, positions * bytes));
	}

	/** A tensor that stays; disposing of it gives its memory back. */
	tensor(type: FixedType, dims: readonly number[], at: number): Tensor {
		const bytes = () => this.heap.bytes(at, elementCount(dims) * bytesPerElement[type]);
		return this.#staying(type, dims, new InKernels(at, false, bytes), () =>
			this.read(at, elementCount(dims))
		);
	}

	/** The same of keys or values, which are `type` for everyone else. */
	cache(type: 'float32' | 'float16', dims: readonly number[], at: number): Tensor {
		const values = () => valuesAs(type, this.widened(at, dims));
		const place = new InKernels(at, true, () => new Uint8Array(values().buffer));
		return this.#staying(type, dims, place, values);
	}

	#staying(
		type: FixedType,
		dims: readonly number[],
		place: InKernels,
		values: () => Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>
	): Tensor {
		return this.#Tensor.fromGpuBuffer(place as unknown as GPUBuffer, {
			dataType: type as 'float32',
			dims,
			download: async () => values() as Float32Array,
			dispose: () => this.heap.release(place.at)
		});
	}

	/** Values as a tensor of their own. */
	copied(type: 'float32' | 'float16', values: Float32Array<ArrayBuffer>, dims: readonly number[]): Tensor {
		return new this.#Tensor(type as 'float32', valuesAs(type, values) as Float32Array, dims);
	}

	dispose(): void {
		for (const thread of this.#others) thread.end();
	}

	#cleared(bytes: number): number {
		const at = this.heap.allocate(bytes);
		this.heap.bytes(at, bytes).fill(0);
		return at;
	}

	#copy(from: Tensor, to: Tensor, positions: number): void {
		const [, heads, before, width] = from.dims as [number, number, number, number];
		const [source, target] = [inKernels(from)!, inKernels(to)!];
		if (!source.cached || !target.cached) throw new Error('A cache is copied into another one alone.');
		const room = to.dims[2]!;
		this.copyCache({ at: source.at, room: before }, { at: target.at, room }, [heads, width], positions);
	}
}

/** float32 values, or the bits of the nearest float16 ones. */
function valuesAs(
	type: 'float32' | 'float16',
	values: Float32Array<ArrayBuffer>
): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
	return type === 'float32' ? values : (float32ToHalf(values) as Uint16Array<ArrayBuffer>);
}

interface Loaded {
	readonly heap: Heap;
	readonly module: WebAssembly.Module;
	readonly exports: KernelExports;
	readonly relaxed: boolean;
}

async function load(plainOnly: boolean): Promise<Loaded> {
	const fast = fromBase64(relaxed);
	const isRelaxed = !plainOnly && WebAssembly.validate(fast);
	const module = await WebAssembly.compile(isRelaxed ? fast : fromBase64(plain));
	const memory = sharedMemory();
	const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
	return { heap: new Heap(memory), module, exports: exports as unknown as KernelExports, relaxed: isRelaxed };
}

/** Shared even by a single thread: the module is compiled for that. */
function sharedMemory(): WebAssembly.Memory {
	let failure: unknown;
	for (const maximum of MOST_PAGES)
		try {
			return new WebAssembly.Memory({ initial: 16, maximum, shared: true });
		} catch (error) {
			failure = error;
		}
	throw failure;
}

/** Whether this thread may wait for another, as a page's own may not. */
function maySleep(): boolean {
	try {
		// Returns at once: the value is another.
		Atomics.wait(
			new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer),
			0,
			1
		);
		return true;
	} catch {
		return false;
	}
}

export function inKernels(tensor: Tensor): InKernels | undefined {
	if (tensor.location !== 'gpu-buffer') return undefined;
	const place: unknown = tensor.gpuBuffer;
	return place instanceof InKernels ? place : undefined;
}
