import type { DType, Tensor, TypedArrays } from './tensor.ts';

/**
 * float16 and bfloat16 as bits. Widening is exact; narrowing rounds to nearest, ties to even, like PyTorch: magnitudes
 * beyond the largest finite value become infinity, NaN stays NaN, subnormals are kept.
 */

/** float16 bits → number. */
export function halfToFloat32(bits: number): number {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 0x1f;
	const fraction = bits & 0x3ff;
	if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
	if (exponent === 0) return sign * fraction * 2 ** -24;
	return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Bits of a float32 → float16 bits. */
function halfFromBits(bits: number): number {
	const sign = (bits >>> 16) & 0x8000;
	const magnitude = bits & 0x7fffffff;
	// 65520 and above rounds to infinity; NaN keeps its quiet bit.
	if (magnitude >= 0x477ff000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
	if (magnitude >= 0x38800000) {
		// Normal: move the exponent's bias from 127 to 15 and drop 13 bits, ties to even; a carry runs into the exponent.
		return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
	}
	// Below half of the smallest subnormal.
	if (magnitude < 0x33000000) return sign;
	const shift = 126 - (magnitude >>> 23);
	const significand = (magnitude & 0x7fffff) | 0x800000;
	const kept = significand >>> shift;
	const rest = significand & ((1 << shift) - 1);
	const tie = 1 << (shift - 1);
	return sign | (kept + (rest > tie || (rest === tie && (kept & 1) === 1) ? 1 : 0));
}

let halfTable: Uint32Array | undefined;

/** float32 bits of every float16, 256 KiB, made on first use. */
function halfBitsTable(): Uint32Array {
	if (!halfTable) {
		const values = Float32Array.from({ length: 0x10000 }, (_, bits) => halfToFloat32(bits));
		halfTable = new Uint32Array(values.buffer);
	}
	return halfTable;
}

/** float16 bits → float32, all of them. */
export function halvesToFloat32(bits: Uint16Array): Float32Array {
	const table = halfBitsTable();
	const out = new Uint32Array(bits.length);
	for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]!]!;
	return new Float32Array(out.buffer);
}

/** float32 → float16 bits, all of them. */
export function float32ToHalf(values: Float32Array): Uint16Array {
	const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
	const out = new Uint16Array(values.length);
	for (let i = 0; i < bits.length; i++) out[i] = halfFromBits(bits[i]!);
	return out;
}

/** bfloat16 bits → float32, all of them. */
export function bfloat16sToFloat32(bits: Uint16Array): Float32Array {
	const out = new Uint32Array(bits.length);
	for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
	return new Float32Array(out.buffer);
}

const widen: { readonly [D in DType]: (data: TypedArrays[D]) => Float32Array } = {
	float32: (data) => data,
	float64: (data) => Float32Array.from(data),
	float16: halvesToFloat32,
	bfloat16: bfloat16sToFloat32,
	int64: (data) => Float32Array.from(data, Number),
	int32: (data) => Float32Array.from(data),
	int16: (data) => Float32Array.from(data),
	int8: (data) => Float32Array.from(data),
	uint8: (data) => Float32Array.from(data),
	bool: (data) => Float32Array.from(data)
};

/** The tensor as float32, same shape; a float32 tensor is returned as it is, not copied. */
export function toFloat32<D extends DType>(tensor: Tensor<D>): Tensor<'float32'> {
	return { dtype: 'float32', dims: tensor.dims, data: widen[tensor.dtype](tensor.data) };
}
