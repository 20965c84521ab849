import { checkManifest } from '../../../src/lib/model/runtime/check-manifest.ts';
import { describe, expect, test } from 'vitest';
import {
	innerAttention,
	localityRows,
	mapCost,
	methodPhrase,
	offers,
	structuralMap,
	withoutEos
} from '../../../src/lib/study/locality.ts';
import { methods } from '../../../src/lib/study/measurement.ts';
import { budgetsOf, familyOf, oneOfEachFamily } from '../../../src/lib/study/tokens.ts';
import { projectorOf } from '../../../src/lib/model/projectors/registry.ts';
import { joinTraces, samplerOf } from '../../../src/lib/study/sampling.ts';
import type { ModelManifest, ProjectorEntry } from '../../../src/lib/model/manifest.ts';
import { readFileSync } from 'node:fs';
import { gridSide } from '../../../src/lib/model/config.ts';

/** The embedded model's description: real entries of every kind. */
const manifest = checkManifest(
	JSON.parse(readFileSync('static/models/honeybee-mini/honeybee.json', 'utf8')),
	'honeybee-mini'
);
const entry = (name: string): ProjectorEntry => manifest.projectors[name]!;
const side = gridSide(manifest.config.vision_config);

describe('methods of the locality page', () => {
	test('a projector offers what its architecture has', () => {
		const offered = (name: string) =>
			methods.filter((method) => offers(entry(name), entry(name).num_query_tokens, manifest, method));
		expect(offered('c-abs')).toEqual(['gradient', 'perturbation', 'occlusion', 'structural']);
		expect(offered('resampler')).toEqual(['gradient', 'perturbation', 'occlusion', 'attention']);
		expect(offered('d-abs')).toEqual(['gradient', 'perturbation', 'occlusion', 'attention', 'structural']);
		expect(offered('linear')).toEqual(['gradient', 'perturbation', 'occlusion', 'structural']);
	});

	test('pooling bins share one weight among their patches; a linear token is its own patch', () => {
		const bins = structuralMap(entry('c-abs'), 36, manifest)!;
		expect([bins.tokens, bins.patches]).toEqual([36, side * side]);
		const first = bins.data.subarray(0, bins.patches);
		expect(first.filter((value) => value > 0)).toEqual(Float32Array.of(0.25, 0.25, 0.25, 0.25));
		const own = structuralMap(entry('linear'), side * side, manifest)!;
		expect(own.data.every((value, i) => value === (i % (side * side + 1) === 0 ? 1 : 0))).toBe(true);
	});

	test('attention is read off by layer and head; tokens without a place get homes of their own', () => {
		const resampler = entry('resampler');
		const { heads, layers } = innerAttention(resampler)!;
		const [M, N] = [resampler.num_query_tokens, side * side];
		const tensors = Array.from({ length: layers }, (_, layer) => {
			const data = new Float32Array(heads * M * (M + N));
			// Head h of layer l: token m looks at patch m + h + l only.
			for (let h = 0; h < heads; h++)
				for (let m = 0; m < M; m++) data[(h * M + m) * (M + N) + M + ((m + h + layer) % N)] = 1;
			return { dtype: 'float32' as const, dims: [1, heads, M, M + N], data };
		});
		const subject = { entry: resampler, manifest, tokens: M };
		const one = localityRows({ kind: 'attention', layers: tensors }, subject, 'attention', 1, 2);
		expect(one.map.data[3]).toBe(1);
		expect(one.map.data.reduce((sum, value) => sum + value, 0)).toBe(M);
		expect(one.weighting).toBe('value');
		expect(one.homes).toHaveLength(M);
		const mean = localityRows({ kind: 'attention', layers: tensors }, subject, 'attention', 0, 'mean');
		expect(mean.map.data[0]).toBeCloseTo(1 / heads, 6);
		const all = localityRows({ kind: 'attention', layers: tensors }, subject, 'attention', 'rollout', 0);
		// Without self-attention the last layer has half of what reaches the token, the ones before half of the rest.
		expect(all.map.data[layers - 1]).toBeCloseTo(0.5, 6);
		const gradient = (directions: number) =>
			methodPhrase(resampler, { method: 'gradient', directions }, 'rollout', 'mean');
		expect(gradient(1)).toBe('gradient, K = 1 direction per visual token');
		const width = resampler.config.output_hidden_size;
		expect(gradient(width)).toBe(`gradient, all ${width} directions per visual token: exact`);
		const cost = (method: 'gradient' | 'perturbation', directions: number) =>
			mapCost({ ...subject, views: [], view: 0 }, method, directions).slice(0, 2);
		expect(cost('gradient', 2)).toEqual([2 * M, 'backward pass']);
		expect(cost('gradient', 2 * width)).toEqual([width * M, 'backward pass']);
		expect(cost('perturbation', 2)).toEqual([2 * N, 'run of the projector']);
		expect(methodPhrase(resampler, { method: 'attention', directions: 4 }, 1, 'mean')).toBe(
			'cross-attention, layer 1, mean over heads'
		);
	});

	test('eos tokens are no visual tokens', () => {
		const map = withoutEos(
			{ dtype: 'float32', dims: [3, 4], data: Float32Array.from({ length: 12 }, (_, i) => i) },
			2
		);
		expect([map.tokens, map.patches, map.data.length]).toEqual([2, 4, 8]);
	});
});

