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

/** Largest magnitude in a row. In 4 bits it is at the least or the greatest number of a block. */
function mostOf(matrix: StoredMatrix, row: number): number {
	const { columns, bits, packed, scales, zeroPoints } = matrix;
	const blocks = Math.ceil(columns / BLOCK);
	const bytes = (BLOCK * bits) / 8;
	let most = 0;
	for (let block = 0; block < blocks; block++) {
		const length = Math.min(BLOCK, columns - block * BLOCK);
		const from = (row * blocks + block) * bytes;
		let [least, greatest] = [255, 0];
		if (bits === 8)
			for (let i = from; i < from + length; i++) {
				const value = packed[i]!;
				if (value < least) least = value;
				if (value > greatest) greatest = value;
			}
		else {
			const whole = from + (length >> 1);
			for (let i = from; i < whole; i++) {
				const [low, high] = [packed[i]! & 15, packed[i]! >> 4];
				if (low < high) {
					if (low < least) least = low;
					if (high > greatest) greatest = high;
				} else {
					if (high < least) least = high;
					if (low > greatest) greatest = low;
				}
			}
			if (length & 1) {
				least = Math.min(least, packed[whole]! & 15);
				greatest = Math.max(greatest, packed[whole]! & 15);
			}
		}
		const zero = zeroOf(zeroPoints, row, block, blocks, bits);
		const scale = scales[row * blocks + block]!;
		const magnitude = Math.max(Math.abs(least - zero), Math.abs(greatest - zero)) * Math.abs(scale);
		most = Math.max(most, Math.fround(magnitude));
	}
	return most;
}

function zeroOf(zeroPoints: Uint8Array, row: number, block: number, blocks: number, bits: 4 | 8): number {
	if (bits === 8) return zeroPoints[row * blocks + block]!;
	const both = zeroPoints[row * Math.ceil(blocks / 2) + (block >> 1)]!;
	return block & 1 ? both >> 4 : both & 15;
}

/** Math.round of what lies between −128 and 127, in whole numbers. */
const round = (value: number) => ((value + 128.5) | 0) - 128;

/** What the numbers of a block of 4 bits become. */
const table = new Int8Array(16);

/** A row times `inverse`, rounded, int8 [K], written to `to` at `at`: a block has few numbers, so each is computed once in 4 bits. */
function roundRow(matrix: StoredMatrix, row: number, inverse: number, to: Int8Array, at: number): void {
	const { columns, bits, packed, scales, zeroPoints } = matrix;
	const blocks = Math.ceil(columns / BLOCK);
	for (let block = 0; block < blocks; block++) {
		const first = block * BLOCK;
		const length = Math.min(BLOCK, columns - first);
		const zero = zeroOf(zeroPoints, row, block, blocks, bits);
		const scale = scales[row * blocks + block]!;
		let out = at + first;
		if (bits === 8) {
			const from = (row * blocks + block) * BLOCK;
			for (let i = from; i < from + length; i++)
				to[out++] = round(Math.fround((packed[i]! - zero) * scale) * inverse);
			continue;
		}
		for (let number = 0; number < 16; number++)
			table[number] = round(Math.fround((number - zero) * scale) * inverse);
		const from = (row * blocks + block) * (BLOCK / 2);
		for (let i = from; i < from + (length >> 1); i++) {
			const byte = packed[i]!;
			to[out++] = table[byte & 15]!;
			to[out++] = table[byte >> 4]!;
		}
		if (length & 1) to[out] = table[packed[from + (length >> 1)]! & 15]!;
	}
}

/**
 * Largest magnitude in a row of the sums of two neighbours of one sign, k and k + 1 for even k.
 * @param row float32 [K]
 */
function mostOfPairs(row: Float32Array): number {
	let most = 0;
	for (let k = 0; k + 1 < row.length; k += 2) {
		const [a, b] = [row[k]!, row[k + 1]!];
		// Of two signs, the larger one alone is `mostOf`'s.
		if (a > 0 === b > 0) most = Math.max(most, Math.abs(a + b));
	}
	return Math.fround(most);
}

export interface ColumnOptions {
	/**
	 * Neighbours k and k + 1 (k even) of one sign add up to 128 at most. Kernels for processors without an instruction for products of bytes
	 * (x86-64 without VNNI) add the products of two neighbours with bytes up to 255 in 16 bits, where what is above is cut off, without a
	 * word: 255 · 128 still fits.
	 */
	readonly pairs?: boolean;
}

/**
 * The matrix transposed, in 8 bits by column: w ≈ values · scales.
 * @param values int8 [K, N], written
 * @param scales float32 [N], written: the column's largest magnitude over 127 — with `pairs`, that of two neighbours where it is larger
 */
export function toInt8Columns(
	matrix: StoredMatrix,
	values: Int8Array,
	scales: Float32Array,
	{ pairs = false }: ColumnOptions = {}
): void {
	const { rows: N, columns: K } = matrix;
	const tile = new Int8Array(Math.min(TILE, N) * K);
	const decoded = new Float32Array(pairs ? K : 0);
	for (let first = 0; first < N; first += TILE) {
		const count = Math.min(TILE, N - first);
		for (let n = 0; n < count; n++) {
			let most = mostOf(matrix, first + n);
			if (pairs) {
				decodeRow(matrix, first + n, decoded, 0);
				// Each of two is rounded by a half at most, so 127 becomes no more than 128.
				most = Math.max(most, mostOfPairs(decoded));
			}
			scales[first + n] = most === 0 ? 1 : most / 127;
			roundRow(matrix, first + n, most === 0 ? 0 : Math.fround(127 / most), tile, n * K);
		}
		for (let k = 0; k < K; k++) {
			const out = k * N + first;
			for (let n = 0; n < count; n++) values[out + n] = tile[n * K + k]!;
		}
	}
}

/** The matrix transposed, float32 [K, N]. */
export function toFloatColumns(matrix: StoredMatrix, values: Float32Array): void {
	const { rows: N, columns: K } = matrix;
	eachTile(matrix, (tile, first, count) => {
		for (let k = 0; k < K; k++) for (let n = 0; n < count; n++) values[k * N + first + n] = tile[n * K + k]!;
	});
}
