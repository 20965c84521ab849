import { BLOCK } from './quantize.ts';

/** Rows that are decoded before they are written as columns: their values stay in the cache. */
const TILE = 64;

/** A matrix of `quantizeMatrix` as it lies in a weight shard. */
export interface StoredMatrix {
	/** N: rows of the checkpoint's matrix [N, K]. */
	readonly rows: number;
	/** K */
	readonly columns: number;
	readonly bits: 4 | 8;
	/** uint8 [N, ceil(K / BLOCK), BLOCK · bits / 8] */
	readonly packed: Uint8Array;
	/** float32 [N, blocks] */
	readonly scales: Float32Array;
	/** uint8 [N, ceil(blocks · bits / 8)] */
	readonly zeroPoints: Uint8Array;
}

/** Values of row `row`, float32 [K], written to `to` at `at`. */
function decodeRow(
	{ columns, bits, packed, scales, zeroPoints }: StoredMatrix,
	row: number,
	to: Float32Array,
	at: number
): void {
	const blocks = Math.ceil(columns / BLOCK);
	const zeroBytes = Math.ceil((blocks * bits) / 8);
	for (let block = 0; block < blocks; block++) {
		const scale = scales[row * blocks + block]!;
		const first = block * BLOCK;
		const length = Math.min(BLOCK, columns - first);
		const out = at + first;
		if (bits === 8) {
			const zero = zeroPoints[row * zeroBytes + block]!;
			const from = (row * blocks + block) * BLOCK;
			for (let i = 0; i < length; i++) to[out + i] = (packed[from + i]! - zero) * scale;
		} else {
			const both = zeroPoints[row * zeroBytes + (block >> 1)]!;
			const zero = block & 1 ? both >> 4 : both & 15;
			const from = (row * blocks + block) * (BLOCK / 2);
			for (let i = 0; i < length; i++) {
				const byte = packed[from + (i >> 1)]!;
				to[out + i] = ((i & 1 ? byte >> 4 : byte & 15) - zero) * scale;
			}
		}
	}
}

/** Decodes the rows tile by tile, float32 [count, K] each, from row `first` on. */
function eachTile(
	matrix: StoredMatrix,
	take: (tile: Float32Array, first: number, count: number) => void
): void {
	const { rows: N, columns: K } = matrix;
	const tile = new Float32Array(Math.min(TILE, N) * K);
	for (let first = 0; first < N; first += TILE) {
		const count = Math.min(TILE, N - first);
		for (let n = 0; n < count; n++) decodeRow(matrix, first + n, tile, n * K);
		take(tile, first, count);
	}
}

/**
 * The matrix transposed, in 8 bits by column: w ≈ values · scales.
 * @param values int8 [K, N], written
 * @param scales float32 [N], written: the column's largest magnitude over 127
 */
export function toInt8Columns(matrix: StoredMatrix, values: Int8Array, scales: Float32Array): void {
	const { rows: N, columns: K } = matrix;
	const inverse = new Float32Array(TILE);
	eachTile(matrix, (tile, first, count) => {
		for (let n = 0; n < count; n++) {
			let most = 0;
			for (let k = n * K; k < (n + 1) * K; k++) most = Math.max(most, Math.abs(tile[k]!));
			scales[first + n] = most === 0 ? 1 : most / 127;
			inverse[n] = most === 0 ? 0 : 127 / most;
		}
		for (let k = 0; k < K; k++)
			for (let n = 0; n < count; n++) values[k * N + first + n] = Math.round(tile[n * K + k]! * inverse[n]!);
	});
}

/** The matrix transposed, float32 [K, N]. */
export function toFloatColumns(matrix: StoredMatrix, values: Float32Array): void {
	const { rows: N, columns: K } = matrix;
	eachTile(matrix, (tile, first, count) => {
		for (let k = 0; k < K; k++) for (let n = 0; n < count; n++) values[k * N + first + n] = tile[n * K + k]!;
	});
}
