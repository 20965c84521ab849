import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { selfCheck } from '../../../../src/workers/model/self-check.ts';
import { createWasmBackend, createWebGpuBackend } from '../../../../src/workers/model/web-backend.ts';
import { embeddedModel } from '../../../support/embedded.ts';

vi.mock('../../../../src/workers/model/web-backend.ts', () => ({
	createWasmBackend: vi.fn(),
	createWebGpuBackend: vi.fn()
}));

it('gives the device back when WASM cannot be had', async () => {
	const dispose = vi.fn(async () => undefined);
	vi.mocked(createWebGpuBackend).mockResolvedValue({ dispose } as never);
	vi.mocked(createWasmBackend).mockRejectedValue(new Error('no WASM here'));
	const manifest = new Blob([readFileSync(`${embeddedModel}/honeybee.json`)]);
	const location = { kind: 'memory', name: 'mini', files: { 'honeybee.json': manifest } } as const;
	const { signal } = new AbortController();
	await expect(selfCheck(location, signal, () => undefined)).rejects.toThrow('no WASM here');
	expect(dispose).toHaveBeenCalledTimes(1);
});
