import type { DType, Tensor } from '../tensor/tensor.ts';

/** What a checkpoint says of one tensor before its bytes are read. */
export interface TensorEntry {
	readonly name: string;
	readonly dtype: DType;
	readonly dims: readonly number[];
}

/**
 * Named tensors on disk. `read` loads one tensor and keeps nothing, so that memory stays near one tensor whatever the
 * size of the folder.
 */
export interface Checkpoint {
	/** Every tensor, in file order. */
	readonly entries: ReadonlyMap<string, TensorEntry>;
	read(name: string): Promise<Tensor>;
}
