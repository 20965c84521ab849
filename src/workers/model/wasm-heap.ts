/**
 * Sessions of onnxruntime-web on WASM that leave tensors in the runtime's own memory. `session.run` of the runtime copies every input into
 * that memory and every output out of it: of a cache of 1,900 positions of a model with 135M parameters twice 87 MB for each token. Its C
 * interface, which the same JavaScript calls, knows tensors that stay.
 */
import type { InferenceSession, Tensor, TensorConstructor, TensorFactory } from 'onnxruntime-common';
import {
	ofBackend,
	type FixedMemory,
	type FixedType,
	type Session
} from '../../lib/model/runtime/backend.ts';
import { elementCount } from '../../lib/tensor/tensor.ts';
import { ForeignPlace } from '../../lib/model/runtime/foreign-place.ts';
import { firstGraph } from './first-graph.ts';

/** What is used of the runtime's WebAssembly module (onnxruntime/wasm/api.h, and Emscripten's own). */
export interface WasmInstance {
	readonly HEAPU8: Uint8Array;
	readonly PTR_SIZE: number;
	_malloc(bytes: number): number;
	_free(address: number): void;
	stackSave(): number;
	stackRestore(stack: number): void;
	stackAlloc(bytes: number): number;
	getValue(address: number, type: '*' | 'i32'): number;
	setValue(address: number, value: number, type: '*' | 'i32'): void;
	UTF8ToString(address: number): string;
	stringToUTF8(text: string, address: number, bytes: number): void;
	lengthBytesUTF8(text: string): number;
	_OrtCreateTensor(
		type: number,
		data: number,
		bytes: number,
		dims: number,
		rank: number,
		location: number
	): number;
	_OrtReleaseTensor(tensor: number): number;
	_OrtGetTensorData(tensor: number, type: number, data: number, dims: number, rank: number): number;
	_OrtFree(address: number): number;
	_OrtCreateRunOptions(severity: number, verbosity: number, terminate: boolean, tag: number): number;
	_OrtRun(
		session: number,
		inputNames: number,
		inputs: number,
		inputCount: number,
		outputNames: number,
		outputCount: number,
		outputs: number,
		options: number
	): number;
	_OrtGetLastError(code: number, message: number): number;
}

/** Where a tensor's values lie that stay in the runtime's memory. */
class InHeap {
	/** The runtime's tensor. */
	readonly handle: number;
	/** Address of the first value. */
	readonly data: number;

	constructor(handle: number, data: number) {
		this.handle = handle;
		this.data = data;
	}
}

/** TensorProto.DataType, bytes of an element, and what holds them here. */
const types = {
	float32: { code: 1, size: 4, array: Float32Array },
	uint8: { code: 2, size: 1, array: Uint8Array },
	int32: { code: 6, size: 4, array: Int32Array },
	int64: { code: 7, size: 8, array: BigInt64Array },
	bool: { code: 9, size: 1, array: Uint8Array },
	float16: { code: 10, size: 2, array: Uint16Array }
} as const;
type HeapType = keyof typeof types;
const typeOf = (code: number) =>
	(Object.keys(types) as HeapType[]).find((name) => types[name].code === code) ??
	raise(`A graph gave a tensor of the type ${code}, which is not read here.`);

/** OrtMemoryInfo of the processor. */
const CPU = 1;
/** OrtLoggingLevel: what is less is not said. */
const WARNING = 2;

/** onnxruntime-web on WASM, and its module once a session has been made. */
export interface WasmRuntime {
	readonly ort: typeof import('onnxruntime-web/wasm');
	readonly instance: () => WasmInstance | undefined;
}

/** Starts the runtime, which it does with its first session. @throws BackendError */
export async function startHeap({ ort, instance }: WasmRuntime): Promise<WasmHeap> {
	const options = { executionProviders: ['wasm'], logSeverityLevel: 3 } as const;
	await (await ofBackend(ort.InferenceSession.create(firstGraph(), options))).release();
	return new WasmHeap(instance() ?? raise('The runtime has not started.'), ort.Tensor);
}

/** The runtime's memory, and sessions that know it. */
export class WasmHeap {
	readonly memory: FixedMemory;
	readonly #wasm: WasmInstance;
	readonly #Tensor: TensorConstructor & TensorFactory;
	readonly #options: number;
	/** Addresses of names, which the runtime takes as C strings. */
	readonly #names = new Map<string, number>();

