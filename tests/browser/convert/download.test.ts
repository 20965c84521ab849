import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { ConvertClient } from '../../../src/workers/convert/client.ts';
import { ModelClient } from '../../../src/workers/model/client.ts';
import { OPFS_MODELS } from '../../../src/lib/browser/opfs.ts';
import { storedModels } from '../../../src/lib/browser/stored-models.ts';
import type { HostedRequest } from '../../support/model-host.ts';
import { convertGolden } from '../model/converted.ts';

/** Large enough to be cut in the middle. */
const BIG = 'language.safetensors';
let manifest: ModelManifest;

beforeAll(async () => {
	const files = await convertGolden('linear');
	manifest = JSON.parse(new TextDecoder().decode(files['honeybee.json'])) as ModelManifest;
	for (const [path, bytes] of Object.entries(files))
		await fetch(`/model-host/file/golden/${path}`, { method: 'PUT', body: bytes as Uint8Array<ArrayBuffer> });
});
beforeEach(() => requests());
afterEach(async () => {
	const root = await navigator.storage.getDirectory();
	await root.removeEntry(OPFS_MODELS, { recursive: true }).catch(() => undefined);
});

/** What the host was asked for since the last call. */
async function requests(): Promise<HostedRequest[]> {
	return (await (await fetch('/model-host/log')).json()) as HostedRequest[];
}
const address = (how: string) => new URL(`/model-host/${how}/golden/`, location.href).href;
const download = (how: string, client = new ConvertClient()) =>
	client.download({ url: address(how), name: 'golden' });

async function expectWhole(): Promise<void> {
	expect(await new ConvertClient().verify('golden')).toEqual([]);
	expect(await storedModels()).toMatchObject([{ name: 'golden', manifest: { files: manifest.files } }]);
}

/** Starts a download from a host and ends it within the largest file, by `end`. */
async function cutInTheMiddle(
	how: string,
	end: (worker: Worker, abort: AbortController) => void
): Promise<void> {
	let worker: Worker | undefined;
	const client = new ConvertClient(() => {
		worker = new Worker(new URL('../../../src/workers/convert/entry.worker.ts', import.meta.url), {
			type: 'module'
		});
		return worker;
	});
	const abort = new AbortController();
	const cut = client.download(
		{ url: address(how), name: 'golden' },
		{ signal: abort.signal, onProgress: ({ what }) => what === BIG && end(worker!, abort) }
	);
	await expect(cut).rejects.toThrow();
	const [model] = await storedModels();
	expect(model?.manifest).toBeUndefined();
	expect(model?.unfinished).toBeGreaterThan(0);
	await requests();
}

