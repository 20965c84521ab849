/** What is done row by row, in float32. Addresses are bytes; columns are elements. */
import { exp, madd, sum } from './vectors';

/**
 * x (+ skip) and its RMSNorm: normed = h / sqrt(mean(h²) + epsilon) · weight.
 * @param skip 0 where nothing is added
 * @param residual where x + skip is written; 0 where nobody wants it
 */
export function normalize(
	x: usize,
	skip: usize,
	weight: usize,
	columns: usize,
	epsilon: f32,
	normed: usize,
	residual: usize
): void {
	const bytes = columns * 4;
	const whole = bytes & ~15;
	let squares = f32x4.splat(0);
	for (let i: usize = 0; i < whole; i += 16) {
		let h = v128.load(x + i);
		if (skip) h = f32x4.add(h, v128.load(skip + i));
		if (residual) v128.store(residual + i, h);
		v128.store(normed + i, h);
		squares = madd(h, h, squares);
	}
	let total = sum(squares);
	for (let i = whole; i < bytes; i += 4) {
		let h = load<f32>(x + i);
		if (skip) h += load<f32>(skip + i);
		if (residual) store<f32>(residual + i, h);
		store<f32>(normed + i, h);
		total += h * h;
	}
	const factor: f32 = 1 / sqrt<f32>(total / <f32>columns + epsilon);
	for (let i: usize = 0; i < whole; i += 16)
		v128.store(
			normed + i,
			f32x4.mul(f32x4.mul(v128.load(normed + i), f32x4.splat(factor)), v128.load(weight + i))
		);
	for (let i = whole; i < bytes; i += 4)
		store<f32>(normed + i, load<f32>(normed + i) * factor * load<f32>(weight + i));
}

/** y = x · sigmoid(alpha · x). */
export function quickGelu(x: usize, columns: usize, alpha: f32, y: usize): void {
	const bytes = columns * 4;
	const whole = bytes & ~15;
	const minus = f32x4.splat(-alpha);
	for (let i: usize = 0; i < whole; i += 16) v128.store(y + i, gated(v128.load(x + i), minus));
	for (let i = whole; i < bytes; i += 4)
		store<f32>(y + i, f32x4.extract_lane(gated(v128.load32_splat(x + i), minus), 0));
}

@inline
function gated(x: v128, minus: v128): v128 {
	return f32x4.div(x, f32x4.add(f32x4.splat(1), exp(f32x4.mul(x, minus))));
}

/** y = a + b, or a · b. */
export function combine(a: usize, b: usize, columns: usize, times: bool, y: usize): void {
	const bytes = columns * 4;
	const whole = bytes & ~15;
	if (times) {
		for (let i: usize = 0; i < whole; i += 16) v128.store(y + i, f32x4.mul(v128.load(a + i), v128.load(b + i)));
		for (let i = whole; i < bytes; i += 4) store<f32>(y + i, load<f32>(a + i) * load<f32>(b + i));
	} else {
		for (let i: usize = 0; i < whole; i += 16) v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
		for (let i = whole; i < bytes; i += 4) store<f32>(y + i, load<f32>(a + i) + load<f32>(b + i));
	}
}

/** y = a · factor. */
export function scale(a: usize, columns: usize, factor: f32, y: usize): void {
	for (let i: usize = 0; i < columns * 4; i += 4) store<f32>(y + i, load<f32>(a + i) * factor);
}
