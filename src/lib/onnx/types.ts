import type { DType } from '../tensor/tensor.ts';

/** Types that our graphs compute in. */
export type ValueType = Extract<DType, 'float32' | 'float16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'bool'>;

/** A size, or the name of a size known at run time. */
export type Dim = number | string;

/** A named edge of the graph. */
export interface Value {
	readonly name: string;
	readonly dtype: ValueType;
}

/** An attribute: integer or float is told by the wrapper, since JavaScript does not tell 1 from 1.0. */
export type Attribute =
	| { readonly int: number }
	| { readonly float: number }
	| { readonly ints: readonly number[] }
	| { readonly string: string };

export const int = (value: number): Attribute => ({ int: value });
export const float = (value: number): Attribute => ({ float: value });
export const ints = (value: readonly number[]): Attribute => ({ ints: value });

/** A tensor that lies outside the graph, in a weight shard. */
export interface Weight {
	/** Unique in the model folder; the checkpoint's key with a suffix when it is stored transformed. */
	readonly name: string;
	readonly dtype: ValueType;
	readonly dims: readonly number[];
	/** Makes the little-endian bytes, when the shard is written. A piece is valid until the second one after it is asked for. */
	readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** Where a weight's bytes lie once the shards are laid out. */
export interface WeightLocation {
	readonly file: string;
	readonly offset: number;
	readonly length: number;
}

/** TensorProto.DataType of each type. */
export const onnxDataType: Readonly<Record<ValueType, number>> = {
	float32: 1,
	uint8: 2,
	int8: 3,
	int32: 6,
	int64: 7,
	bool: 9,
	float16: 10
};
