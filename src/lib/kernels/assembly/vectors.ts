/** What relaxed SIMD has in one instruction and is put together from plain ones elsewhere, and functions of four floats at once. */
import { LOWEST, POWER0, POWER1, POWER2, POWER3, POWER4, POWER5, ROUNDS } from './variables';


/** a · b + c of four floats; with relaxed SIMD rounded once where the processor can. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
	if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
	return f32x4.add(f32x4.mul(a, b), c);
}

/** Sum of four floats. */
@inline
export function sum(x: v128): f32 {
	const two = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
	return f32x4.extract_lane(two, 0) + f32x4.extract_lane(two, 1);
}

/** Sums of four vectors, side by side. */
@inline
export function sums(a: v128, b: v128, c: v128, d: v128): v128 {
	const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
	const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
	return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/**
 * eˣ to about one unit in the last place, from −87 to 88 and clamped there: 2ⁿ · eʳ with |r| ≤ ½ ln 2, eʳ by its Taylor series up to r⁷.
 */
export function exp(x: v128): v128 {
	const inside = f32x4.max(f32x4.min(x, f32x4.splat(88)), f32x4.splat(-87));
	const n = f32x4.nearest(f32x4.mul(inside, f32x4.splat(1.4426950408889634)));
	// ln 2 in two parts, the first of which has few digits: n times it is exact.
	const high = f32x4.sub(inside, f32x4.mul(n, f32x4.splat(0.693359375)));
	const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
	let series = f32x4.splat(1 / 5040.0);
	series = madd(series, r, f32x4.splat(1 / 720.0));
	series = madd(series, r, f32x4.splat(1 / 120.0));
	series = madd(series, r, f32x4.splat(1 / 24.0));
	series = madd(series, r, f32x4.splat(1 / 6.0));
	series = madd(series, r, f32x4.splat(0.5));
	series = madd(series, r, f32x4.splat(1));
	series = madd(series, r, f32x4.splat(1));
	const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
	return f32x4.mul(series, power);
}

/** 2ˣ of x up to 1, to 3 · 10⁻⁷ of it; of less than −125 as of that. */
@inline
export function exp2(x: v128): v128 {
	const rounds = f32x4.splat(ROUNDS);
	const inside = f32x4.max(x, f32x4.splat(LOWEST));
	const n = f32x4.add(inside, rounds);
	const r = f32x4.sub(inside, f32x4.sub(n, rounds));
	let series = madd(f32x4.splat(POWER5), r, f32x4.splat(POWER4));
	series = madd(series, r, f32x4.splat(POWER3));
	series = madd(series, r, f32x4.splat(POWER2));
	series = madd(series, r, f32x4.splat(POWER1));
	series = madd(series, r, f32x4.splat(POWER0));
	return i32x4.add(series, i32x4.shl(n, 23));
}
