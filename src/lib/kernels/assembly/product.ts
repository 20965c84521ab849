/**
 * y = x · wᵀ of a matrix stored in 4 bits by blocks of 32 columns, with activations in 8 bits by blocks.
 *
 * Weights, made of the stored ones once: groups of four rows of w side by side, so that one vector holds four numbers of each and the four
 * sums come out as one vector. A group:
 *
 *   block 0: 4 × 16 bytes, block 1, …      byte 4c + j of vector g: row c, column 4g + j in the low four bits, 16 + 4g + j in the high ones
 *   float32 scales [block, 4]
 *   uint8 zero points [block, 4]
 *
 * Activations [block, row]: int8 values [32]; behind all of them float32 pairs [block, row]: scale, scale · sum of the values.
 *
 * A block adds scale_w · (scale_x · Σ q·x − zero · scale_x · Σ x), the first sum in whole numbers. 15 · 127 · 2 · 8 < 2¹⁵: sixteen-bit sums
 * hold a block.
 */
import { FIFTEEN, ONE } from './variables';
import { madd } from './vectors';

export const BLOCK: usize = 32;
/** Rows of w in a group. */
const GROUP: usize = 4;
/** Bytes of one block of a group. */
const BYTES: usize = 64;
/** Rows of x that are multiplied while a block's numbers are in registers. */
const ROWS: usize = 64;

/** Bytes of a group. */
export function groupBytes(blocks: usize): usize {
	return blocks * (BYTES + 16 + 4);
}

/** Bytes of activations. */
export function activationBytes(rows: usize, blocks: usize): usize {
	return rows * blocks * (BLOCK + 8);
}

/** Bytes before the group of a row. */
@inline
function groupOf(row: usize, blocks: usize): usize {
	return (row / GROUP) * groupBytes(blocks);
}

/**
 * Rows `[first, first + rows)` of a matrix's stored numbers (MatMulNBits: uint8 [row, block, 16]) at their places in the groups. Rows that the
 * last group has too many are the caller's to clear.
 */
