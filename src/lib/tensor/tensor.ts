/**
 * A tensor in memory. Half-precision types keep their bits in a Uint16Array (see `half.ts`), int64 is a BigInt64Array,
 * bool is one byte a value. Data is row-major and contiguous; `dims` is empty for a scalar.
 */
export type TypedArrays = {
	float32: Float32Array;
	float64: Float64Array;
	float16: Uint16Array;
	bfloat16: Uint16Array;
	int64: BigInt64Array;
	int32: Int32Array;
	int16: Int16Array;
	int8: Int8Array;
	uint8: Uint8Array;
	bool: Uint8Array;
};

export type DType = keyof TypedArrays;

export interface Tensor<D extends DType = DType> {
	readonly dtype: D;
	readonly dims: readonly number[];
	readonly data: TypedArrays[D];
}

export const bytesPerElement: Readonly<Record<DType, number>> = {
	float32: 4,
	float64: 8,
	float16: 2,
	bfloat16: 2,
	int64: 8,
	int32: 4,
	int16: 2,
	int8: 1,
	uint8: 1,
	bool: 1
};

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
	return dims.reduce((product, dim) => product * dim, 1);
}

/** Makes a tensor after checking that the data fits the shape. */
export function tensor<D extends DType>(dtype: D, dims: readonly number[], data: TypedArrays[D]): Tensor<D> {
	if (data.length !== elementCount(dims))
		throw new Error(
			`A ${dtype} tensor [${dims.join(', ')}] needs ${elementCount(dims)} values, got ${data.length}.`
		);
	return { dtype, dims, data };
}
