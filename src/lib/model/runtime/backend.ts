import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-common';
import { sentence } from '../../bytes/sentence.ts';
import type { GraphFiles } from '../manifest.ts';
import type { ModelFolder, OnBytes } from './model-folder.ts';
import type { BackendInfo } from './types.ts';

/** What is used of a session. */
export interface Session extends Pick<InferenceSession, 'inputNames' | 'outputNames' | 'release'> {
	/** @param fetches outputs that are wanted, each with the tensor it is written into, or null for a new one */
	run(
		feeds: InferenceSession.FeedsType,
		fetches: Readonly<Record<string, OrtTensor | null>>
	): Promise<InferenceSession.OnnxValueMapType>;
	/** Memory that its tensors are read and written in place in, where it is not the backend's. */
	readonly memory?: FixedMemory;
}

export type FixedType = 'float32' | 'float16' | 'int32' | 'int64';

/** Memory of a backend for tensors that one run after the other reads and writes in place. */
export interface FixedMemory {
	/**
	 * A tensor of zeros where graphs run; it may be fed and fetched at once.
	 * @param holds `cache`: keys or values of a language model, for which memory may have fewer bits than `type`. Whoever reads them gets `type`.
	 */
	allocate(type: FixedType, dims: readonly number[], holds?: 'cache'): OrtTensor;
	/** Sets all values. */
	write(to: OrtTensor, values: Float32Array | Int32Array | BigInt64Array): void;
	/** All values of a float32 tensor. */
	read(from: OrtTensor): Promise<Float32Array>;
	/** The first `positions` of `from` [1, head, position, width] are written to `to`, which has room for more or fewer positions. */
	copy(from: OrtTensor, to: OrtTensor, positions: number): void;
}

export interface SessionRequest {
	readonly folder: ModelFolder;
	readonly files: GraphFiles;
	/** Outputs that are fed back and therefore stay where the graph runs (GPU memory on WebGPU). */
	readonly stayOnDevice?: readonly string[];
	/** Runs on the CPU whatever the backend: for graphs that are one look-up between two steps on the CPU. */
	readonly onCpu?: boolean;
	readonly onBytes?: OnBytes;
	/** Makes another graph of the stored one, over the same weights: for probes of what is no output of it. */
	readonly rewrite?: (graph: Uint8Array) => Uint8Array;
}

/**
 * What computes has failed: a session could not be made or run, the device is lost or out of memory, or what came out are no numbers.
 * Nothing that it holds is to be trusted from then on. After any other error a model is as usable as before.
 */
export class BackendError extends Error {
	override readonly name = 'BackendError';
}

/** Awaits what the runtime does. @throws BackendError with its words */
export async function ofBackend<T>(work: Promise<T>): Promise<T> {
	try {
		return await work;
	} catch (error) {
		// The runtime's own code in WebAssembly throws numbers, too.
		throw new BackendError(typeof error === 'number' ? `${error}` : sentence(error), { cause: error });
	}
}

/** Where graphs run: onnxruntime-node, or onnxruntime-web on WebGPU or WASM. */
export interface Backend {
	readonly info: BackendInfo;
	/** The Tensor class of the runtime's own copy of onnxruntime-common. */
	readonly Tensor: TensorConstructor;
	/** Positions that there is memory for; as many as the model was made for when absent. */
	readonly context?: number;
	/** Absent where a runtime gives every output a memory of its own. */
	readonly memory?: FixedMemory;
	/** Every file it reads has been checked by the folder. */
	createSession(request: SessionRequest): Promise<Session>;
	/** A session of a graph without weights, with all that the machine has for it. @throws BackendError when the runtime cannot make it */
	openGraph(graph: Uint8Array): Promise<Session>;
	/** Gives back what the backend itself holds; sessions are released by their owners. */
	dispose(): Promise<void>;
}
