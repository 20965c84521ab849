import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
	betweenLayers,
	contentShare,
	duplicateSamples,
	samples,
	samplingDensity,
	samplingSizes,
	splitOffsets,
	summariseSamples,
	type Sample,
	type SamplingTrace
} from '../../../src/lib/analysis/offsets.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { readGolden } from '../../support/golden.ts';

const float = (dims: number[], values: ArrayLike<number>): Tensor => ({
	dtype: 'float32',
	dims,
	data: Float32Array.from(values)
});

let trace: SamplingTrace;
beforeAll(async () => {
	const file = (path: string) => new URL(`../../fixtures/golden/d-abs/${path}`, import.meta.url);
	const { tensors } = await readGolden(
		readFileSync(file('golden.json'), 'utf8'),
		readFileSync(file('golden.safetensors'))
	);
	const main = tensors.main!;
	trace = {
		side: 8,
		referencePoints: main['proj.reference_points']!,
		layers: [0, 1, 2].map((i) => ({
			locations: main[`proj.layer${i}.sampling_locations`]!,
			weights: main[`proj.layer${i}.attention_weights`]!
		}))
	};
});

describe('samples of the golden D-Abstractor', () => {
	it('has a row for every layer, token, head and point', () => {
		expect(samplingSizes(trace)).toEqual({ images: 1, layers: 3, heads: 8, points: 4, tokens: 16 });
		expect(samples(trace).length).toBe(3 * 8 * 4 * 16);
		expect(samples(trace, { layer: 1, head: 3 }).length).toBe(64);
		expect(samples(trace, { token: 16 })).toEqual([]);
	});

	it('reads the values of its tensors, in patches', () => {
		const [row] = samples(trace, { layer: 2, token: 7, head: 5, point: 3 });
		const at = (7 * 8 + 5) * 4 + 3;
		const location = trace.layers[2]!.locations.data as Float32Array;
		const reference = trace.referencePoints.data as Float32Array;
		expect(row).toMatchObject({ layer: 2, token: 7, head: 5, point: 3 });
		expect(row!.x).toBeCloseTo(location[2 * at]! * 8, 6);
		expect(row!.offsetY).toBeCloseTo((location[2 * at + 1]! - reference[15]!) * 8, 5);
		expect(row!.weight).toBe((trace.layers[2]!.weights.data as Float32Array)[at]);
	});

	it('goes outside the image, as this checkpoint was made to', () => {
		const { outsideRate, outsideWeight } = summariseSamples(samples(trace));
		expect(outsideRate).toBeGreaterThan(0);
		expect(outsideRate).toBeLessThan(1);
		expect(outsideWeight).toBeGreaterThan(0);
	});

	it('puts every sample into the density once', () => {
		const rows = samples(trace);
		const { data, outside } = samplingDensity(rows, 8, 16);
		// Weight per patch area, four cells to a patch.
		expect(data.reduce((sum, value) => sum + value / 4, 0) + outside).toBeCloseTo(3 * 8 * 16, 3);
	});
});

const sample = (x: number, y: number, more: Partial<Sample> = {}): Sample => ({
	...{ layer: 0, head: 0, point: 0, token: 0, referenceX: 1, referenceY: 1, x, y },
	...{ offsetX: x - 1, offsetY: y - 1, weight: 0.5, outside: x < 0 || y < 0 || x > 4 || y > 4 },
	...more
});

describe('summary', () => {
	it('weights reach and outside by attention', () => {
		const rows = [sample(4, 5, { weight: 0.75 }), sample(1, 1, { weight: 0.25 })];
		expect(summariseSamples(rows)).toEqual({
			count: 2,
			reach: Math.sqrt(0.75 * 25),
			outsideRate: 0.5,
			outsideWeight: 0.75,
			duplicateRate: 0
		});
		expect(() => summariseSamples([])).toThrow(/no samples/);
	});

	it('finds duplicates only within a token and a layer', () => {
		const rows = [
			sample(1, 1),
			sample(1.1, 1, { head: 3 }),
			sample(2, 1),
			sample(1, 1, { token: 1 }),
			sample(1, 1, { layer: 1 })
		];
		expect(duplicateSamples(rows)).toEqual([true, true, false, false, false]);
		expect(duplicateSamples(rows, 0.05)).toEqual([false, false, false, false, false]);
	});

	it('counts cells of the density from the upper left', () => {
		const { data, outside } = samplingDensity([sample(3.9, 0.1), sample(4, 4), sample(-0.1, 0)], 4);
		expect([data[3], data[15], outside]).toEqual([0.5, 0.5, 0.5]);
	});
});

describe('split over images', () => {
	// Two images, one token, one head, two points: the first does not move, the second moves by (±1, 0) patches on a grid of 4.
	const moving: SamplingTrace = {
		side: 4,
		referencePoints: float([2, 1, 2], [0.5, 0.5, 0.5, 0.5]),
		layers: [
			{
				locations: float([2, 1, 1, 1, 2, 2], [0.75, 0.5, 0.25, 0.5, 0.75, 0.5, 0.75, 0.5]),
				weights: float([2, 1, 1, 1, 2], [0.4, 0.6, 0.2, 0.8])
			}
		]
	};

	it('separates what is the same from what the content changes', () => {
		const [still, moved] = splitOffsets(moving);
		expect(still).toMatchObject({ point: 0, meanX: 3, meanY: 2, offsetX: 1, offsetY: 0, deviation: 0 });
		expect(still!.weight).toBeCloseTo(0.3, 6);
		expect(moved).toMatchObject({ point: 1, meanX: 2, offsetX: 0, deviation: 1 });
		expect(contentShare([still!, moved!])).toBe(0.5);
		expect(contentShare([still!])).toBe(0);
		expect(contentShare([])).toBe(0);
	});

	it('refuses tensors that do not fit', () => {
		expect(() => samplingSizes({ ...moving, referencePoints: float([1, 1, 2], [0, 0]) })).toThrow(
			/do not fit/
		);
		expect(() => samplingSizes({ ...moving, layers: [] })).toThrow(/no sampling layers/);
	});
});

describe('between two layers', () => {
	const at = (layer: number, x: number, weight: number): Sample => ({
		...{ layer, head: 0, point: 0, token: 0, referenceX: 1, referenceY: 1, x, y: 1, weight },
		...{ offsetX: x - 1, offsetY: 0, outside: false }
	});

	it('samples move straight from place to place', () => {
		const [half] = betweenLayers([at(0, 1, 0.2)], [at(1, 3, 0.6)], 0.75);
		expect(half).toMatchObject({ x: 2.5, offsetX: 1.5, layer: 1 });
		expect(half!.weight).toBeCloseTo(0.5, 6);
		expect(betweenLayers([at(0, 1, 0.2)], [at(1, 3, 0.6)], 0)).toEqual([at(0, 1, 0.2)]);
		expect(() => betweenLayers([at(0, 1, 1)], [], 0.5)).toThrow(/cannot be moved/);
	});
});