export function arrangeNumbers(packed: usize, first: usize, rows: usize, blocks: usize, to: usize): void {
	for (let row = first; row < first + rows; row++) {
		const at = to + groupOf(row, blocks) + (row % GROUP) * 4;
		for (let block: usize = 0; block < blocks; block++) {
			const out = at + block * BYTES;
			const bytes = v128.load(packed);
			const low = v128.and(bytes, i8x16.splat(15));
			const high = i8x16.shr_u(bytes, 4);
			const lower = i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
			const upper = i8x16.shuffle(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
			const numbers = v128.or(lower, i8x16.shl(upper, 4));
			store<i32>(out, i32x4.extract_lane(numbers, 0));
			store<i32>(out + 16, i32x4.extract_lane(numbers, 1));
			store<i32>(out + 32, i32x4.extract_lane(numbers, 2));
			store<i32>(out + 48, i32x4.extract_lane(numbers, 3));
			packed += 16;
		}
	}
}

/** The same of scales, float32 [row, block]. */
export function arrangeScales(scales: usize, first: usize, rows: usize, blocks: usize, to: usize): void {
	for (let row = first; row < first + rows; row++) {
		const at = to + groupOf(row, blocks) + blocks * BYTES + (row % GROUP) * 4;
		for (let block: usize = 0; block < blocks; block++) {
			store<f32>(at + block * 16, load<f32>(scales));
			scales += 4;
		}
	}
}

/** The same of zero points, two in a byte: uint8 [row, ceil(block / 2)]. */
export function arrangeZeros(zeros: usize, first: usize, rows: usize, blocks: usize, to: usize): void {
	for (let row = first; row < first + rows; row++) {
		const at = to + groupOf(row, blocks) + blocks * (BYTES + 16) + (row % GROUP);
		for (let block: usize = 0; block < blocks; block++) {
			const both = load<u8>(zeros + (block >> 1));
			store<u8>(at + block * 4, block & 1 ? both >> 4 : both & 15);
		}
		zeros += (blocks + 1) >> 1;
	}
}

/** One row of x [columns] in 8 bits: `row` of `rows`. What the last block has too many counts as zeros. */
export function quantizeRow(x: usize, columns: usize, row: usize, rows: usize, to: usize): void {
	const blocks = (columns + BLOCK - 1) / BLOCK;
	const pairs = to + rows * blocks * BLOCK;
	for (let block: usize = 0; block < blocks; block++)
		quantizeBlock(x, columns, block, to + (block * rows + row) * BLOCK, pairs + (block * rows + row) * 8);
}

/** The block in whole numbers, most of its magnitude being 127. */
@inline
function quantizeBlock(x: usize, columns: usize, block: usize, to: usize, pair: usize): void {
	const from = x + block * BLOCK * 4;
	const length = columns - block * BLOCK;
	if (length < BLOCK) {
		quantizePart(from, length, to, pair);
		return;
	}
	let most = f32x4.abs(v128.load(from));
	for (let i: usize = 16; i < 128; i += 16) most = f32x4.max(most, f32x4.abs(v128.load(from + i)));
	most = f32x4.max(most, i8x16.shuffle(most, most, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
	const greatest = max<f32>(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
	const scale: f32 = greatest / 127;
	const inverse = f32x4.splat(greatest > 0 ? 127 / greatest : 0);
	let sums = i32x4.splat(0);
	for (let half: usize = 0; half < 2; half++) {
		const at = from + half * 64;
		const a = rounded(v128.load(at), inverse);
		const b = rounded(v128.load(at, 16), inverse);
		const c = rounded(v128.load(at, 32), inverse);
		const d = rounded(v128.load(at, 48), inverse);
		sums = i32x4.add(sums, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
		v128.store(
			to + half * 16,
			i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
		);
	}
	const sum =
		i32x4.extract_lane(sums, 0) +
		i32x4.extract_lane(sums, 1) +
		i32x4.extract_lane(sums, 2) +
		i32x4.extract_lane(sums, 3);
	store<f32>(pair, scale);
	store<f32>(pair + 4, scale * <f32>sum);
}

@inline
function rounded(x: v128, inverse: v128): v128 {
	return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(x, inverse)));
}

/** `quantizeBlock` of a block that the row does not fill. */
function quantizePart(from: usize, length: usize, to: usize, pair: usize): void {
	let greatest: f32 = 0;
	for (let i: usize = 0; i < length; i++) greatest = max<f32>(greatest, abs(load<f32>(from + i * 4)));
	const scale: f32 = greatest / 127;
	const inverse: f32 = greatest > 0 ? 127 / greatest : 0;
	let sum: i32 = 0;
	for (let i: usize = 0; i < BLOCK; i++) {
		const value = i < length ? <i32>nearest<f32>(load<f32>(from + i * 4) * inverse) : 0;
		store<i8>(to + i, <i8>value);
		sum += value;
	}
	store<f32>(pair, scale);
	store<f32>(pair + 4, scale * <f32>sum);
}

/** Four sums over a block: numbers 0 … 15 of four rows of w, in eight vectors, and 32 values at `a`. */
@inline
function blockSums(
	a: usize,
	ones: v128, l0: v128, l1: v128, l2: v128, l3: v128,
	h0: v128, h1: v128, h2: v128, h3: v128
): v128 {
	if (ASC_FEATURE_RELAXED_SIMD) {
		const low = i16x8.add(
			i16x8.add(pairs(v128.load32_splat(a), l0), pairs(v128.load32_splat(a, 4), l1)),
			i16x8.add(pairs(v128.load32_splat(a, 8), l2), pairs(v128.load32_splat(a, 12), l3))
		);
		const high = i16x8.add(
			i16x8.add(pairs(v128.load32_splat(a, 16), h0), pairs(v128.load32_splat(a, 20), h1)),
			i16x8.add(pairs(v128.load32_splat(a, 24), h2), pairs(v128.load32_splat(a, 28), h3))
		);
		return i32x4.dot_i16x8_s(i16x8.add(low, high), ones);
	}
	let low = i16x8.splat(0);
	let high = i16x8.splat(0);
	let x = v128.load32_splat(a);
	low = i16x8.extmul_low_i8x16_s(x, l0);
	high = i16x8.extmul_high_i8x16_s(x, l0);
	x = v128.load32_splat(a, 4);
	low = i16x8.add(low, i16x8.extmul_low_i8x16_s(x, l1));
	high = i16x8.add(high, i16x8.extmul_high_i8x16_s(x, l1));
	x = v128.load32_splat(a, 8);
	low = i16x8.add(low, i16x8.extmul_low_i8x16_s(x, l2));
	high = i16x8.add(high, i16x8.extmul_high_i8x16_s(x, l2));
	x = v128.load32_splat(a, 12);
	low = i16x8.add(low, i16x8.extmul_low_i8x16_s(x, l3));
	high = i16x8.add(high, i16x8.extmul_high_i8x16_s(x, l3));
	x = v128.load32_splat(a, 16);
	low = i16x8.add(low, i16x8.extmul_low_i8x16_s(x, h0));
	high = i16x8.add(high, i16x8.extmul_high_i8x16_s(x, h0));
	x = v128.load32_splat(a, 20);
	low = i16x8.add(low, i16x8.extmul_low_i8x16_s(x, h1));
	high = i16x8.add(high, i16x8.extmul_high_i8x16_s(x, h1));
	x = v128.load32_splat(a, 24);
	low = i16x8.add(low, i16x8.extmul_low_i8x16_s(x, h2));
	high = i16x8.add(high, i16x8.extmul_high_i8x16_s(x, h2));
	x = v128.load32_splat(a, 28);
	low = i16x8.add(low, i16x8.extmul_low_i8x16_s(x, h3));
	high = i16x8.add(high, i16x8.extmul_high_i8x16_s(x, h3));
	const first = i32x4.dot_i16x8_s(low, ones);
	const second = i32x4.dot_i16x8_s(high, ones);
	return i32x4.add(
		i8x16.shuffle(first, second, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
		i8x16.shuffle(first, second, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
	);
}

/** Sums of two neighbours' products, values in −127 … 127 and numbers in 0 … 15. */
@inline
function pairs(values: v128, numbers: v128): v128 {
	return i16x8.relaxed_dot_i8x16_i7x16_s(values, numbers);
}

@inline
function low4(bytes: v128, mask: v128): v128 {
	return v128.and(bytes, mask);
}

@inline
function high4(bytes: v128, mask: v128): v128 {
	return v128.and(i16x8.shr_u(bytes, 4), mask);
}

/** Zero points of a block as floats. */
@inline
function zerosAt(at: usize): v128 {
	return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at))));
}

/**
 * Groups `[from, to)` of the product.
 * @param x activations of `rows` rows
 * @param y float32 [rows, N]
 * @param scratch 16 bytes for each of 64 rows
 */
export function product(
	x: usize,
	rows: usize,
	w: usize,
	N: usize,
	blocks: usize,
	y: usize,
	from: usize,
	to: usize,
	scratch: usize
): void {
	const size = groupBytes(blocks);
	for (let group = from; group < to; group++) {
		if (rows === 1) storeSums(oneRow(x, w + group * size, blocks), y, N, group);
		else
			for (let first: usize = 0; first < rows; first += ROWS)
				manyRows(x, rows, first, min(first + ROWS, rows), w + group * size, N, blocks, y, group, scratch);
	}
}

@inline
function storeSums(sums: v128, y: usize, N: usize, group: usize): void {
	const at = y + group * 16;
	const left = N - group * GROUP;
	if (left >= GROUP) v128.store(at, sums);
	else {
		store<f32>(at, f32x4.extract_lane(sums, 0));
		if (left > 1) store<f32>(at + 4, f32x4.extract_lane(sums, 1));
		if (left > 2) store<f32>(at + 8, f32x4.extract_lane(sums, 2));
	}
}

@inline
function oneRow(x: usize, w: usize, blocks: usize): v128 {
	let scale = w + blocks * BYTES;
	let zero = scale + blocks * 16;
	let pair = x + blocks * BLOCK;
	const end = scale;
	const mask = i8x16.splat(<i8>FIFTEEN);
	const ones = i16x8.splat(<i16>ONE);
	let sums = f32x4.splat(0);
	while (w < end) {
		const b0 = v128.load(w);
		const b1 = v128.load(w, 16);
		const b2 = v128.load(w, 32);
		const b3 = v128.load(w, 48);
		const dots = blockSums(
			x, ones, low4(b0, mask), low4(b1, mask), low4(b2, mask), low4(b3, mask), high4(b0, mask), high4(b1, mask), high4(b2, mask), high4(b3, mask)
		);
		const scaled = f32x4.sub(
			f32x4.mul(f32x4.convert_i32x4_s(dots), v128.load32_splat(pair)),
			f32x4.mul(zerosAt(zero), v128.load32_splat(pair, 4))
		);
		sums = madd(scaled, v128.load(scale), sums);
		w += BYTES;
		x += BLOCK;
		scale += 16;
		zero += 4;
		pair += 8;
	}
	return sums;
}

function manyRows(
	x: usize,
	rows: usize,
	first: usize,
	end: usize,
	w: usize,
	N: usize,
	blocks: usize,
	y: usize,
	group: usize,
	scratch: usize
): void {
	const mask = i8x16.splat(<i8>FIFTEEN);
	const ones = i16x8.splat(<i16>ONE);
	const count = end - first;
	const scales = w + blocks * BYTES;
	const zeros = scales + blocks * 16;
	memory.fill(scratch, 0, count * 16);
	for (let block: usize = 0; block < blocks; block++) {
		const at = w + block * BYTES;
		const b0 = v128.load(at);
		const b1 = v128.load(at, 16);
		const b2 = v128.load(at, 32);
		const b3 = v128.load(at, 48);
		const l0 = low4(b0, mask);
		const l1 = low4(b1, mask);
		const l2 = low4(b2, mask);
		const l3 = low4(b3, mask);
		const h0 = high4(b0, mask);
		const h1 = high4(b1, mask);
		const h2 = high4(b2, mask);
		const h3 = high4(b3, mask);
		const scale = v128.load(scales + block * 16);
		const offset = f32x4.neg(f32x4.mul(scale, zerosAt(zeros + block * 4)));
		let a = x + (block * rows + first) * BLOCK;
		let pair = x + rows * blocks * BLOCK + (block * rows + first) * 8;
		const last = scratch + count * 16;
		for (let sum = scratch; sum < last; sum += 16) {
			const dots = f32x4.mul(
				f32x4.convert_i32x4_s(blockSums(a, ones, l0, l1, l2, l3, h0, h1, h2, h3)),
				v128.load32_splat(pair)
			);
			v128.store(
				sum,
				madd(dots, scale, madd(v128.load32_splat(pair, 4), offset, v128.load(sum)))
			);
			a += BLOCK;
			pair += 8;
		}
	}
	for (let row: usize = 0; row < count; row++)
		storeSums(v128.load(scratch + row * 16), y + (first + row) * N * 4, N, group);
}
