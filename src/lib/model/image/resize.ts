import { rgbImage } from './rgb.ts';
import type { RgbImage } from './rgb.ts';

/** Fraction bits of the fixed-point weights; PIL's `32 - 8 - 2` for 8-bit channels. */
const PRECISION = 22;
const ROUNDING = 1 << (PRECISION - 1);
/** Radius of the cubic kernel in source pixels when it is not stretched. */
const SUPPORT = 2;
const CHANNELS = 3;

/** For each output pixel of one axis: where its taps begin in the source, how many there are, and their weights. */
export interface AxisTaps {
	/** First source index per output pixel. */
	readonly first: Int32Array;
	/** Number of taps per output pixel. */
	readonly count: Int32Array;
	/** Weights in units of 2^-22, `stride` slots per output pixel. */
	readonly weights: Int32Array;
	readonly stride: number;
}

/** Cubic convolution kernel with a = -0.5 (Keys), as PIL's BICUBIC. */
function cubic(x: number): number {
	const a = -0.5;
	const t = Math.abs(x);
	if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
	if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
	return 0;
}

/** Rounds half away from zero, as PIL does when it makes weights integers. */
function roundAway(x: number): number {
	return Math.trunc(x < 0 ? x - 0.5 : x + 0.5);
}

/** Fixed-point bicubic taps from `from` source pixels to `to` output pixels, antialiased when shrinking. */
export function bicubicTaps(from: number, to: number): AxisTaps {
	const scale = from / to;
	const stretch = Math.max(scale, 1);
	const support = SUPPORT * stretch;
	const stride = Math.ceil(support) * 2 + 1;
	const first = new Int32Array(to);
	const count = new Int32Array(to);
	const weights = new Int32Array(to * stride);
	const raw = new Float64Array(stride);
	for (let i = 0; i < to; i++) {
		const centre = (i + 0.5) * scale;
		const start = Math.max(Math.trunc(centre - support + 0.5), 0);
		const taps = Math.min(Math.trunc(centre + support + 0.5), from) - start;
		let sum = 0;
		for (let k = 0; k < taps; k++) {
			// PIL multiplies by the reciprocal; dividing would differ in the last bit.
			const weight = cubic((k + start - centre + 0.5) * (1 / stretch));
			raw[k] = weight;
			sum += weight;
		}
		for (let k = 0; k < taps; k++) {
			const weight = sum === 0 ? (raw[k] ?? 0) : (raw[k] ?? 0) / sum;
			weights[i * stride + k] = roundAway(weight * 2 ** PRECISION);
		}
		first[i] = start;
		count[i] = taps;
	}
	return { first, count, weights, stride };
}

/** Sum of taps to a byte. */
function toByte(sum: number): number {
	const value = sum >> PRECISION;
	return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Resizes rows `[top, top + rows)` of an image to `width` columns. */
function resizeColumns(image: RgbImage, width: number, top: number, rows: number): RgbImage {
	const { first, count, weights, stride } = bicubicTaps(image.width, width);
	const source = image.data;
	const out = new Uint8Array(width * rows * CHANNELS);
	let to = 0;
	for (let y = 0; y < rows; y++) {
		const row = (top + y) * image.width * CHANNELS;
		for (let x = 0; x < width; x++) {
			let from = row + first[x]! * CHANNELS;
			const weightsStart = x * stride;
			const weightsEnd = weightsStart + count[x]!;
			let r = ROUNDING;
			let g = ROUNDING;
			let b = ROUNDING;
			for (let k = weightsStart; k < weightsEnd; k++) {
				const weight = weights[k]!;
				r += source[from]! * weight;
				g += source[from + 1]! * weight;
				b += source[from + 2]! * weight;
				from += CHANNELS;
			}
			out[to] = toByte(r);
			out[to + 1] = toByte(g);
			out[to + 2] = toByte(b);
			to += CHANNELS;
		}
	}
	return rgbImage(width, rows, out);
}

/** Resizes an image to `height` rows with taps whose first indices are shifted up by `shift` rows. */
function resizeRows(image: RgbImage, taps: AxisTaps, height: number, shift: number): RgbImage {
	const { first, count, weights, stride } = taps;
	const source = image.data;
	const rowBytes = image.width * CHANNELS;
	const out = new Uint8Array(rowBytes * height);
	const sums = new Int32Array(rowBytes);
	for (let y = 0; y < height; y++) {
		sums.fill(ROUNDING);
		let from = (first[y]! - shift) * rowBytes;
		for (let k = 0; k < count[y]!; k++) {
			const weight = weights[y * stride + k]!;
			for (let x = 0; x < rowBytes; x++) sums[x]! += source[from + x]! * weight;
			from += rowBytes;
		}
		const to = y * rowBytes;
		for (let x = 0; x < rowBytes; x++) out[to + x] = toByte(sums[x]!);
	}
	return rgbImage(image.width, height, out);
}

/**
 * Squashes an image to `width`×`height` (aspect ratio ignored) exactly as PIL's `Image.resize(…, BICUBIC)` does on
 * 8-bit channels: bicubic with a = -0.5, antialiased when shrinking, columns first, rounded to bytes in between, in
 * 22-bit fixed point. An axis whose size is unchanged is skipped. Beside the result it needs
 * `width * image.height * 3` bytes.
 */
export function resizeBicubic(image: RgbImage, width: number, height: number): RgbImage {
	const taps = bicubicTaps(image.height, height);
	let narrowed = image;
	let shift = 0;
	if (image.width !== width) {
		// Only the source rows that the second pass reads.
		const last = height - 1;
		shift = height === image.height ? 0 : taps.first[0]!;
		const rows = (height === image.height ? image.height : taps.first[last]! + taps.count[last]!) - shift;
		narrowed = resizeColumns(image, width, shift, rows);
	}
	if (image.height !== height) return resizeRows(narrowed, taps, height, shift);
	return narrowed === image ? rgbImage(width, height, image.data.slice()) : narrowed;
}
