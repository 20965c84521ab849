import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import { towerOf } from '../../../../src/lib/model/vision/towers.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { goldenImage, openGolden } from '../../../support/golden-model.ts';

/** Attention of one layer from the hidden states before it and the stored weights, in double precision: [head, P, P]. */
function reference(
	hidden: Float32Array,
	weight: (name: string) => Float32Array,
	{ width, heads, epsilon }: { width: number; heads: number; epsilon: number }
): Float64Array {
	const P = hidden.length / width;
	const normed = new Float64Array(hidden.length);
	for (let p = 0; p < P; p++) {
		const row = hidden.subarray(p * width, (p + 1) * width);
		const mean = row.reduce((sum, value) => sum + value, 0) / width;
		const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
		for (let i = 0; i < width; i++)
			normed[p * width + i] =
				((row[i]! - mean) / Math.sqrt(variance + epsilon)) * weight('layer_norm1.weight')[i]! +
				weight('layer_norm1.bias')[i]!;
	}
	// The stored matrix is [in, out].
	const project = (name: string) => {
		const [matrix, bias] = [weight(`self_attn.${name}.weight.T`), weight(`self_attn.${name}.bias`)];
		return Float64Array.from({ length: P * width }, (_, i) => {
			const [p, o] = [Math.floor(i / width), i % width];
			let sum = bias[o]!;
			for (let c = 0; c < width; c++) sum += normed[p * width + c]! * matrix[c * width + o]!;
			return sum;
		});
	};
	const [query, key] = [project('q_proj'), project('k_proj')];
	const dh = width / heads;
	const out = new Float64Array(heads * P * P);
	for (let head = 0; head < heads; head++)
		for (let p = 0; p < P; p++) {
			const scores = Array.from({ length: P }, (_, q) => {
				let dot = 0;
				for (let i = head * dh; i < (head + 1) * dh; i++) dot += query[p * width + i]! * key[q * width + i]!;
				return Math.exp(dot / Math.sqrt(dh));
			});
			const sum = scores.reduce((a, b) => a + b);
			scores.forEach((score, q) => (out[(head * P + p) * P + q] = score / sum));
		}
	return out;
}

describe.each([
	['a tower with a class token', 'c-abs/last'],
	['a tower without one', '../families/smolvlm-256m/checkpoint']
])('attention inside %s', (_what, golden) => {
	let opened: Awaited<ReturnType<typeof openGolden>>;
	beforeAll(async () => {
		opened = await openGolden(golden);
	});
	afterAll(() => opened.close());

	it('is what its weights make of the hidden states', async () => {
		const { model, folder } = opened;
		const { vision_config } = model.manifest.config;
		const image = await goldenImage('scene_200x150.png');
		const [projector] = Object.keys(model.manifest.projectors);
		const made = await model.towerAttention({ image, view: 0, layers: [1], whole: true });
		const { hidden_size: width, num_attention_heads: heads, layer_norm_eps: epsilon } = vision_config;
		const { 'vision.hidden_states.1': states } = await model.trace({
			...{ projector: projector!, image },
			names: ['vision.hidden_states.1']
		});
		const P = made.classTokens + made.patches;
		expect(made.classTokens).toBe(towerOf(vision_config).classTokens);
		expect(made.attention.dims).toEqual([1, heads, P, P]);
		const stored = model.manifest.graphs.vision.weights[0]!;
		const file = await openSafetensors(
			memorySource(stored, new Uint8Array(readFileSync(join(folder, stored))))
		);
		const weights = new Map<string, Float32Array>();
		for (const name of file.entries.keys())
			if (name.includes('layers.1.'))
				weights.set(name.replace(/^.*layers\.1\./, ''), (await file.read(name)).data as Float32Array);
		const first = (states!.data as Float32Array).subarray(0, P * width);
		const expected = reference(first, (name) => weights.get(name)!, { width, heads, epsilon });
		let most = 0;
		expected.forEach((value, i) => (most = Math.max(most, Math.abs(value - made.attention.data[i]!))));
		expect(most).toBeLessThan(1e-5);
	});

	it('is summarised for every layer below the features, and refuses others', async () => {
		const { model } = opened;
		const image = await goldenImage('scene_200x150.png');
		const { layers, distance, attention } = await model.towerAttention({ image });
		const heads = model.manifest.config.vision_config.num_attention_heads;
		const read = Object.values(model.manifest.projectors).flatMap(({ feature_layers }) => feature_layers);
		expect(layers.length).toBeGreaterThanOrEqual(Math.max(...read));
		expect(distance).toHaveLength(layers.length * heads);
		expect(distance.every((value) => value > 0)).toBe(true);
		expect(attention.data).toHaveLength(0);
		await expect(model.towerAttention({ image, layers: [99] })).rejects.toThrow(InputError);
		await expect(model.towerAttention({ image, view: 50 })).rejects.toThrow('no view 50');
	});
});
