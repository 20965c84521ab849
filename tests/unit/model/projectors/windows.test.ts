import { describe, expect, it } from 'vitest';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { memorySource } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors, writeSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import { parseConfig } from '../../../../src/lib/model/families/honeybee/parse-config.ts';
import { parseProjector } from '../../../../src/lib/model/projectors/parse-config.ts';
import { projectorOf } from '../../../../src/lib/model/projectors/registry.ts';
import { cubicMatrix, linearMatrix } from '../../../../src/lib/model/projectors/resampling.ts';
import { StateDict } from '../../../../src/lib/model/state-dict.ts';
import { float32, int64, openGraph } from '../../../support/run-graph.ts';
import { random, randomTensors, smallConfig } from '../../../support/random-checkpoint.ts';

const E = 16;

/** A projector with random weights on a grid of `side` × `side` patches. */
async function openProjector(projector_config: Record<string, unknown>, side: number, layers = 1) {
	const small = parseConfig(
		smallConfig({ vision: { hidden_size: E, image_size: 8 * side, num_hidden_layers: 24 } })
	);
	const config = {
		...small,
		projector_config: parseProjector(projector_config, small.vision_config, small.text_config)
	};
	const projector = projectorOf(config.projector_config);
	const file = writeSafetensors(randomTensors(config));
	const state = new StateDict(await openSafetensors(memorySource('weights', file)));
	const session = await openGraph(projector.graph(state, side));
	const N = side * side;
	const next = random(7);
	const features = Float32Array.from({ length: N * E * layers }, next);
	const run = async (values: Float32Array, more: Record<string, OrtTensor> = {}) =>
		session.run({ visual_features: float32([1, N, E * layers], values), ...more });
	return { projector, run, features, N, width: E * layers };
}

/** Patches that move each token: another feature there gives another token. */
async function readBy(opened: Awaited<ReturnType<typeof openProjector>>): Promise<number[][]> {
	const { run, features, N, width } = opened;
	const base = (await run(features)).visual_embeds!;
	const [, M = 0, O = 0] = base.dims as number[];
	const reads: number[][] = Array.from({ length: M }, () => []);
	for (let patch = 0; patch < N; patch++) {
		const changed = features.slice();
		for (let e = 0; e < width; e++) changed[patch * width + e]! += 0.5;
		const moved = (await run(changed)).visual_embeds!.data as Float32Array;
		for (let m = 0; m < M; m++)
			if (
				moved
					.subarray(m * O, (m + 1) * O)
					.some((value, i) => value !== (base.data as Float32Array)[m * O + i])
			)
				reads[m]!.push(patch);
	}
	return reads;
}

/** Patches in rows and columns `from` to `to`, within the grid. */
function square(side: number, [top, left]: readonly [number, number], size: number): number[] {
	const within = (at: number) => at >= 0 && at < side;
	return Array.from(
		{ length: size * size },
		(_, i) => [top + Math.floor(i / size), left + (i % size)] as const
	)
		.filter(([row, column]) => within(row) && within(column))
		.map(([row, column]) => row * side + column);
}

describe('what a token reads, at other sizes than the published ones', () => {
	it.each([
		[2, 8],
		[3, 9],
		[4, 12]
	])('a query of its window of %i × %i patches', async (s, side) => {
		const n = side / s;
		const opened = await openProjector(
			{
				projector_type: 'token-packer',
				num_query_tokens: n * n,
				scale_factor: s,
				feature_layer_index: [12, 16, 22, 23, 20]
			},
			side,
			5
		);
		const reads = await readBy(opened);
		expect(reads).toEqual(reads.map((_, m) => square(side, [Math.floor(m / n) * s, (m % n) * s], s)));
	});

	it.each([12, 24, 16])('a pooled cell and a ring around it, of %i patches to a side', async (side) => {
		const opened = await openProjector({ projector_type: 'ldpnet-v2', num_query_tokens: 144 }, side);
		const reads = await readBy(opened);
		const covers = (at: number): [number, number] => [
			Math.floor((Math.max(0, at - 1) * side) / 12),
			Math.ceil(((Math.min(11, at + 1) + 1) * side) / 12)
		];
		for (const [m, patches] of reads.entries()) {
			const [[top, bottom], [left, right]] = [covers(Math.floor(m / 12)), covers(m % 12)];
			const expected = Array.from({ length: side * side }, (_, patch) => patch).filter((patch) => {
				const [row, column] = [Math.floor(patch / side), patch % side];
				return row >= top && row < bottom && column >= left && column < right;
			});
			expect(patches, `token ${m}`).toEqual(expected);
		}
	});

	it.each([
		[7, 4],
		[8, 4],
		[24, 12]
	])('two blocks halve a side of %i to %i', async (side, half) => {
		const { run, features } = await openProjector(
			{ projector_type: 'ldpnet', num_query_tokens: half ** 2 },
			side
		);
		const { visual_embeds } = await run(features);
		expect(visual_embeds!.dims).toEqual([1, half ** 2, 64]);
		expect((visual_embeds!.data as Float32Array).every(Number.isFinite)).toBe(true);
	});

	it.each([5, 16, 20])(
		'nested queries on %i patches to a side attend alike whatever the picture',
		async (side) => {
			const { run, features } = await openProjector(
				{ projector_type: 'matry-query', num_query_tokens: 9 },
				side
			);
			const asked = async (values: Float32Array, m: number) => run(values, { num_query_tokens: int64([m]) });
			const first = await asked(features, 6);
			const other = await asked(
				features.map((value) => -2 * value),
				6
			);
			expect(first['proj.attention']!.data).toEqual(other['proj.attention']!.data);
			expect(first.visual_embeds!.data).not.toEqual(other.visual_embeds!.data);
			const fewer = await asked(features, 2);
			const O = fewer.visual_embeds!.dims[2]!;
			const prefix = (first.visual_embeds!.data as Float32Array).subarray(0, 2 * O);
			(fewer.visual_embeds!.data as Float32Array).forEach((value, i) =>
				expect(value).toBeCloseTo(prefix[i]!, 5)
			);
		}
	);
});

describe('resizing of grids as a matrix', () => {
	it.each([
		['bicubic', cubicMatrix],
		['bilinear', linearMatrix]
	])('%s: the same size changes nothing, rows sum to 1', (_, matrix) => {
		const same = matrix(4, 4);
		expect([...same]).toEqual(Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 1 : 0)));
		const resized = matrix(16, 6);
		for (let row = 0; row < 36; row++)
			expect(resized.subarray(row * 256, (row + 1) * 256).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
	});

	it('bilinear by 3 takes the middle alone, by 2 all four alike', () => {
		const thirds = linearMatrix(3, 1);
		expect([...thirds]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0]);
		expect([...linearMatrix(2, 1)]).toEqual([0.25, 0.25, 0.25, 0.25]);
	});
});
