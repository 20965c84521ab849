import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { preflight } from '../../../src/workers/preflight.ts';

/** A manifest of the size of a model: layers, width and bytes of the language model and of the vision tower. */
function manifest(layers: number, width: number, language: number, parts = 3): ModelManifest {
	const cut = (i: number) => Math.round((layers * i) / parts);
	const weights = Array.from({ length: parts }, (_, i) => `language.${i}`);
	return {
		name: 'big',
		dtype: 'q4f16',
		kv_dtype: 'float16',
		config: {
			text_config: {
				num_hidden_layers: layers,
				num_key_value_heads: width / 128,
				head_dim: 128,
				max_position_embeddings: 4096
			}
		},
		memory: { weights: language + 0.6e9, kv_per_token: 2 * layers * width * 2 },
		graphs: {
			vision: { weights: ['vision'] },
			embedding: { weights: ['embedding'] },
			language: weights.map((path, i) => ({ weights: [path], layers: [cut(i), cut(i + 1)] }))
		},
		projectors: { 'c-abs': { weights: ['projector'] } },
		files: [
			{ path: 'vision', size: 0.6e9 },
			{ path: 'embedding', size: 0.15e9 },
			{ path: 'projector', size: 0.15e9 },
			...weights.map((path) => ({ path, size: language / parts }))
		]
	} as unknown as ModelManifest;
}
const limits = {
	maxBufferSize: 2 ** 31,
	maxStorageBufferBindingSize: 2 ** 31,
	maxComputeWorkgroupStorageSize: 32768,
	maxComputeInvocationsPerWorkgroup: 1024,
	maxStorageBuffersPerShaderStage: 10
};
const sevenB = manifest(32, 4096, 3.7e9);
const thirteenB = manifest(40, 5120, 7.2e9, 5);

describe('preflight', () => {
	it('counts weights, cache with a part’s second copy, and what is worked with', () => {
		const check = preflight(sevenB, { backend: 'webgpu', limits });
		expect(check.weights).toBeCloseTo(4.45e9);
		expect(check.context).toBe(4096);
		expect(check.cache).toBeCloseTo(4096 * 2 * 32 * 4096 * 2 * (1 + 11 / 32));
		expect(check.refusal).toBeUndefined();
	});

	it('gives fewer positions where memory or buffers are short, down to 2048', () => {
		const short = preflight(sevenB, { backend: 'webgpu', limits, available: 6.7e9 });
		expect(short.context).toBeGreaterThanOrEqual(2048);
		expect(short.context).toBeLessThan(4096);
		const small = { ...limits, maxStorageBufferBindingSize: 3000 * 4096 * 2 };
		expect(preflight(sevenB, { backend: 'webgpu', limits: small }).context).toBe(3000);
	});

	it('refuses with the numbers: too little memory, too small buffers, WASM', () => {
		const refusal = preflight(thirteenB, {
			backend: 'webgpu',
			limits,
			available: 8e9,
			description: 'the card'
		});
		expect(refusal.refusal).toMatch(
			/needs 10\.\d GB \(8\.0 GB of weights, 2\.0 GB of cache for 2048 positions, 0\.3 GB to work with\), and the card gave 8\.0 GB/
		);
		const tiny = { ...limits, maxStorageBufferBindingSize: 2 ** 20 };
		expect(preflight(sevenB, { backend: 'webgpu', limits: tiny }).refusal).toContain(
			'needs buffers of 0.017 GB'
		);
		expect(preflight(sevenB, { backend: 'wasm' }).refusal).toContain(
			'more than the 3.2 GB that WASM can hold'
		);
	});
});
