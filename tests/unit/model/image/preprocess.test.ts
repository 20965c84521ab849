import { describe, expect, it } from 'vitest';
import { decodePng } from '../../../../src/lib/model/image/png.ts';
import { squashed } from '../../../../src/lib/model/image/fit.ts';
import { resizeBicubic } from '../../../../src/lib/model/image/resize.ts';
import { rgbImage, type RgbImage } from '../../../../src/lib/model/image/rgb.ts';
import { goldenCheckpoints } from '../../../support/golden.ts';
import { goldenBytes, goldenJson, goldenTensors } from './golden.ts';

interface PreprocessGolden {
	readonly mean: readonly number[];
	readonly std: readonly number[];
	readonly cases: readonly { readonly file: string; readonly size: number }[];
}

const golden = goldenJson<PreprocessGolden>('preprocess/preprocess.json');
const tensors = goldenTensors('preprocess/preprocess.safetensors');

describe.each(golden.cases)('$file at $size', ({ file, size }) => {
	it('squashes to the very bytes PIL gives', async () => {
		const image = await decodePng(goldenBytes(`images/${file}`), file);
		const expected = tensors.get(`${file}.${size}.resized_u8`)!;
		expect(expected.shape).toEqual([size, size, 3]);
		expect(Buffer.compare(resizeBicubic(image, size, size).data, expected.bytes)).toBe(0);
	});

	const stored = tensors.get(`${file}.${size}.pixel_values`);
	if (stored === undefined) return;
	it('normalises to upstream’s pixel_values', async () => {
		const image = await decodePng(goldenBytes(`images/${file}`), file);
		const expected = new Float32Array(stored.bytes.buffer);
		const { dims, data } = squashed({ size, mean: golden.mean, std: golden.std }).pixels(image);
		expect(dims).toEqual([1, 3, size, size]);
		expect(data.length).toBe(expected.length);
		expect(largestDifference(data, expected)).toBeLessThanOrEqual(1e-6);
	});
});

it('covers every golden tensor', () => {
	const named = golden.cases.map(({ file, size }) => `${file}.${size}`);
	const stored = (kind: string): string[] =>
		[...tensors.keys()].filter((name) => name.endsWith(kind)).map((name) => name.slice(0, -kind.length));
	expect(stored('.resized_u8').sort()).toEqual(named.sort());
	expect(named).toEqual(expect.arrayContaining(stored('.pixel_values')));
	expect(stored('.pixel_values').length).toBe(6);
});

describe.each(goldenCheckpoints)('pixel_values of the %s checkpoint', (name) => {
	const cases = goldenJson<{ cases: Record<string, { images: readonly string[] }> }>(
		`${name}/golden.json`
	).cases;
	const stored = goldenTensors(`${name}/golden.safetensors`);
	it.each(Object.keys(cases).filter((key) => stored.has(`${key}.pixel_values`)))('%s', async (key) => {
		const images = await Promise.all(
			cases[key]!.images.map((file) => decodePng(goldenBytes(`images/${file}`), file))
		);
		const expected = stored.get(`${key}.pixel_values`)!;
		const processor = squashed({ size: 112, mean: golden.mean, std: golden.std });
		const values = new Float32Array(expected.bytes.buffer);
		expect(expected.shape).toEqual([images.length, 3, 112, 112]);
		images.forEach((image, i) => {
			const { data } = processor.pixels(image);
			const one = values.subarray(i * data.length, (i + 1) * data.length);
			expect(largestDifference(data, one)).toBeLessThanOrEqual(1e-6);
		});
	});
});

describe('resizeBicubic on random sizes', () => {
	const random = generator(20240510);
	const sizes = Array.from({ length: 24 }, () =>
		Array.from({ length: 4 }, () => 1 + Math.floor(random() ** 2 * 180))
	);
	it.each(sizes)(
		'%i×%i → %i×%i stays within rounding of double precision',
		(width, height, toWidth, toHeight) => {
			const image = noise(width, height, random);
			const ours = resizeBicubic(image, toWidth, toHeight);
			const exact = resizeInDoubles(image, toWidth, toHeight);
			expect(ours.width).toBe(toWidth);
			expect(ours.height).toBe(toHeight);
			// Both round to bytes after each pass; fixed-point weights can tip a value that lies on a half, and the
			// second pass passes such a step on with a weight of at most about one.
			const differences = exact.map((value, i) => Math.abs(value - ours.data[i]!));
			expect(Math.max(...differences)).toBeLessThanOrEqual(1);
			expect(differences.filter((difference) => difference > 0).length / differences.length).toBeLessThan(
				0.001
			);
		}
	);

	it('leaves a flat image flat', () => {
		const flat = rgbImage(37, 91, new Uint8Array(37 * 91 * 3).fill(201));
		expect(new Set(resizeBicubic(flat, 112, 20).data)).toEqual(new Set([201]));
	});

	it('returns a copy when the size is unchanged', () => {
		const image = noise(5, 7, random);
		const same = resizeBicubic(image, 5, 7);
		expect(same.data).toEqual(image.data);
		expect(same.data).not.toBe(image.data);
	});

	it('squashes one column and one row of pixels', () => {
		for (const [width, height] of [
			[1, 5000],
			[5000, 1],
			[1, 1]
		] as const) {
			const { data } = resizeBicubic(noise(width, height, random), 112, 112);
			expect(data.length).toBe(112 * 112 * 3);
		}
	});
});

/** Direct evaluation: per pixel and axis a normalised cubic kernel, in doubles, rounded to a byte after each axis. */
function resizeInDoubles(image: RgbImage, width: number, height: number): number[] {
	const wide = resample(Array.from(image.data), image.width, image.height, width, 3, image.width * 3);
	return resample(wide, image.height, width, height, width * 3, 3);
}

/** Resamples one axis of length `from`; `step` and `lineStep` are distances in the source array. */
function resample(
	source: readonly number[],
	from: number,
	lines: number,
	to: number,
	step: number,
	lineStep: number
): number[] {
	const alongRows = step === 3;
	const out = new Array<number>(to * lines * 3);
	const scale = Math.max(from / to, 1);
	for (let i = 0; i < to; i++) {
		const centre = ((i + 0.5) * from) / to;
		const taps: [index: number, weight: number][] = [];
		for (let j = 0; j < from; j++) {
			const x = Math.abs((j + 0.5 - centre) / scale);
			const weight =
				x < 1 ? 1.5 * x ** 3 - 2.5 * x ** 2 + 1 : x < 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
			if (weight !== 0) taps.push([j, weight]);
		}
		const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
		for (let line = 0; line < lines; line++)
			for (let channel = 0; channel < 3; channel++) {
				const sum = taps.reduce(
					(value, [j, weight]) => value + (weight / total) * source[line * lineStep + j * step + channel]!,
					0
				);
				const at = alongRows ? (line * to + i) * 3 : (i * lines + line) * 3;
				out[at + channel] = Math.min(Math.max(Math.floor(sum + 0.5), 0), 255);
			}
	}
	return out;
}

function noise(width: number, height: number, random: () => number): RgbImage {
	return rgbImage(
		width,
		height,
		Uint8Array.from({ length: width * height * 3 }, () => random() * 256)
	);
}

/** Small seeded generator of numbers in [0, 1). */
function generator(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 32;
	};
}

function largestDifference(a: Float32Array, b: Float32Array): number {
	return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}
