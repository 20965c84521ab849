import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../../src/lib/model/manifest.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { decide } from '../../../../src/workers/model/choose-backend.ts';

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
		['hardware without half precision for a model that needs it', withoutHalf, true, 'wasm', 'q4f16'],
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
