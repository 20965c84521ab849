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

/**
 * Rounds a float32 matrix [rows, columns] to unsigned 4- or 8-bit integers, one scale and zero point for every 32 columns:
 * w ≈ scale · (q − zero_point). The range always holds 0, so zeros stay exact. Layout: onnxruntime's MatMulNBits.
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
	for (let row = 0; row < rows; row++) {
		for (let block = 0; block < blocks; block++) {
			const start = row * columns + block * BLOCK;
			const end = row * columns + Math.min((block + 1) * BLOCK, columns);
			let least = 0;
			let most = 0;
			for (let i = start; i < end; i++) {
				const value = matrix[i]!;
				if (value < least) least = value;
				else if (value > most) most = value;
			}
			const scale = Math.fround((most - least) / levels) || 1;
			const inverse = 1 / scale;
			const zero = Math.min(levels, Math.max(0, Math.round(-least * inverse)));
			// w / scale + zero lies above −1, so that truncation after adding a half rounds to nearest.
			const shift = zero + 0.5;
			const index = row * blocks + block;
			scales[index] = scale;
			if (bits === 8) {
				zeroPoints[row * zeroBytes + block] = zero;
				const out = index * blockBytes;
				for (let i = start; i < end; i++) {
					const q = (matrix[i]! * inverse + shift) | 0;
					packed[out + i - start] = q > levels ? levels : q;
				}
				packed.fill(zero, out + end - start, out + blockBytes);
			} else {
				zeroPoints[row * zeroBytes + (block >> 1)]! |= zero << ((block & 1) * 4);
				const out = index * blockBytes;
				const whole = start + ((end - start) & ~1);
				let at = out;
				for (let i = start; i < whole; i += 2) {
					const low = (matrix[i]! * inverse + shift) | 0;
					const high = (matrix[i + 1]! * inverse + shift) | 0;
					packed[at++] = (low > levels ? levels : low) | ((high > levels ? levels : high) << 4);
				}
				if (whole < end) {
					const low = (matrix[whole]! * inverse + shift) | 0;
					packed[at++] = (low > levels ? levels : low) | (zero << 4);
				}
				packed.fill(zero | (zero << 4), at, out + blockBytes);
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
