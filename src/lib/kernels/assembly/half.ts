/**
 * Keys and values in 16 bits: float16, the nearest value, of two as near the even one; beyond its range its largest. Eight floats lie in one
 * vector, the first four in the lower halves of its lanes and the last four in the upper ones, so that two shifts and masks part them.
 *
 * A float16's exponent becomes a float32's without being corrected: what `low` and `high` give is 2⁻¹¹² of the value, exactly. Who
 * multiplies it makes the other factor SCALE times as large, once.
 */

import { sum } from './vectors';

/** 2¹¹². */
export const SCALE: f32 = 5.192296858534828e33;
/** Sign, exponent and fraction of a float16 in the place of a float32's; no constant for the compiler, so that vectors of it stay in registers. */
export let KEPT: i32 = <i32>0x8fffe000;
const LARGEST: f32 = 65504;

@inline
function pack(first: v128, second: v128): v128 {
	return v128.or(i32x4.shr_u(upper(first), 16), upper(second));
}

/** Floats as float16 in the upper halves of lanes. */
@inline
function upper(x: v128): v128 {
	const inside = f32x4.min(f32x4.max(x, f32x4.splat(-LARGEST)), f32x4.splat(LARGEST));
	const small = f32x4.mul(inside, f32x4.splat(1 / SCALE));
	const odd = v128.and(i32x4.shr_u(small, 13), i32x4.splat(1));
	const nearest = i32x4.add(small, i32x4.add(odd, i32x4.splat(0xfff)));
	return v128.or(
		v128.and(nearest, i32x4.splat(<i32>0x80000000)),
		v128.and(i32x4.shl(nearest, 3), i32x4.splat(0x7fff0000))
	);
}

/** The first four of eight, 2⁻¹¹² of them. @param kept KEPT in all lanes */
@inline
export function low(both: v128, kept: v128): v128 {
	return v128.and(i32x4.shr_s(i32x4.shl(both, 16), 3), kept);
}

/** The last four of eight. */
@inline
export function high(both: v128, kept: v128): v128 {
	return v128.and(i32x4.shr_s(both, 3), kept);
}

/** Floats in 16 bits. @param count a multiple of 8 @returns whether all are finite; what is not is stored as something else */
export function narrow(from: usize, count: usize, to: usize): bool {
	let zeros = f32x4.splat(0);
	for (let i: usize = 0; i < count; i += 8) {
		const first = v128.load(from + i * 4);
		const second = v128.load(from + i * 4, 16);
		// Of what is not finite nought is no number.
		zeros = f32x4.add(zeros, f32x4.mul(f32x4.add(f32x4.abs(first), f32x4.abs(second)), f32x4.splat(0)));
		v128.store(to + i * 2, pack(first, second));
	}
	return sum(zeros) === 0;
}

/** What `narrow` made, as floats. */
export function widen(from: usize, count: usize, to: usize): void {
	const kept = i32x4.splat(KEPT);
	const scale = f32x4.splat(SCALE);
	for (let i: usize = 0; i < count; i += 8) {
		const both = v128.load(from + i * 2);
		v128.store(to + i * 4, f32x4.mul(low(both, kept), scale));
		v128.store(to + i * 4, f32x4.mul(high(both, kept), scale), 16);
	}
}
