/** The decoder's kernels with their memory and threads; what they compute stands in `lib/kernels/assembly`. */
import type { Tensor, TensorConstructor, TensorFactory } from 'onnxruntime-common';
import { fromBase64 } from '../../../lib/bytes/base64.ts';
import type { FixedMemory, FixedType } from '../../../lib/model/runtime/backend.ts';
import { bytesPerElement, elementCount } from '../../../lib/tensor/tensor.ts';
import { ForeignPlace } from '../foreign-place.ts';
import { plain, relaxed } from './binaries.ts';
import { Heap } from './heap.ts';
import { Program } from './steps.ts';

/** What the module exports. Addresses and sizes in bytes. */
export interface KernelExports {
	groupBytes(blocks: number): number;
	activationBytes(rows: number, blocks: number): number;
	arrange(packed: number, scales: number, zeros: number, N: number, blocks: number, to: number): void;
	lead(control: number, threads: number, scratch: number, sleeps: number): void;
	serve(control: number, threads: number, scratch: number): void;
}

/** What a thread beside the first one needs; it calls `serve` with the numbers. */
export interface ThreadSetup {
	readonly module: WebAssembly.Module;
	readonly memory: WebAssembly.Memory;
	readonly serve: readonly [control: number, threads: number, scratch: number];
}

/** A thread that has started. */
export interface KernelThread {
	end(): void;
}

export interface KernelOptions {
	readonly Tensor: TensorConstructor & TensorFactory;
	/** With the calling one. */
	readonly threads: number;
	/** Resolves when the thread is ready to serve. */
	readonly startThread: (setup: ThreadSetup) => Promise<KernelThread>;
	/** Without relaxed SIMD even where there is; for tests. */
	readonly plainOnly?: boolean;
}

/** Words of `Control` in `decoder.ts`. */
const CONTROL_WORDS = 6;
const CONTROL = { steps: 4, count: 5 };
/** Of a thread's own: 16 bytes for each of 64 rows, or what attention needs for heads that wide. */
const SCRATCH = 65536;
/** The memory may grow to so many pages; less where a browser does not promise as much. */
const MOST_PAGES = [65536, 32768, 16384];

/** Where a tensor's values lie in the kernels' memory. */
export class InKernels extends ForeignPlace {
	readonly at: number;
	readonly #length: number;
	readonly #heap: Heap;

	constructor(heap: Heap, at: number, length: number) {
		super();
		this.#heap = heap;
		this.at = at;
		this.#length = length;
	}

	override bytes(): Uint8Array {
		return this.#heap.bytes(this.at, this.#length);
	}
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
			allocate: (type, dims) =>
				this.tensor(type, dims, this.#cleared(elementCount(dims) * bytesPerElement[type])),
			write: (to, { buffer, byteOffset, byteLength }) =>
				inKernels(to)!
					.bytes()
					.set(new Uint8Array(buffer, byteOffset, byteLength)),
			read: async (from) => this.read(inKernels(from)!.at, from.size),
			copy: (from, to, positions) => this.#copy(from, to, positions)
		};
	}

	/** @throws what WebAssembly throws where there is none, or no memory for it */
	static async start({ Tensor, threads, startThread, plainOnly = false }: KernelOptions): Promise<Kernels> {
		const loaded = await load(plainOnly);
		const { heap, module } = loaded;
		const control = heap.allocate(CONTROL_WORDS * 4);
		const scratch = Array.from({ length: threads }, () => heap.allocate(SCRATCH));
		const starts = scratch
			.slice(1)
			.map((own) => startThread({ module, memory: heap.memory, serve: [control, threads, own] }));
		const others = await Promise.all(starts).catch(async (error: unknown) => {
			for (const start of await Promise.allSettled(starts))
				if (start.status === 'fulfilled') start.value.end();
			throw error;
		});
		return new Kernels(loaded, Tensor, { control, scratch: scratch[0]!, others });
	}

	/** Does what the program says, with all threads. */
	run(program: Program): void {
		const words = new Int32Array(this.heap.memory.buffer, this.#control, CONTROL_WORDS);
		words[CONTROL.steps] = program.at;
		words[CONTROL.count] = program.count;
		this.exports.lead(this.#control, this.threads, this.#scratch, Number(this.#sleeps));
	}

	/** float32 values, copied. */
	read(at: number, length: number): Float32Array<ArrayBuffer> {
		return new Float32Array(this.heap.floats(at, length));
	}

	/** A tensor that stays; disposing of it gives its memory back. */
	tensor(type: FixedType, dims: readonly number[], at: number): Tensor {
		const place = new InKernels(this.heap, at, elementCount(dims) * bytesPerElement[type]);
		return this.#Tensor.fromGpuBuffer(place as unknown as GPUBuffer, {
			dataType: type as 'float32',
			dims,
			download: async () => this.read(at, elementCount(dims)),
			dispose: () => this.heap.release(at)
		});
	}

	/** Float32 values of a piece as a tensor of their own. */
	copied(at: number, dims: readonly number[]): Tensor {
		return new this.#Tensor('float32', this.read(at, elementCount(dims)), dims);
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
		const row = width * bytesPerElement[from.type as FixedType];
		const [source, target] = [inKernels(from)!.bytes(), inKernels(to)!.bytes()];
		for (let head = 0; head < heads; head++) {
			const start = head * before * row;
			target.set(source.subarray(start, start + positions * row), head * to.dims[2]! * row);
		}
	}
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
