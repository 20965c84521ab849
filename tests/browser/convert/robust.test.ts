import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { ConvertClient } from '../../../src/workers/convert/client.ts';
import type { ConvertRequest, PickedFile } from '../../../src/workers/convert/api.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { listFiles, opfsDirectory, OPFS_MODELS, OPFS_STAGING } from '../../../src/lib/browser/opfs.ts';
import { storedModels } from '../../../src/lib/browser/stored-models.ts';
import { random } from '../../support/random-checkpoint.ts';
import { goldenFiles, goldenTarGz } from './fixtures.ts';

let files: readonly PickedFile[];
beforeAll(async () => {
	files = await goldenFiles('c-abs');
});
afterEach(async () => {
	const root = await navigator.storage.getDirectory();
	for (const name of [OPFS_MODELS, OPFS_STAGING])
		await root.removeEntry(name, { recursive: true }).catch(() => undefined);
});

const request = (changes: Partial<ConvertRequest> = {}): ConvertRequest => ({
	checkpoint: { kind: 'files', files },
	name: 'golden',
	dtype: 'fp32',
	keep: 'storage',
	// Several shards and graphs, so that there is much to be cut off in.
	languageLimit: 200_000,
	...changes
});

/** A client whose workers can be ended from outside. */
function mortal(): { client: ConvertClient; kill: () => void } {
	let worker: Worker | undefined;
	const client = new ConvertClient(() => {
		worker = new Worker(new URL('../../../src/workers/convert/entry.worker.ts', import.meta.url), {
			type: 'module'
		});
		return worker;
	});
	return { client, kill: () => worker!.terminate() };
}

/** A client whose storage is not as it should be. */
function broken(how: { readonly room?: number; readonly quota?: number }): ConvertClient {
	return new ConvertClient(() => {
		const worker = new Worker(new URL('./broken.worker.ts', import.meta.url), { type: 'module' });
		worker.postMessage(how);
		return worker;
	});
}

/** Weight files under their own names; what is not whole has another. */
async function wholeFiles(name: string): Promise<string[]> {
	const folder = await opfsDirectory([OPFS_MODELS, name]);
	return folder ? (await listFiles(folder)).filter((path) => path.endsWith('.safetensors')).sort() : [];
}

const CONVERSIONS = 35;
const ANSWERS = 15;

