import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../../src/lib/model/manifest.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { decide, onRuntime } from '../../../../src/workers/model/choose-backend.ts';

const manifest = (half: boolean) =>
	({
		name: 'tiny',
		dtype: half ? 'q4f16' : 'fp32',
		kv_dtype: half ? 'float16' : 'float32',
		dtypes: { vision: 'fp32', projector: 'fp32', embedding: 'fp32', language: half ? 'q4f16' : 'fp32' }
	}) as ModelManifest;
const hardware = { description: 'Some GPU', software: false, shader_f16: true };
const software = { description: 'SwiftShader', software: true, shader_f16: false };
const withoutHalf = { ...hardware, shader_f16: false };

describe('automatic', () => {
	it.each([
		['hardware', hardware, false, 'webgpu', 'was found'],
		['hardware and a half-precision model', hardware, true, 'webgpu', 'was found'],
		['no adapter', undefined, false, 'wasm', 'no WebGPU'],
		['a software adapter', software, false, 'wasm', 'SwiftShader'],
		['hardware without half precision for a model that needs it', withoutHalf, true, 'wasm-q4', 'q4f16'],
		['hardware without half precision otherwise', withoutHalf, false, 'webgpu', 'was found']
	] as const)('with %s', (_, adapter, half, backend, reason) => {
		const decision = decide('auto', adapter, manifest(half));
		expect(decision.backend).toBe(backend);
		expect(decision.reason).toContain(reason);
	});
});

describe('a model stored in blocks', () => {
	const inBlocks = {
		...manifest(false),
		dtype: 'q4',
		dtypes: { vision: 'q8', projector: 'fp32', embedding: 'q8', language: 'q4' }
	} as ModelManifest;

	const in8Bits = { ...inBlocks, dtypes: { ...inBlocks.dtypes, language: 'fp32' } } as ModelManifest;

	it('is multiplied in 4 bits where the processor stands in for a GPU, in 8 where only other parts are in blocks', () => {
		expect(decide('auto', undefined, inBlocks).backend).toBe('wasm-q4');
		expect(decide('auto', software, inBlocks).backend).toBe('wasm-q4');
		expect(decide('auto', undefined, in8Bits).backend).toBe('wasm-int8');
		expect(decide('auto', hardware, inBlocks).backend).toBe('webgpu');
	});

	it('is multiplied as stored, in 4 bits or in 8, when that is asked for', () => {
		expect(decide('wasm', hardware, inBlocks).backend).toBe('wasm');
		expect(decide('wasm-q4', hardware, inBlocks).backend).toBe('wasm-q4');
		expect(decide('wasm-q4', hardware, in8Bits)).toMatchObject({
			backend: 'wasm-int8',
			reason: expect.stringContaining('no language model in 4 bits') as string
		});
		expect(decide('wasm-q4', hardware, manifest(false)).backend).toBe('wasm');
		expect(decide('wasm-int8', hardware, inBlocks).backend).toBe('wasm-int8');
		expect(decide('wasm-int8', hardware, manifest(false))).toMatchObject({
			backend: 'wasm',
			reason: expect.stringContaining('no matrices') as string
		});
	});
});

describe('what was asked for', () => {
	it('is done, on a software adapter too', () => {
		expect(decide('wasm', hardware, manifest(false)).backend).toBe('wasm');
		expect(decide('webgpu', software, manifest(false)).backend).toBe('webgpu');
	});

	it('is refused with a sentence where it cannot be', () => {
		expect(() => decide('webgpu', undefined, manifest(false))).toThrow(InputError);
		expect(() => decide('webgpu', withoutHalf, manifest(true))).toThrow('shader-f16');
	});
});

describe('what the kernels for 4 bits leave to the runtime', () => {
	/** A language model in 4 bits of so many bytes. */
	const ofSize = (size: number) =>
		({
			...manifest(false),
			dtypes: { vision: 'q8', projector: 'fp32', embedding: 'q8', language: 'q4' },
			config: {
				text_config: {
					...{ max_position_embeddings: 2048, num_key_value_heads: 4, head_dim: 64, num_hidden_layers: 22 },
					...{ hidden_size: 2048, vocab_size: 32_000 }
				}
			},
			graphs: {
				vision: { weights: [] },
				embedding: { weights: [] },
				language: [{ weights: ['language'], layers: [0, 22] }]
			},
			projectors: {},
			memory: { kv_per_token: 45_056 },
			files: [{ path: 'language', size }]
		}) as unknown as ModelManifest;

	it('is multiplied in 8 bits where what its matrices grow to fits', () => {
		expect(onRuntime(ofSize(0.8e9), undefined, 'No adapter.', 'wasm-int8')).toMatchObject({
			...{ backend: 'wasm-int8', why: 'No adapter.', context: 2048 }
		});
	});

	it('stays as it is stored where it would not', () => {
		const left = onRuntime(ofSize(2e9), undefined, 'No adapter.', 'wasm-int8');
		expect(left).toMatchObject({ backend: 'wasm', context: 2048 });
		expect(left.why).toBe('No adapter. In 8 bits it would not fit into WASM’s memory.');
	});

	it('is refused with the numbers where not even that fits', () => {
		expect(() => onRuntime(ofSize(3.1e9), undefined, 'No adapter.', 'wasm-int8')).toThrow(
			/needs .* more than the 3\.2 GB that WASM can hold/
		);
	});
});
