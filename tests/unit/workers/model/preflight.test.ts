import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ModelManifest } from '../../../../src/lib/model/manifest.ts';
import { limitsOf, machineOf, preflight, probeMemory } from '../../../../src/workers/model/preflight.ts';
import { officialManifest } from '../../../support/official-manifest.ts';

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

	it('counts what 4 bits become where they are multiplied in 8', () => {
		const stored = {
			...sevenB,
			dtypes: { vision: 'q8', projector: 'fp32', embedding: 'q8', language: 'q4' },
			config: { text_config: { ...sevenB.config.text_config, hidden_size: 576, vocab_size: 49_152 } }
		} as ModelManifest;
		const [wasm, int8] = (['wasm', 'wasm-int8'] as const).map((backend) => preflight(stored, { backend }));
		// 8 bits for each 5.125, and the head in float32.
		expect(int8!.weights - wasm!.weights).toBeCloseTo(3.7e9 * (8 / 5.125 - 1) + 3 * 576 * 49_152, -3);
	});

	it('counts the cache as the kernels for 4 bits hold it: 16 bits, and a scale for each row', () => {
		const float32 = {
			...sevenB,
			kv_dtype: 'float32',
			memory: { ...sevenB.memory, kv_per_token: 2 * sevenB.memory.kv_per_token }
		} as ModelManifest;
		const [runtime, kernels] = (['wasm', 'wasm-q4'] as const).map((backend) =>
			preflight(float32, { backend })
		);
		// What is missing is told for the least context.
		const { head_dim } = sevenB.config.text_config;
		expect(kernels!.cache).toBeCloseTo(runtime!.cache * (0.5 + 1 / head_dim));
		expect(preflight(sevenB, { backend: 'wasm-q4' }).cache).toBeCloseTo(kernels!.cache);
	});

	it('counts the chosen projector, not the first one', () => {
		const two = {
			...sevenB,
			projectors: { ...sevenB.projectors, 'd-abs': { weights: ['large projector'] } },
			files: [...sevenB.files, { path: 'large projector', size: 0.9e9 }]
		} as unknown as ModelManifest;
		const weights = (projector?: string) => preflight(two, { backend: 'webgpu', limits, projector }).weights;
		expect(weights('d-abs') - weights('c-abs')).toBeCloseTo(0.75e9);
		expect(weights()).toBe(weights('c-abs'));
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

const GB = 1e9;
const defaultLimits = {
	maxBufferSize: 2 ** 28,
	maxStorageBufferBindingSize: 2 ** 27,
	maxComputeWorkgroupStorageSize: 16384,
	maxComputeInvocationsPerWorkgroup: 256,
	maxStorageBuffersPerShaderStage: 8
};

/** An adapter as browsers describe it. */
function adapter(
	description: string,
	{ half, limits = defaultLimits }: { half: boolean; limits?: typeof defaultLimits }
): GPUAdapter {
	return {
		info: { description, vendor: '', architecture: '', device: '', isFallbackAdapter: false },
		features: new Set(half ? ['shader-f16', 'subgroups'] : []),
		limits
	} as unknown as GPUAdapter;
}

/** A device that has so many bytes to give; what is taken beyond them fails as WebGPU lets it fail. */
function device(memory: number): GPUDevice & { readonly taken: () => number } {
	let taken = 0;
	let failed: boolean[] = [];
	return {
		limits: defaultLimits,
		pushErrorScope: () => failed.push(false),
		popErrorScope: async () => (failed.pop() ? { message: 'out of memory' } : null),
		createBuffer({ size }: GPUBufferDescriptor) {
			const fits = taken + size <= memory;
			if (fits) taken += size;
			else failed = failed.map((_, i) => i === failed.length - 1);
			return { destroy: () => void (fits && (taken -= size)) };
		},
		taken: () => taken
	} as unknown as GPUDevice & { readonly taken: () => number };
}

describe('what a machine is told', () => {
	it('chooses the type from the adapter', () => {
		vi.stubGlobal('navigator', { deviceMemory: 8 });
		expect(machineOf(adapter('Large GPU', { half: true }))).toMatchObject({
			dtype: 'q4f16',
			deviceMemory: 8,
			adapter: { description: 'Large GPU', shader_f16: true, features: ['shader-f16', 'subgroups'] }
		});
		expect(machineOf(adapter('Old GPU', { half: false }))).toMatchObject({
			dtype: 'q4',
			dtypeReason: expect.stringContaining('shader-f16')
		});
		vi.stubGlobal('navigator', {});
		const none = machineOf(undefined);
		expect(none).toEqual({ dtype: 'q4', dtypeReason: expect.stringContaining('Without a WebGPU adapter') });
	});
	afterEach(() => void vi.unstubAllGlobals());

	it('asks a device for no more than it has, and gives everything back', async () => {
		vi.stubGlobal('GPUBufferUsage', { STORAGE: 128 });
		for (const [memory, wanted] of [
			[4 * GB, 8 * GB],
			[16 * GB, 8 * GB],
			[0, GB]
		] as const) {
			const fake = device(memory);
			const given = await probeMemory(fake, wanted);
			expect(given).toBeLessThanOrEqual(memory);
			if (memory >= wanted) expect(given).toBe(wanted);
			else expect(given).toBeGreaterThan(memory - 2 ** 24);
			expect(fake.taken()).toBe(0);
		}
	});
});

describe('official checkpoints on adapters of several sizes', () => {
	const models = {
		'7B q4f16': officialManifest('7B', 'q4f16'),
		'7B q4': officialManifest('7B', 'q4'),
		'13B q4f16': officialManifest('13B', 'q4f16')
	};
	// Positions that fit, by the memory of the device in GB; 0 is a refusal.
	it.each([
		['7B q4f16', 4, 0],
		['7B q4f16', 6, 0],
		['7B q4f16', 8, 4096],
		['7B q4f16', 7, 3000],
		['7B q4', 8, 2098],
		['7B q4', 12, 4096],
		['13B q4f16', 8, 0],
		['13B q4f16', 12, 3524],
		['13B q4f16', 16, 4096]
	] as const)('%s with %i GB', async (name, memory, context) => {
		vi.stubGlobal('GPUBufferUsage', { STORAGE: 128 });
		const manifest = models[name];
		const limits = limitsOf(adapter('the card', { half: true }).limits);
		const wanted = preflight(manifest, { backend: 'webgpu', limits }).needed;
		const available = await probeMemory(device(memory * GB), wanted);
		const check = preflight(manifest, { backend: 'webgpu', limits, available, description: 'the card' });
		vi.unstubAllGlobals();
		if (context === 0) {
			expect(check.refusal).toMatch(
				new RegExp(
					`The model ${manifest.name} needs \\d+\\.\\d GB \\(.* of weights, .* of cache for 2048 positions.*the card gave`
				)
			);
			return;
		}
		expect(check.refusal).toBeUndefined();
		expect(check.context).toBeGreaterThanOrEqual(2048);
		// Memory is asked for in steps of 16 MiB.
		expect(Math.abs(check.context - context)).toBeLessThan(1 + 2 ** 24 / manifest.memory.kv_per_token);
		expect(check.weights + check.cache + check.working).toBeLessThanOrEqual(memory * GB);
	});

	it('gives every weight of 7B in q4f16 to sessions of at most 1.5 GiB', () => {
		const { graphs, files } = models['7B q4f16'];
		const size = new Map(files.map((file) => [file.path, file.size]));
		expect(graphs.language.length).toBe(3);
		for (const { weights } of graphs.language) {
			expect(weights.reduce((sum, path) => sum + size.get(path)!, 0)).toBeLessThanOrEqual(1.5 * 2 ** 30);
			for (const path of weights) expect(size.get(path)).toBeLessThanOrEqual(2 ** 29 + 2 ** 24);
		}
	});
});
