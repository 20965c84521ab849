import { rgbImage } from './rgb.ts';
import type { RgbImage } from './rgb.ts';

/** Fraction bits of the fixed-point weights; PIL's `32 - 8 - 2` for 8-bit channels. */
const PRECISION = 22;
const ROUNDING = 1 << (PRECISION - 1);
const CHANNELS = 3;

/** For each output pixel of one axis: where its taps begin in the source, how many there are, and their weights. */
export interface AxisTaps<Weights> {
	/** First source index per output pixel. */
	readonly first: Int32Array;
	/** Number of taps per output pixel. */
	readonly count: Int32Array;
	/** `stride` slots per output pixel. */
	readonly weights: Weights;
	readonly stride: number;
}

/** A filter's kernel: its radius in source pixels when it is not stretched, and its weight at a distance from the centre. */
interface Kernel {
	readonly support: number;
	readonly at: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** PIL's filters, by its names. */
const kernels = {
	bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
	bicubic: { support: 2, at: cubic },
	lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) }
} as const satisfies Readonly<Record<string, Kernel>>;

export type ResizeFilter = keyof typeof kernels;

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

/** Taps with weights that sum to 1, from `from` source pixels to `to` output pixels, antialiased when shrinking. */
export function axisTaps(from: number, to: number, filter: ResizeFilter): AxisTaps<Float64Array> {
	const kernel: Kernel = kernels[filter];
	const scale = from / to;
	const stretch = Math.max(scale, 1);
	const support = kernel.support * stretch;
	const stride = Math.ceil(support) * 2 + 1;
	const first = new Int32Array(to);
	const count = new Int32Array(to);
	const weights = new Float64Array(to * stride);
	for (let i = 0; i < to; i++) {
		const centre = (i + 0.5) * scale;
		const start = Math.max(Math.trunc(centre - support + 0.5), 0);
		const taps = Math.min(Math.trunc(centre + support + 0.5), from) - start;
		const at = i * stride;
		let sum = 0;
		for (let k = 0; k < taps; k++) {
			// PIL multiplies by the reciprocal; dividing would differ in the last bit.
			const weight = kernel.at((k + start - centre + 0.5) * (1 / stretch));
			weights[at + k] = weight;
			sum += weight;
		}
		if (sum !== 0) for (let k = 0; k < taps; k++) weights[at + k]! /= sum;
		first[i] = start;
		count[i] = taps;
	}
	return { first, count, weights, stride };
}

/** The same with weights in units of 2^-22, as PIL has them for bytes. */
function fixedTaps(from: number, to: number, filter: ResizeFilter): AxisTaps<Int32Array> {
	const { weights, ...taps } = axisTaps(from, to, filter);
	return { ...taps, weights: Int32Array.from(weights, (weight) => roundAway(weight * 2 ** PRECISION)) };
}

/** Sum of taps to a byte. */
function toByte(sum: number): number {
	const value = sum >> PRECISION;
	return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Resizes rows `[top, top + rows)` of an image to `width` columns. */
function resizeColumns(
	image: RgbImage,
	width: number,
	{ first, count, weights, stride }: AxisTaps<Int32Array>,
	{ top, rows }: { readonly top: number; readonly rows: number }
): RgbImage {
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
				// No sum leaves 32 bits: without a check for that, as plain numbers have it, it takes half the time.
				r = (r + Math.imul(source[from]!, weight)) | 0;
				g = (g + Math.imul(source[from + 1]!, weight)) | 0;
				b = (b + Math.imul(source[from + 2]!, weight)) | 0;
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
function resizeRows(image: RgbImage, taps: AxisTaps<Int32Array>, height: number, shift: number): RgbImage {
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
			for (let x = 0; x < rowBytes; x++) sums[x] = sums[x]! + Math.imul(source[from + x]!, weight);
			from += rowBytes;
		}
		const to = y * rowBytes;
		for (let x = 0; x < rowBytes; x++) out[to + x] = toByte(sums[x]!);
	}
	return rgbImage(image.width, height, out);
}

/**
 * Which axis Pillow resizes first, with a rounding to bytes between the two: `columns`, up to Pillow 12; `shorter`, from Pillow 13 on, which
 * begins with the rows where the height shrinks by more pixels than twice those of the width.
 */
export type PassOrder = 'columns' | 'shorter';

/**
 * Squashes an image to `width`×`height` (aspect ratio ignored) exactly as PIL's `Image.resize` does on 8-bit channels:
 * antialiased when shrinking, rounded to bytes between the axes, in 22-bit fixed point. An axis whose size is unchanged is skipped. Beside
 * the result it needs `width * image.height * 3` bytes, or, rows first, `image.width * height * 3`.
 */
export function resize(
	image: RgbImage,
	width: number,
	height: number,
	{ filter, first }: { readonly filter: ResizeFilter; readonly first: PassOrder }
): RgbImage {
	if (image.width === width && image.height === height) return rgbImage(width, height, image.data.slice());
	const columns = fixedTaps(image.width, width, filter);
	const rows = fixedTaps(image.height, height, filter);
	const shrinks = image.height - height;
	if (first === 'shorter' && shrinks > 0 && shrinks > 2 * (image.width - width)) {
		const lowered = resizeRows(image, rows, height, 0);
		return image.width === width ? lowered : resizeColumns(lowered, width, columns, { top: 0, rows: height });
	}
	if (image.width === width) return resizeRows(image, rows, height, 0);
	if (image.height === height) return resizeColumns(image, width, columns, { top: 0, rows: height });
	// Only the source rows that the second pass reads.
	const top = rows.first[0]!;
	const bottom = rows.first[height - 1]! + rows.count[height - 1]!;
	const narrowed = resizeColumns(image, width, columns, { top, rows: bottom - top });
	return resizeRows(narrowed, rows, height, top);
}

/** By PIL's BICUBIC up to Pillow 12, as upstream squashes pictures: `resize`. */
export const resizeBicubic = (image: RgbImage, width: number, height: number): RgbImage =>
	resize(image, width, height, { filter: 'bicubic', first: 'columns' });
