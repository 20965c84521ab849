import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { greedy } from '../../../src/lib/model/runtime/sampling.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import type { AnswerResult } from '../../../src/lib/model/runtime/types.ts';
import type { ModelLocation } from '../../../src/lib/browser/model-source.ts';
import { ConvertClient } from '../../../src/workers/convert/client.ts';
import type {
	CheckpointInput,
	ConvertRequest,
	JobProgress,
	PickedFile
} from '../../../src/workers/convert/api.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { OPFS_MODELS, OPFS_STAGING } from '../../../src/lib/browser/opfs.ts';
import { deleteStoredModel, storedModels } from '../../../src/lib/browser/stored-models.ts';
import type { Golden } from '../../support/golden.ts';
import { convertGolden, fetchGolden, goldenImage } from '../model/converted.ts';
import { goldenFiles, goldenTarGz, gzip } from './fixtures.ts';
import { tar } from './tar-writer.ts';

let golden: Golden;
beforeAll(async () => {
	golden = await fetchGolden('c-abs');
});
afterEach(async () => {
	const root = await navigator.storage.getDirectory();
	for (const name of [OPFS_MODELS, OPFS_STAGING])
		await root.removeEntry(name, { recursive: true }).catch(() => undefined);
});

const request = (files: readonly PickedFile[], changes: Partial<ConvertRequest> = {}): ConvertRequest => ({
	checkpoint: { kind: 'files', files },
	name: 'golden',
	dtype: 'fp32',
	keep: 'storage',
	...changes
});

/** Loads a model in a worker of its own and asks the golden question. */
async function answer(location: ModelLocation, backend: 'wasm' | 'webgpu' = 'wasm'): Promise<AnswerResult> {
	const client = new ModelClient();
	try {
		await client.load({ location, backend });
		const name = golden.cases.main!.images[0]!;
		const events = client.answer({
			projector: 'c-abs',
			turns: [{ question: '', images: [{ id: name, name, bytes: await goldenImage(name) }] }],
			raw_prompt: golden.cases.main!.prompt,
			sampling: { ...greedy, max_new_tokens: 8 }
		});
		for await (const event of events) if (event.type === 'done') return event.result;
		throw new Error('no result');
	} finally {
		client.dispose();
	}
}
const expectedIds = () => golden.cases.main!.generated_ids.slice(0, 8);
const stored: ModelLocation = { kind: 'opfs', name: 'golden' };

async function bytesOf(path: string): Promise<Uint8Array> {
	const root = await navigator.storage.getDirectory();
	const folder = await (await root.getDirectoryHandle(OPFS_MODELS)).getDirectoryHandle('golden');
	return new Uint8Array(await (await (await folder.getFileHandle(path)).getFile()).arrayBuffer());
}

async function change(path: string, at: number): Promise<void> {
	const root = await navigator.storage.getDirectory();
	const folder = await (await root.getDirectoryHandle(OPFS_MODELS)).getDirectoryHandle('golden');
	const bytes = await bytesOf(path);
	bytes[at]! ^= 1;
	const writable = await (await folder.getFileHandle(path)).createWritable();
	await writable.write(bytes as Uint8Array<ArrayBuffer>);
	await writable.close();
}

