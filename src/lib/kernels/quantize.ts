/** Columns that share one scale and zero point. */
export const BLOCK = 32;

export interface QuantizedMatrix {
	/** uint8 [rows, ceil(columns / BLOCK), BLOCK · bits / 8]; the low nibble comes first. */
	readonly packed: Uint8Array;
	/** float32 [rows, blocks] */
	readonly scales: Float32Array;
	/** uint8 [rows, ceil(blocks · bits / 8)], packed like the values */
	readonly zeroPoints: Uint8Array;
}

/** Least normal float32. Where a block's scale would be below it, the block is zero. */
export const LEAST_SCALE = 2 ** -126;

/** A float32 below 2²² added to this is rounded to an integer, ties to even, which is in the low bits. */
export const ROUNDING = 1.5 * 2 ** 23;

const { fround } = Math;

/**
 * Rounds a float32 matrix [rows, columns] to unsigned 4- or 8-bit integers, one scale and zero point for every 32 columns:
 * w ≈ scale · (q − zero_point). The range always holds 0, so zeros stay exact. Layout: onnxruntime's MatMulNBits. Every step is
 * rounded to float32, ties to even. Values are finite, and so is their range.
 *
 * This is the definition, in plain TypeScript; conversion computes the same with vectors (`kernels.ts`).
 */
export function quantizeMatrix(
	matrix: Float32Array,
	rows: number,
	columns: number,
	bits: 4 | 8
): QuantizedMatrix {
	const blocks = Math.ceil(columns / BLOCK);
	const blockBytes = (BLOCK * bits) / 8;
	const levels = bits === 4 ? 15 : 255;
	const zeroBytes = Math.ceil((blocks * bits) / 8);
	const packed = new Uint8Array(rows * blocks * blockBytes);
	const scales = new Float32Array(rows * blocks);
	const zeroPoints = new Uint8Array(rows * zeroBytes);
	const limited = (value: number) => Math.min(levels, Math.max(0, value));
	/** Writes code `index` of those that begin at `start`. */
	const put = (to: Uint8Array, start: number, index: number, code: number) => {
		if (bits === 8) to[start + index] = code;
		else to[start + (index >> 1)]! |= code << (4 * (index & 1));
	};
	for (let row = 0; row < rows; row++) {
		for (let block = 0; block < blocks; block++) {
			const start = row * columns + block * BLOCK;
			const length = Math.min(BLOCK, columns - block * BLOCK);
			let least = 0;
			let most = 0;
			for (let i = start; i < start + length; i++) {
				const value = matrix[i]!;
				if (value < least) least = value;
				else if (value > most) most = value;
			}
			const range = fround(fround(most - least) / levels);
			const scale = range < LEAST_SCALE ? 1 : range;
			const inverse = fround(1 / scale);
			const zero = limited(fround(fround(-least * inverse) + ROUNDING) - ROUNDING);
			const index = row * blocks + block;
			scales[index] = scale;
			put(zeroPoints, row * zeroBytes, block, zero);
			for (let i = 0; i < BLOCK; i++) {
				// Where the row has ended, the code of 0.
				const value = i < length ? matrix[start + i]! : 0;
				const code = fround(fround(value * inverse) + ROUNDING + zero) - ROUNDING;
				put(packed, index * blockBytes, i, limited(code));
			}
		}
	}
	return { packed, scales, zeroPoints };
}

/** Inverse of `quantizeMatrix`, for tests and for reading a quantised model folder. */
export function dequantizeMatrix(
	quantized: QuantizedMatrix,
	rows: number,
	columns: number,
	bits: 4 | 8
): Float32Array {
	const blocks = Math.ceil(columns / BLOCK);
	const blockBytes = (BLOCK * bits) / 8;
	const zeroBytes = Math.ceil((blocks * bits) / 8);
	const matrix = new Float32Array(rows * columns);
	for (let row = 0; row < rows; row++)
		for (let column = 0; column < columns; column++) {
			const block = Math.floor(column / BLOCK);
			const index = row * blocks + block;
			const within = column % BLOCK;
			const nibble = (byte: number, odd: number) => (odd ? byte >> 4 : byte & 15);
			const zero =
				bits === 8
					? quantized.zeroPoints[row * zeroBytes + block]!
					: nibble(quantized.zeroPoints[row * zeroBytes + (block >> 1)]!, block & 1);
			const q =
				bits === 8
					? quantized.packed[index * blockBytes + within]!
					: nibble(quantized.packed[index * blockBytes + (within >> 1)]!, within & 1);
			matrix[row * columns + column] = (q - zero) * quantized.scales[index]!;
		}
	return matrix;
}