	constructor(wasm: WasmInstance, Tensor: TensorConstructor & TensorFactory) {
		this.#wasm = wasm;
		this.#Tensor = Tensor;
		this.#options = wasm._OrtCreateRunOptions(WARNING, 0, false, 0);
		this.memory = {
			allocate: (type, dims) => this.#allocate(type, dims),
			write: (to, { buffer, byteOffset, byteLength }) =>
				this.#wasm.HEAPU8.set(new Uint8Array(buffer, byteOffset, byteLength), inHeap(to)!.data),
			read: async (from) => this.#read('float32', inHeap(from)!.data, from.size) as Float32Array,
			copy: (from, to, positions) => this.#copy(from, to, positions)
		};
	}

	/**
	 * The session, run by way of the C interface.
	 * @param stay outputs that stay in the runtime's memory
	 */
	session(session: InferenceSession, stay: readonly string[]): Session {
		const { sessionId } = (session as unknown as { handler: { sessionId: number } }).handler;
		const staying = new Set(stay);
		return {
			inputNames: session.inputNames,
			outputNames: session.outputNames,
			run: async (feeds, fetches) => this.#run(sessionId, feeds, fetches, staying),
			release: () => session.release()
		};
	}

	#run(
		session: number,
		feeds: Readonly<Record<string, Tensor>>,
		fetches: Parameters<Session['run']>[1],
		stay: ReadonlySet<string>
	): Record<string, Tensor> {
		const wasm = this.#wasm;
		const stack = wasm.stackSave();
		const mine: InHeap[] = [];
		const copied = (tensor: Tensor): number => {
			const made = this.#copyIn(tensor);
			mine.push(made);
			return made.handle;
		};
		const outputs = Object.entries(fetches);
		try {
			const pointers = (values: readonly number[]) => {
				const at = wasm.stackAlloc(values.length * wasm.PTR_SIZE);
				values.forEach((value, i) => wasm.setValue(at + i * wasm.PTR_SIZE, value, '*'));
				return at;
			};
			const names = (all: readonly string[]) => pointers(all.map((name) => this.#name(name)));
			const given = outputs.map(([, tensor]) => (tensor ? inHeap(tensor)!.handle : 0));
			const inputNames = Object.keys(feeds);
			const inputs = pointers(Object.values(feeds).map((tensor) => inHeap(tensor)?.handle ?? copied(tensor)));
			const results = pointers(given);
			this.#check(
				wasm._OrtRun(
					session,
					names(inputNames),
					inputs,
					inputNames.length,
					names(outputs.map(([name]) => name)),
					outputs.length,
					results,
					this.#options
				)
			);
			return Object.fromEntries(
				outputs.map(([name, tensor], i) => {
					if (tensor) return [name, tensor];
					const handle = wasm.getValue(results + i * wasm.PTR_SIZE, '*');
					return [name, this.#output(handle, stay.has(name))];
				})
			);
		} finally {
			for (const { handle, data } of mine) {
				wasm._OrtReleaseTensor(handle);
				wasm._free(data);
			}
			wasm.stackRestore(stack);
		}
	}

	/** A tensor that the runtime made: left where it is, or copied out and given back. */
	#output(handle: number, stay: boolean): Tensor {
		const wasm = this.#wasm;
		const size = wasm.PTR_SIZE;
		const stack = wasm.stackSave();
		try {
			const at = wasm.stackAlloc(4 * size);
			this.#check(wasm._OrtGetTensorData(handle, at, at + size, at + 2 * size, at + 3 * size));
			const [code, data, shape, rank] = [0, 1, 2, 3].map((i) => wasm.getValue(at + i * size, '*')) as [
				number,
				number,
				number,
				number
			];
			const dims = Array.from({ length: rank }, (_, i) => wasm.getValue(shape + i * size, '*'));
			wasm._OrtFree(shape);
			const type = typeOf(code);
			if (stay)
				return this.#staying(type, dims, new InHeap(handle, data), () => wasm._OrtReleaseTensor(handle));
			const values = this.#read(type, data, elementCount(dims));
			wasm._OrtReleaseTensor(handle);
			return new this.#Tensor(type, values as Float32Array, dims);
		} finally {
			wasm.stackRestore(stack);
		}
	}

	#read(type: HeapType, data: number, count: number) {
		const { size, array } = types[type];
		return new array(this.#wasm.HEAPU8.slice(data, data + count * size).buffer);
	}

	/** A tensor by the name of what it is for the runtime's JavaScript: one that lies elsewhere. */
	#staying(type: HeapType, dims: readonly number[], place: InHeap, release: () => void): Tensor {
		return this.#Tensor.fromGpuBuffer(place as unknown as GPUBuffer, {
			dataType: type as 'float32',
			dims,
			download: async () => this.#read(type, place.data, elementCount(dims)) as Float32Array,
			dispose: release
		});
	}

	#allocate(type: FixedType, dims: readonly number[]): Tensor {
		const bytes = elementCount(dims) * types[type].size;
		const data = this.#malloc(bytes);
		this.#wasm.HEAPU8.fill(0, data, data + bytes);
		const handle = this.#tensor(type, data, bytes, dims);
		return this.#staying(type, dims, new InHeap(handle, data), () => {
			this.#wasm._OrtReleaseTensor(handle);
			this.#wasm._free(data);
		});
	}

	#copy(from: Tensor, to: Tensor, positions: number): void {
		const [, heads, before, width] = from.dims as [number, number, number, number];
		const row = width * types[from.type as HeapType].size;
		for (let head = 0; head < heads; head++) {
			const source = inHeap(from)!.data + head * before * row;
			this.#wasm.HEAPU8.copyWithin(
				inHeap(to)!.data + head * to.dims[2]! * row,
				source,
				source + positions * row
			);
		}
	}

	#copyIn(tensor: Tensor): InHeap {
		const bytes = bytesOf(tensor);
		const data = this.#malloc(bytes.length);
		this.#wasm.HEAPU8.set(bytes, data);
		return new InHeap(this.#tensor(tensor.type as HeapType, data, bytes.length, tensor.dims), data);
	}

	#malloc(bytes: number): number {
		// malloc(0) may be 0.
		const data = this.#wasm._malloc(Math.max(bytes, 1));
		if (data === 0) raise(`WASM's memory has no ${bytes} bytes left.`);
		return data;
	}

	#tensor(type: HeapType, data: number, bytes: number, dims: readonly number[]): number {
		const wasm = this.#wasm;
		const stack = wasm.stackSave();
		try {
			const shape = wasm.stackAlloc(Math.max(1, dims.length) * wasm.PTR_SIZE);
			dims.forEach((dim, i) => wasm.setValue(shape + i * wasm.PTR_SIZE, dim, '*'));
			const handle = wasm._OrtCreateTensor(types[type].code, data, bytes, shape, dims.length, CPU);
			if (handle === 0) this.#fail();
			return handle;
		} finally {
			wasm.stackRestore(stack);
		}
	}

	#name(name: string): number {
		let at = this.#names.get(name);
		if (at === undefined) {
			const bytes = this.#wasm.lengthBytesUTF8(name) + 1;
			at = this.#malloc(bytes);
			this.#wasm.stringToUTF8(name, at, bytes);
			this.#names.set(name, at);
		}
		return at;
	}

	#check(code: number): void {
		if (code !== 0) this.#fail();
	}

	/** @throws Error with the runtime's words */
	#fail(): never {
		const wasm = this.#wasm;
		const at = wasm.stackAlloc(2 * wasm.PTR_SIZE);
		wasm._OrtGetLastError(at, at + wasm.PTR_SIZE);
		const message = wasm.getValue(at + wasm.PTR_SIZE, '*');
		throw new Error(message ? wasm.UTF8ToString(message) : 'onnxruntime failed without a message.');
	}
}

/** Of a tensor that does not lie in the runtime's memory. */
function bytesOf(tensor: Tensor): Uint8Array {
	if (tensor.location === 'gpu-buffer') return (tensor.gpuBuffer as unknown as ForeignPlace).bytes();
	const { buffer, byteOffset, byteLength } = tensor.data as Float32Array;
	return new Uint8Array(buffer, byteOffset, byteLength);
}

function inHeap(tensor: Tensor): InHeap | undefined {
	if (tensor.location !== 'gpu-buffer') return undefined;
	const place: unknown = tensor.gpuBuffer;
	if (place instanceof ForeignPlace) return undefined;
	return place instanceof InHeap ? place : raise('A tensor lies on a GPU that WASM does not reach.');
}

function raise(sentence: string): never {
	throw new Error(sentence);
}