describe('a worker that is ended anywhere', () => {
	it(`while it converts: ${CONVERSIONS} times, and the model is whole in the end`, async () => {
		const next = random(11);
		const chance = () => (next() + 1) / 2;
		const reference = await mortal().client.convert(request({ name: 'reference' }));
		let cut = 0;
		let kept = 0;
		/** Files that were whole when the worker was ended. */
		let whole: string[] = [];
		for (let attempt = 0; cut < CONVERSIONS && attempt < CONVERSIONS * 4; attempt++) {
			const { client, kill } = mortal();
			const at = chance();
			let ended = false;
			const done = client
				.convert(request(), {
					onProgress: ({ done, total }) => {
						if (ended || done < total * at) return;
						ended = true;
						kill();
					}
				})
				.then(
					() => true,
					() => false
				);
			if (await done) {
				// Ended too late: begin anew.
				const root = await navigator.storage.getDirectory();
				await (await root.getDirectoryHandle(OPFS_MODELS)).removeEntry('golden', { recursive: true });
				whole = [];
				continue;
			}
			cut++;
			const now = await wholeFiles('golden');
			expect(now).toEqual(expect.arrayContaining(whole));
			whole = now;
			const model = (await storedModels()).find(({ name }) => name === 'golden');
			// Visible only when whole.
			if (model?.manifest) expect(await client.verify('golden')).toEqual([]);
			else kept = Math.max(kept, model?.unfinished ?? 0);
		}
		expect(cut).toBe(CONVERSIONS);
		expect(kept).toBeGreaterThan(0);
		const { client } = mortal();
		const { manifest } = await client.convert(request());
		expect(manifest.files).toEqual(reference.manifest.files);
		expect(await client.verify('golden')).toEqual([]);
		// The model beside it was never touched.
		expect(await client.verify('reference')).toEqual([]);
	});

	it(`while it answers: ${ANSWERS} times, and the next answer is right`, async () => {
		await new ConvertClient().convert(request());
		const next = random(5);
		let worker: Worker | undefined;
		const client = new ModelClient(() => {
			worker = new Worker(new URL('../../../src/workers/model/entry.worker.ts', import.meta.url), {
				type: 'module'
			});
			return worker;
		});
		const question = {
			projector: 'c-abs',
			turns: [{ question: '', images: [] }],
			raw_prompt: 'Why is the sky blue?',
			sampling: { ...greedy, max_new_tokens: 24 }
		};
		let expected: readonly number[] | undefined;
		const ask = async (onToken: (count: number) => void = () => undefined) => {
			let count = 0;
			for await (const event of client.answer(question)) {
				// No wrong token either, before the end.
				if (event.type === 'token' && expected) expect(event.id).toBe(expected[count]);
				if (event.type === 'token') onToken(++count);
				if (event.type === 'done') return event.result.ids;
			}
			throw new Error('no result');
		};
		try {
			await client.load({ location: { kind: 'opfs', name: 'golden' }, backend: 'wasm' });
			expected = await ask();
			expect(expected).toHaveLength(24);
			let cut = 0;
			for (let i = 0; i < ANSWERS; i++) {
				const last = 1 + Math.floor(((next() + 1) / 2) * 12);
				const ids = await ask((count) => {
					if (count === last) worker!.terminate();
				}).catch(() => undefined);
				// Events that were on their way already make a whole answer; a part of one is an error.
				if (ids) expect(ids).toEqual(expected);
				else cut++;
				await client.restart();
				expect(await ask()).toEqual(expected);
			}
			expect(cut).toBeGreaterThan(0);
		} finally {
			client.dispose();
		}
	});

	it('while it unpacks: the next time begins the archive anew, or goes on from what was unpacked', async () => {
		const checkpoint = { kind: 'files' as const, files: await goldenTarGz('c-abs') };
		for (const stage of ['unpack', 'convert'] as const) {
			const { client, kill } = mortal();
			const cut = client.convert(request({ checkpoint }), {
				onProgress: (progress) => progress.stage === stage && kill()
			});
			await expect(cut).rejects.toThrow('what was finished is kept');
			const [model] = await storedModels();
			expect(model?.staged).toBe(stage === 'convert' ? 'fp32' : undefined);
		}
		// The files are not needed any more.
		const { client } = mortal();
		await client.convert(request({ checkpoint: { kind: 'staged', name: 'golden' } }));
		expect(await client.verify('golden')).toEqual([]);
	});
});

describe('a storage that is full', () => {
	it('is said in one sentence; older models stay, and the work goes on when there is room', async () => {
		await new ConvertClient().convert(request({ name: 'older' }));
		const full = broken({ room: 1_500_000 });
		const refused = full.convert(request());
		await expect(refused).rejects.toThrow(InputError);
		await expect(refused).rejects.toThrow(/the storage that this browser allows the page is full/);
		const models = await storedModels();
		expect(models.map(({ name, manifest }) => [name, manifest !== undefined])).toEqual([
			['golden', false],
			['older', true]
		]);
		const client = new ConvertClient();
		expect(await client.verify('older')).toEqual([]);
		await client.convert(request());
		expect(await client.verify('golden')).toEqual([]);
	});

	it('is found out before anything is written', async () => {
		const client = broken({ quota: 1e6 });
		await expect(client.convert(request())).rejects.toThrow(/needs \d\.\d\d GB .* has room for 0\.00 GB/);
		expect((await storedModels())[0]?.unfinished).toBe(0);
	});
});

describe('a model that another tab writes', () => {
	it('is not written a second time', async () => {
		await navigator.locks.request('honeybee-write/other', async () => {
			await expect(new ConvertClient().convert(request({ name: 'other' }))).rejects.toThrow(
				'being written in another tab'
			);
		});
	});
});
