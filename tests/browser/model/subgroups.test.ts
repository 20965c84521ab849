import { afterEach, expect, it, vi } from 'vitest';
import { createWebGpuBackend } from '../../../src/workers/model/web-backend.ts';

afterEach(() => vi.restoreAllMocks());

/** The description of a device, and for each one asked for on the way whether it was to have subgroups. */
async function asked(): Promise<{ description: string; subgroups: boolean[] }> {
	const requests = vi.spyOn(GPUAdapter.prototype, 'requestDevice');
	const backend = await createWebGpuBackend({
		reason: 'asked for by the test',
		onFailure: ({ message }) => {
			throw new Error(message);
		}
	});
	const { description } = backend.info;
	await backend.dispose();
	const subgroups = requests.mock.calls.map(([device]) =>
		[...device!.requiredFeatures!].includes('subgroups')
	);
	return { description, subgroups };
}

// SwiftShader has subgroups of 4, with which attention is wrong.
it('subgroups known to be too small are not tried', async () => {
	const { description, subgroups } = await asked();
	expect(subgroups).toEqual([false]);
	expect(description).toMatch(/, without subgroups; attention checked to \de-\d+$/);
});

it('attention that is wrong with subgroups is found out, and the device does without them', async () => {
	vi.spyOn(GPUAdapterInfo.prototype, 'subgroupMaxSize', 'get').mockReturnValue(32);
	const { description, subgroups } = await asked();
	expect(subgroups).toEqual([true, false]);
	expect(description).toContain(', without subgroups;');
});
