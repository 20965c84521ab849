import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { selfCheck } from '../../../../src/workers/model/self-check.ts';
import { embeddedModel } from '../../../support/embedded.ts';

it('gives the device back when WASM cannot be had', async () => {
	const dispose = vi.fn(async () => undefined);
	const start = {
		gpu: () => Promise.resolve({ dispose } as never),
		wasm: () => Promise.reject(new Error('no WASM here'))
	};
	const manifest = new Blob([readFileSync(`${embeddedModel}/honeybee.json`)]);
	const location = { kind: 'memory', name: 'mini', files: { 'honeybee.json': manifest } } as const;
	const { signal } = new AbortController();
	await expect(selfCheck(location, signal, () => undefined, start)).rejects.toThrow('no WASM here');
	expect(dispose).toHaveBeenCalledTimes(1);
});
