import { bytesPerElement, type DType, type Tensor } from '../tensor/tensor.ts';
import { toBytes } from './bytes.ts';

/** What a checkpoint says of one tensor before its bytes are read. */
export interface TensorEntry {
	readonly name: string;
	readonly dtype: DType;
	readonly dims: readonly number[];
}

/** One tensor, read in parts. */
export interface TensorReader {
	readonly dtype: DType;
	/** Number of elements. */
	readonly count: number;
	/**
	 * Little-endian bytes of the elements `[start, end)` in row-major order.
	 * @param into of their length: may be filled and returned instead of a new array
	 */
	read(start: number, end: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** With the tensor's key, for messages. */
export interface NamedTensor extends TensorReader {
	readonly name: string;
}

/**
 * Named tensors on disk. `read` loads one tensor and keeps nothing, so that memory stays near one tensor whatever the
 * size of the folder.
 */
export interface Checkpoint {
	/** Every tensor, in file order. */
	readonly entries: ReadonlyMap<string, TensorEntry>;
	/** Tensors that are there but cannot be read (a type of number that no weight of ours has, say): name → why, as the end of "Tensor NAME …". */
	readonly unreadable?: ReadonlyMap<string, string>;
	/** What a reader of the checkpoint should know: files that were passed over, a way of saving that was seen through. Whole sentences. */
	readonly notes?: readonly string[];
	read(name: string): Promise<Tensor>;
	/** The tensor in parts; undefined (or no such method) where it is only to be had as a whole. */
	parts?(name: string): TensorReader | undefined;
}

/** A tensor in parts, of a checkpoint that may have it only as a whole. */
export async function tensorReader(checkpoint: Checkpoint, name: string): Promise<TensorReader> {
	const parts = checkpoint.parts?.(name);
	if (parts) return parts;
	const tensor = await checkpoint.read(name);
	const bytes = toBytes(tensor);
	const size = bytesPerElement[tensor.dtype];
	return {
		dtype: tensor.dtype,
		count: tensor.data.length,
		read: async (start, end) => bytes.subarray(start * size, end * size)
	};
}