describe('a download from a static host', () => {
	it('asks once for every file, checks it, and gives a model that loads', async () => {
		expect((await download('ranges')).files).toEqual(manifest.files);
		const asked = await requests();
		expect(asked.map(({ path }) => path).sort()).toEqual(
			[...manifest.files.map(({ path }) => path), 'honeybee.json'].sort()
		);
		expect(asked.every(({ range }) => range === undefined)).toBe(true);
		await expectWhole();
		const client = new ModelClient();
		await client.load({ location: { kind: 'opfs', name: 'golden' }, backend: 'wasm' });
		client.dispose();
	});

	it('goes on by range requests where the connection is cut again and again', async () => {
		await download('cut-300000');
		const size = manifest.files.find(({ path }) => path === BIG)!.size;
		const ranges = (await requests()).filter(({ path }) => path === BIG).map(({ range }) => range);
		expect(ranges.length).toBeGreaterThanOrEqual(Math.ceil(size / 300_000));
		// A connection that is cut before anything was heard of it begins again without a range.
		const starts = ranges.map((range) =>
			range === undefined ? 0 : Number(/^bytes=(\d+)-$/.exec(range)![1])
		);
		expect(starts).toEqual([...starts].sort((a, b) => a - b));
		expect(starts.at(-1)).toBeGreaterThanOrEqual(size - 300_000);
		await expectWhole();
	});

	it.each([
		['stopped', (_: Worker, abort: AbortController) => abort.abort()],
		['killed', (worker: Worker) => worker.terminate()]
	] as const)('that was %s goes on another time from the byte it had reached', async (_, end) => {
		await cutInTheMiddle('cut-300000', end);
		await download('ranges');
		const asked = (await requests()).filter(({ path }) => path !== 'honeybee.json');
		const big = asked.find(({ path }) => path === BIG);
		expect(big?.range).toMatch(/^bytes=[1-9]\d*-$/);
		// What was whole is not fetched again.
		expect(asked.length).toBeLessThan(manifest.files.length);
		await expectWhole();
	});

	it('goes on from a server without ranges, which sends the file again', async () => {
		await cutInTheMiddle('once-300000', (_, abort) => abort.abort());
		await download('whole');
		await expectWhole();
		const root = await navigator.storage.getDirectory();
		await root.removeEntry(OPFS_MODELS, { recursive: true });
		// And within one download, where the first answer is cut.
		await download('once-300000');
		const ranges = (await requests()).filter(({ path }) => path === BIG).map(({ range }) => range);
		expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
		await expectWhole();
	});

	it('names the file whose hash is wrong, shows no model, and fetches only that one again', async () => {
		const refused = download(`wrong-${BIG}`);
		await expect(refused).rejects.toThrow(InputError);
		await expect(refused).rejects.toThrow(
			`${BIG} on the server is not the file that honeybee.json describes`
		);
		// Twice from the start, past the cache.
		expect((await requests()).filter(({ path }) => path === BIG)).toHaveLength(2);
		expect((await storedModels())[0]?.manifest).toBeUndefined();
		await download('ranges');
		const fetched = (await requests()).map(({ path }) => path);
		expect(fetched).toContain(BIG);
		const before = manifest.files.map(({ path }) => path).filter((path) => path < BIG);
		for (const path of before) expect(fetched).not.toContain(path);
		await expectWhole();
	});

	it('is repaired from there, the damaged file alone', async () => {
		await download('ranges');
		const root = await navigator.storage.getDirectory();
		const folder = await (await root.getDirectoryHandle(OPFS_MODELS)).getDirectoryHandle('golden');
		const file = await folder.getFileHandle('vision.safetensors');
		const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
		bytes[bytes.length >> 1]! ^= 1;
		const writable = await file.createWritable();
		await writable.write(bytes);
		await writable.close();
		await requests();
		expect((await storedModels())[0]?.address).toBe(address('ranges'));
		expect(await new ConvertClient().repair({ name: 'golden', source: { kind: 'server' } })).toEqual([
			'vision.safetensors'
		]);
		expect((await requests()).map(({ path }) => path)).toEqual(['honeybee.json', 'vision.safetensors']);
		await expectWhole();
	});

	it.each(['without', 'page'])('names a file that the server has not (%s)', async (how) => {
		await expect(download(`${how}-${BIG}`)).rejects.toThrow(`The server has no ${BIG}`);
		expect((await storedModels())[0]?.manifest).toBeUndefined();
	});

	it('says so when there is no model at the address', async () => {
		await expect(
			new ConvertClient().download({ url: address('ranges').replace('golden', 'nothing'), name: 'golden' })
		).rejects.toThrow(InputError);
	});

	it('gives up a server that is cut before anything comes, and keeps what was there', async () => {
		await expect(download('cut-0')).rejects.toThrow(/check the connection/);
	});
});

describe('a model run from a static host', () => {
	it('loads by its address, with its files checked', async () => {
		const client = new ModelClient();
		try {
			await client.load({ location: { kind: 'url', url: address('cut-300000') }, backend: 'wasm' });
			expect((await requests()).some(({ range }) => range !== undefined)).toBe(true);
			const damaged = client.load({
				location: { kind: 'url', url: address(`wrong-${BIG}`) },
				backend: 'wasm'
			});
			await expect(damaged).rejects.toThrow(BIG);
			// Fetched again past the cache before it is refused.
			expect((await requests()).filter(({ path }) => path === BIG)).toHaveLength(2);
		} finally {
			client.dispose();
		}
	});
});
