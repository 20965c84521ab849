import { expect, it } from 'vitest';
import type { BackendChoice, WorkerState } from '../../../src/workers/model/api.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { officialManifest } from '../../support/official-manifest.ts';

/** Loads a model of which there is nothing but the manifest, on a device with that many bytes to give. */
async function refusal(size: '7B' | '13B', backend: BackendChoice, room: number) {
	const manifest = officialManifest(size, 'q4');
	const files = { 'honeybee.json': new Blob([JSON.stringify(manifest)]) };
	const client = new ModelClient(() => {
		const worker = new Worker(new URL('./limited.worker.ts', import.meta.url), { type: 'module' });
		worker.postMessage({ room });
		return worker;
	});
	const states: WorkerState[] = [];
	client.subscribe((state) => states.push(state));
	try {
		await client.load({ location: { kind: 'memory', name: 'official', files }, backend });
		throw new Error('It was loaded.');
	} catch {
		expect(client.state).toMatchObject({ status: 'failed', reason: 'input' });
		const stages = states.flatMap((state) => (state.status === 'loading' ? [state.progress.stage] : []));
		return { message: (client.state as { message: string }).message, read: stages.includes('weights') };
	} finally {
		client.dispose();
	}
}

it.each([
	[
		'13B',
		'webgpu',
		8e9,
		/The model C-13B-M144-q4 needs \d+\.\d GB \(.* cache for 2048 positions.* gave 8\.0 GB/
	],
	['13B', 'wasm', 8e9, /needs \d+\.\d GB .*more than the 3\.2 GB that WASM can hold/],
	[
		'13B',
		'auto',
		8e9,
		/more than the 3\.2 GB that WASM can hold.*WebGPU is not used: The only WebGPU adapter/
	]
] as const)(
	'%s on %s is refused before anything of it is read, with the numbers',
	async (size, backend, room, words) => {
		const { message, read } = await refusal(size, backend, room);
		expect(message).toMatch(words);
		expect(read).toBe(false);
	}
);

it('7B with room enough is not refused, but found to have no files', async () => {
	const { message, read } = await refusal('7B', 'webgpu', 16e9);
	expect(message).not.toContain('needs');
	expect(message).toMatch(/vision|missing/);
	expect(read).toBe(true);
});
