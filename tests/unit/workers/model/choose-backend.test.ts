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