/** When each file of the stored model was written. */
async function writtenAt(): Promise<Record<string, number>> {
	const root = await navigator.storage.getDirectory();
	const folder = await (await root.getDirectoryHandle(OPFS_MODELS)).getDirectoryHandle('golden');
	const times: [string, number][] = [];
	for await (const handle of folder.values())
		if (handle.kind === 'file') times.push([handle.name, (await handle.getFile()).lastModified]);
	return Object.fromEntries(times.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const input = async (checkpoint: string): Promise<CheckpointInput> => ({
	kind: 'files',
	files: await goldenFiles(checkpoint)
});

describe('converting in the page', () => {
	it('writes the files that Node writes, and the model answers from storage', async () => {
		const client = new ConvertClient();
		const files = await goldenFiles('c-abs');
		const summary = await client.inspect({ kind: 'files', files });
		expect(summary.contents).toMatchObject({ projector: 'c-abs', tokenizer: true, num_query_tokens: 16 });
		const progress: JobProgress[] = [];
		const { manifest } = await client.convert(request(files), { onProgress: (p) => progress.push(p) });
		expect(progress.at(-1)).toMatchObject({ stage: 'hash', done: progress.at(-1)!.total });
		const weights = manifest.files.filter(({ path }) => path.endsWith('.safetensors'));
		expect(summary.contents!.sizes.fp32).toBe(weights.reduce((sum, { size }) => sum + size, 0));
		const reference = await convertGolden('c-abs');
		for (const { path } of manifest.files) expect(await bytesOf(path), path).toEqual(reference[path]);
		const { files: expected } = JSON.parse(
			new TextDecoder().decode(reference['honeybee.json'])
		) as ModelManifest;
		expect(manifest.files).toEqual(expected);
		expect(await storedModels()).toMatchObject([{ name: 'golden', manifest: { name: 'golden' } }]);
		expect((await answer(stored)).ids).toEqual(expectedIds());
		expect(await client.verify('golden')).toEqual([]);
	});

	it('takes a .tar.gz and a .tar, and removes what it unpacked', async () => {
		const client = new ConvertClient();
		const archive = await goldenTarGz('c-abs');
		expect(await client.inspect({ kind: 'files', files: archive })).toEqual({
			name: 'c-abs.tar.gz',
			archive: archive[0]!.file.size
		});
		await client.convert(request(archive));
		expect((await answer(stored)).ids).toEqual(expectedIds());
		const [model] = await storedModels();
		expect(model).toMatchObject({ name: 'golden', manifest: { name: 'golden' } });
		expect(model).not.toHaveProperty('staged');

		const plain = await new Response(
			archive[0]!.file.stream().pipeThrough(new DecompressionStream('gzip'))
		).blob();
		await client.convert(request([{ path: 'c-abs.tar', file: plain }], { name: 'other', dtype: 'q4' }));
		expect((await storedModels()).map(({ name }) => name)).toEqual(['golden', 'other']);
	});

	it('keeps a model in memory where there is no storage', async () => {
		const { manifest, files } = await new ConvertClient().convert(
			request(await goldenFiles('c-abs'), { keep: 'memory' })
		);
		expect(manifest.dtype).toBe('fp32');
		expect(await storedModels()).toEqual([]);
		expect((await answer({ kind: 'memory', name: 'golden', files: files! })).ids).toEqual(expectedIds());
	});

	it.each(['wasm', 'webgpu'] as const)(
		'makes a language model in parts that answers the same on %s',
		async (backend) => {
			const { manifest } = await new ConvertClient().convert(
				request(await goldenFiles('c-abs'), { languageLimit: 200_000 })
			);
			expect(manifest.graphs.language.length).toBeGreaterThan(1);
			expect((await answer(stored, backend)).ids).toEqual(expectedIds());
		}
	);

	it('refuses what is no checkpoint, and what would do harm', async () => {
		const client = new ConvertClient();
		const text = new TextEncoder().encode('x');
		const archive = async (...files: Parameters<typeof tar>[0]) => [
			{ path: 'evil.tar.gz', file: await gzip(tar(files)) }
		];
		const refusals: [readonly PickedFile[], RegExp][] = [
			[[{ path: 'a/readme.txt', file: new Blob([text]) }], /holds no checkpoint/],
			[await archive({ path: '../../evil.json', bytes: text }), /leads out of the archive/],
			[await archive({ path: '/etc/evil.json', bytes: text }), /leads out of the archive/],
			[await archive({ path: 'link.json', type: '2' }), /a link/],
			[await archive({ path: 'sparse.bin', type: 'S', bytes: text }), /sparse/],
			[await archive({ path: 'long.bin', bytes: text, size: 8 ** 11 - 1 }), /needs more than|too early/],
			[await archive({ path: 'bomb.bin', bytes: new Uint8Array(2 ** 27) }), /as no checkpoint does/],
			[[{ path: 'broken.tar.gz', file: new Blob([text]) }], /damaged/]
		];
		for (const [files, message] of refusals) {
			const refused = client.convert(request(files));
			await expect(refused, String(message)).rejects.toThrow(InputError);
			await expect(refused).rejects.toThrow(message);
		}
		await expect(client.convert(request([], { name: '../x' }))).rejects.toThrow('cannot be the name');
	});

	it('refuses a pickle that would run something', async () => {
		const evil = await (
			await fetch(new URL('../../fixtures/checkpoint/evil-system-2.bin', import.meta.url))
		).arrayBuffer();
		const files = await goldenFiles('d-abs', (path, bytes) =>
			path === 'pytorch_model.bin' ? new Uint8Array(evil) : bytes
		);
		await expect(new ConvertClient().inspect({ kind: 'files', files })).rejects.toThrow(/os|posix|system/);
		await expect(new ConvertClient().convert(request(files))).rejects.toThrow(InputError);
		expect((await storedModels()).every(({ manifest }) => manifest === undefined)).toBe(true);
	});
});

describe('a stored model', () => {
	it('that is damaged is found and named, and not loaded', async () => {
		const client = new ConvertClient();
		await client.convert(request(await goldenFiles('c-abs')));
		await change('language.safetensors', 500_000);
		expect(await client.verify('golden')).toEqual([
			{ path: 'language.safetensors', problem: expect.stringContaining('SHA-256') }
		]);
		await expect(answer(stored)).rejects.toThrow('language.safetensors');
	});

	it('is repaired from its checkpoint, the damaged files alone', async () => {
		const client = new ConvertClient();
		const files = await goldenFiles('c-abs');
		// Several shards and graphs.
		const { manifest } = await client.convert(request(files, { languageLimit: 200_000 }));
		const [first, second] = manifest.files.filter(({ path }) => /^language.*safetensors$/.test(path));
		const before = await writtenAt();
		await change(first!.path, 5000);
		const root = await navigator.storage.getDirectory();
		const folder = await (await root.getDirectoryHandle(OPFS_MODELS)).getDirectoryHandle('golden');
		await folder.removeEntry(second!.path);
		expect((await client.verify('golden')).map(({ path }) => path)).toEqual([first!.path, second!.path]);

		// Another checkpoint gives other weights, of which nothing is kept.
		const other = client.repair({
			name: 'golden',
			source: { kind: 'checkpoint', checkpoint: await input('d-abs') }
		});
		await expect(other).rejects.toThrow(InputError);
		expect(await client.verify('golden')).toHaveLength(2);
		expect(await writtenAt()).not.toHaveProperty([second!.path]);

		const repaired = await client.repair({
			name: 'golden',
			source: { kind: 'checkpoint', checkpoint: await input('c-abs') }
		});
		expect(repaired).toEqual([first!.path, second!.path]);
		expect(await client.verify('golden')).toEqual([]);
		const after = await writtenAt();
		expect(Object.keys(after)).toEqual(Object.keys(before));
		for (const [path, time] of Object.entries(before))
			if (path !== first!.path && path !== second!.path) expect(after[path], path).toBe(time);
		expect((await answer(stored)).ids).toEqual(expectedIds());
		expect(await client.repair({ name: 'golden', source: { kind: 'server' } })).toEqual([]);
	});

	it('is repaired from the archive it was made of', async () => {
		const client = new ConvertClient();
		const checkpoint = { kind: 'files' as const, files: await goldenTarGz('c-abs') };
		await client.convert(request([], { checkpoint }));
		await change('vision.safetensors', 5000);
		await expect(client.repair({ name: 'golden', source: { kind: 'server' } })).rejects.toThrow(
			'not known where'
		);
		expect(await client.repair({ name: 'golden', source: { kind: 'checkpoint', checkpoint } })).toEqual([
			'vision.safetensors'
		]);
		expect(await client.verify('golden')).toEqual([]);
		expect(await storedModels()).toMatchObject([{ name: 'golden', manifest: { name: 'golden' } }]);
		expect((await storedModels())[0]).not.toHaveProperty('staged');
	});

	it('is not deleted while a tab has it loaded', async () => {
		await new ConvertClient().convert(request(await goldenFiles('c-abs')));
		const client = new ModelClient();
		await client.load({ location: stored, backend: 'wasm' });
		await expect(deleteStoredModel('golden')).rejects.toThrow('in use');
		client.dispose();
		await deleteStoredModel('golden');
		expect(await storedModels()).toEqual([]);
		await expect(answer(stored)).rejects.toThrow('no model "golden"');
	});
});