describe('families of projectors', () => {
	const trained: ModelManifest = {
		...manifest,
		projectors: {
			'c-abs': { ...entry('c-abs'), trained_tokens: [16, 36] },
			'd-abs-m16': { ...entry('d-abs'), num_query_tokens: 16, trained_tokens: [16], family: 'd-abs' },
			'd-abs': entry('d-abs')
		}
	};

	test('one line for each, the member with the M nearest, or the one in use', () => {
		expect(familyOf(trained, 'd-abs')).toEqual(['d-abs-m16', 'd-abs']);
		expect(oneOfEachFamily(trained, 16)).toEqual(['c-abs', 'd-abs-m16']);
		expect(oneOfEachFamily(trained, 100)).toEqual(['c-abs', 'd-abs']);
		expect(oneOfEachFamily(trained, 100, 'd-abs-m16')).toEqual(['c-abs', 'd-abs-m16']);
	});

	test('their budgets: squares where M is free, the members’ own where it is not', () => {
		expect(budgetsOf(trained, 'd-abs')).toEqual([
			{ tokens: 16, projector: 'd-abs-m16', trained: true },
			{ tokens: 36, projector: 'd-abs', trained: true }
		]);
		const free = budgetsOf(trained, 'c-abs');
		expect(free.map(({ tokens }) => tokens)).toEqual(Array.from({ length: side }, (_, i) => (i + 1) ** 2));
		expect(free.filter((budget) => budget.trained).map(({ tokens }) => tokens)).toEqual([16, 36]);
	});
});

describe('stages and samplers', () => {
	test('a C-Abstractor has its blocks, the pooling and the readout, and a gate in every block', () => {
		const { stages, gates = [] } = projectorOf(entry('c-abs').config);
		expect(stages.filter(({ inner }) => !inner).map(({ title }) => title)).toEqual([
			'block 1',
			'block 2',
			'pooling',
			'block 3',
			'block 4',
			'readout'
		]);
		expect(stages.map(({ output }) => output)).toContain('proj.s2.b1.se');
		expect(gates.map(({ title }) => title)).toEqual(['block 1', 'block 2', 'block 3', 'block 4']);
		expect(gates[2]).toMatchObject({ before: 'proj.s2.b1.conv2_norm_act', after: 'proj.s2.b1.se' });
		expect(projectorOf(entry('linear').config).stages.map(({ title }) => title)).toEqual(['readout']);
	});

	test('only a deformable projector samples; traces of images are joined on the first axis', () => {
		expect(samplerOf(entry('d-abs'))).toMatchObject({ layers: 3, heads: 8, points: 4 });
		expect(samplerOf(entry('c-abs'))).toBeUndefined();
		const tensor = (dims: number[], value: number) => ({
			dtype: 'float32' as const,
			dims,
			data: new Float32Array(dims.reduce((a, b) => a * b)).fill(value)
		});
		const trace = (value: number) => ({
			side: 2,
			referencePoints: tensor([1, 4, 2], value),
			layers: [{ locations: tensor([1, 4, 1, 1, 1, 2], value), weights: tensor([1, 4, 1, 1, 1], value) }]
		});
		const joined = joinTraces([trace(1), trace(2)]);
		expect(joined.referencePoints.dims).toEqual([2, 4, 2]);
		expect(joined.layers[0]!.weights.data[4]).toBe(2);
		expect(() => joinTraces([])).toThrow(/no images/);
	});
});
