import { describe, expect, it } from 'vitest';
import type { SiglipConfig } from '../../../../src/lib/model/vision/siglip/config.ts';
import { siglipGraph } from '../../../../src/lib/model/vision/siglip/graph.ts';
import { positionIds } from '../../../../src/lib/model/vision/siglip/positions.ts';
import { ShapesOnly } from '../../../support/official-manifest.ts';
import { preprocessGolden } from '../families/preprocess-golden.ts';

describe('position ids by fractions, as transformers computes them', () => {
	it.each(preprocessGolden.position_ids.rows)(
		'%i × %i stored, %i rows',
		(stored, rows, columns, down, across) => {
			const expected = down.flatMap((row) => across.map((column) => row * stored + column));
			expect(positionIds(stored, rows, columns)).toEqual(expected);
		}
	);
	it('is the raster for the sides that published models have, and not for all', () => {
		const isRaster = (side: number) => positionIds(side).every((id, i) => id === i);
		expect([8, 14, 16, 26, 27, 32].filter((side) => !isRaster(side))).toEqual([]);
		const others = Array.from({ length: 44 }, (_, i) => i + 1).filter((side) => !isRaster(side));
		expect(others).toEqual([19, 25, 29, 31, 38, 40, 41, 43]);
	});
});

describe('the graph', () => {
	const config: SiglipConfig = {
		hidden_size: 64,
		intermediate_size: 128,
		num_hidden_layers: 3,
		num_attention_heads: 4,
		num_channels: 3,
		patch_size: 14,
		image_size: 90,
		hidden_act: 'gelu_pytorch_tanh',
		layer_norm_eps: 1e-6,
		image_mean: [0.5, 0.5, 0.5],
		image_std: [0.5, 0.5, 0.5],
		tower: 'siglip',
		post_norm: true,
		positions: 'fractions'
	};
	const build = (changes: Partial<SiglipConfig>, layer = 3) =>
		siglipGraph({ ...config, ...changes }, new ShapesOnly(), [layer], 'fp32');

	it('has no class token and leaves out pixels that make no whole patch', () => {
		const outputs = build({}).ports().outputs;
		expect(outputs.find(({ name }) => name === 'vision.patch_embeds')?.dims).toEqual(['image', 64, 6, 6]);
		expect(outputs.find(({ name }) => name === 'vision.features.3')?.dims).toEqual(['image', 36, 64]);
	});
	it('runs no further than the features are read, through the last norm or not', () => {
		const weights = (graph: ReturnType<typeof build>) => graph.weights.map(({ name }) => name).join(' ');
		expect(weights(build({}))).toMatch(/layers\.2.*post_layernorm/);
		expect(weights(build({}, 2))).not.toMatch(/layers\.2|post_layernorm/);
	});
	it('looks positions up only where the ids are not the raster', () => {
		expect(build({}).operators().Gather).toBeUndefined();
		expect(build({ image_size: 19 * 14 }).operators().Gather).toBe(1);
		expect(build({ image_size: 19 * 14, positions: 'raster' }).operators().Gather).toBeUndefined();
	});
});
