/**
 * Rows of keys and values in whole numbers with a scale each, largest magnitude MOST: x = number · scale. Products of 16-bit numbers are
 * added up two at a time in 32 bits, exactly, by one instruction that every processor has, so that no number is taken apart.
 */
import { ROUNDS, ROUNDS_BITS } from './variables';
import { madd } from './vectors';

/** Bytes of a number. */
export const BYTES: usize = 2;
/** Largest number of a row: so sums of attention stay within 32 bits. */
export const MOST: f32 = 16383;
/** What is smaller than this everywhere in a row is nought. */
export const NOUGHT: f32 = 1e-30;

/** Eight numbers of a row. */
@inline
export function eight(from: usize): v128 {
	return v128.load(from);
}

/** Greatest of four floats. */
@inline
export function greatestOf(x: v128): f32 {
	const two = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
	return max<f32>(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1));
}

/** Eight floats times a factor, to the nearest whole numbers, whose magnitude is less than 2²². */
@inline
export function whole(from: usize, factor: v128): v128 {
	const rounds = f32x4.splat(ROUNDS);
	const bits = i32x4.splat(ROUNDS_BITS);
	return i16x8.narrow_i32x4_s(
		i32x4.sub(madd(v128.load(from), factor, rounds), bits),
		i32x4.sub(madd(v128.load(from, 16), factor, rounds), bits)
	);
}

/** Greatest magnitude of a row of floats; no number where one of them is none. */
@inline
export function magnitude(from: usize, width: usize): f32 {
	let most = f32x4.splat(0);
	for (let i: usize = 0; i < width * 4; i += 16) most = f32x4.max(most, f32x4.abs(v128.load(from + i)));
	return greatestOf(most);
}

/** A row of floats as numbers and their scale. @returns whether all are finite */
@inline
export function narrowRow(from: usize, width: usize, to: usize, scale: usize): bool {
	const greatest = magnitude(from, width);
	const some = greatest >= NOUGHT;
	store<f32>(scale, some ? greatest / MOST : 0);
	const factor = f32x4.splat(some ? MOST / greatest : 0);
	for (let i: usize = 0; i < width; i += 8) v128.store(to + i * BYTES, whole(from + i * 4, factor));
	return greatest < f32.POSITIVE_INFINITY;
}

/** Rows of floats [rows, width], to numbers and the scales behind them. @returns whether all are finite */
export function narrow(from: usize, rows: usize, width: usize, to: usize): bool {
	const scales = to + rows * width * BYTES;
	let finite = true;
	for (let row: usize = 0; row < rows; row++)
		finite = narrowRow(from + row * width * 4, width, to + row * width * BYTES, scales + row * 4) && finite;
	return finite;
}

/** What `narrow` made, as floats. */
export function widen(from: usize, rows: usize, width: usize, to: usize): void {
	const scales = from + rows * width * BYTES;
	for (let row: usize = 0; row < rows; row++) {
		const scale = v128.load32_splat(scales + row * 4);
		for (let i: usize = row * width; i < (row + 1) * width; i += 8) {
			const numbers = eight(from + i * BYTES);
			v128.store(to + i * 4, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(numbers)), scale));
			v128.store(to + i * 4, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(numbers)), scale), 16);
		}
	}
}
