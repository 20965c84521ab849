import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { resamplerAttention, rollout, samplingAttention } from '../../../src/lib/analysis/attention-maps.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { readGolden } from '../../support/golden.ts';
import { samplingMatrix } from '../../support/sampling-matrix.ts';
import { expectClose, readFixture } from './fixtures.ts';

const { rollout: expected } = readFixture<{
	rollout: { attention: number[][][][]; map: number[][]; kept: number[] };
}>('analysis.json');

const float = (dims: number[], values: ArrayLike<number>): Tensor => ({
	dtype: 'float32',
	dims,
	data: Float32Array.from(values)
});

async function golden(name: string): Promise<Readonly<Record<string, Tensor>>> {
	const file = (path: string) => new URL(`../../fixtures/golden/${name}/${path}`, import.meta.url);
	const { tensors } = await readGolden(
		readFileSync(file('golden.json'), 'utf8'),
		readFileSync(file('golden.safetensors'))
	);
	return tensors.main!;
}

describe('resampler attention', () => {
	const tensor = float([1, 2, 3, 7], expected.attention[0]!.flat(2));

	it('splits a head into its self and its patch part', () => {
		const { self, cross } = resamplerAttention(tensor, { head: 1 });
		expectClose(
			self.data,
			expected.attention[0]![1]!.flatMap((row) => row.slice(0, 3))
		);
		expectClose(
			cross.data,
			expected.attention[0]![1]!.flatMap((row) => row.slice(3))
		);
	});

	it('rolls out as powers of the whole graph do', () => {
		const layers = expected.attention.map((layer) => resamplerAttention(float([1, 2, 3, 7], layer.flat(2))));
		const map = rollout(layers);
		expectClose(map.data, expected.map.flat());
		expectClose(
			[0, 1, 2].map((m) => 1 - map.data.subarray(m * 4, (m + 1) * 4).reduce((sum, value) => sum + value, 0)),
			expected.kept
		);
	});

	it('has rows that sum to 1 in the golden trace', async () => {
		const trace = await golden('resampler');
		const { self, cross } = resamplerAttention(trace['proj.layer1.attention']!, { head: 2 });
		expect([self.tokens, self.patches, cross.tokens, cross.patches]).toEqual([16, 16, 16, 64]);
		for (let m = 0; m < 16; m++) {
			const sum =
				self.data.subarray(m * 16, (m + 1) * 16).reduce((a, b) => a + b, 0) +
				cross.data.subarray(m * 64, (m + 1) * 64).reduce((a, b) => a + b, 0);
			expect(sum).toBeCloseTo(1, 5);
		}
	});

	it('names what is wrong', () => {
		expect(() => resamplerAttention(tensor, { head: 2 })).toThrow(/no head 2; choose one of 0 to 1/);
		expect(() => resamplerAttention(tensor, { image: 1 })).toThrow(/Image 1/);
		expect(() => resamplerAttention({ ...tensor, dtype: 'float16', data: new Uint16Array(42) })).toThrow(
			/float32/
		);
	});
});

describe('sampling matrix of the golden D-Abstractor', () => {
	let trace: Readonly<Record<string, Tensor>>;
	beforeAll(async () => {
		trace = await golden('d-abs');
	});

	it.each([0, 1, 2])('times the values is what layer %i sampled', (layer) => {
		const at = (name: string) => trace[`proj.layer${layer}.${name}`]!;
		const S = samplingMatrix(at('sampling_locations'), at('attention_weights'), 8);
		expect(S.dims).toEqual([1, 8, 16, 64]);
		// value [1, N, 8 heads, 8]; deform_out [1, M, 64], head-major.
		const value = at('value').data as Float32Array;
		const output = new Float32Array(16 * 64);
		for (let m = 0; m < 16; m++)
			for (let d = 0; d < 64; d++) {
				const h = Math.floor(d / 8);
				for (let n = 0; n < 64; n++)
					output[m * 64 + d]! += S.data[(h * 16 + m) * 64 + n]! * value[n * 64 + d]!;
			}
		expectClose(output, at('deform_out').data as Float32Array, 1e-5);
	});

	it('loses weight only outside the image, and its mean over heads is theirs', () => {
		const S = samplingMatrix(
			trace['proj.layer0.sampling_locations']!,
			trace['proj.layer0.attention_weights']!,
			8
		);
		const mean = samplingAttention(S);
		const heads = Array.from({ length: 8 }, (_, head) => samplingAttention(S, { head }));
		expectClose(
			mean.data,
			mean.data.map((_, i) => heads.reduce((sum, { data }) => sum + data[i]! / 8, 0))
		);
		for (let m = 0; m < 16; m++) {
			const sum = mean.data.subarray(m * 64, (m + 1) * 64).reduce((a, b) => a + b, 0);
			expect(sum).toBeGreaterThan(0);
			expect(sum).toBeLessThanOrEqual(1 + 1e-5);
		}
	});

	it('composes layers without self-attention to shares of at most 1', () => {
		const layers = [0, 1, 2].map((i) => ({
			cross: samplingAttention(
				samplingMatrix(
					trace[`proj.layer${i}.sampling_locations`]!,
					trace[`proj.layer${i}.attention_weights`]!,
					8
				)
			)
		}));
		const map = rollout(layers);
		for (let m = 0; m < 16; m++) {
			const sum = map.data.subarray(m * 64, (m + 1) * 64).reduce((a, b) => a + b, 0);
			expect(sum).toBeGreaterThan(0.2);
			expect(sum).toBeLessThanOrEqual(1 + 1e-6);
		}
	});
});
