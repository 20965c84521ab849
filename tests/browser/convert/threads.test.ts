import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../src/lib/model/manifest.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { ConvertClient } from '../../../src/workers/convert/client.ts';
import type { ConvertRequest, JobProgress, PickedFile } from '../../../src/workers/convert/api.ts';
import { listFiles, opfsDirectory, OPFS_MODELS, OPFS_STAGING } from '../../../src/lib/browser/opfs.ts';
import { storedModels } from '../../../src/lib/browser/stored-models.ts';
import { random } from '../../support/random-checkpoint.ts';
import { convertGolden } from '../model/converted.ts';
import { goldenFiles, goldenTarGz } from './fixtures.ts';
import type { ToThreads } from './threads.worker.ts';

let files: readonly PickedFile[];
beforeAll(async () => {
	files = await goldenFiles('c-abs');
});
const dropAll = async () => {
	const root = await navigator.storage.getDirectory();
	for (const name of [OPFS_MODELS, OPFS_STAGING])
		await root.removeEntry(name, { recursive: true }).catch(() => undefined);
};
afterEach(dropAll);

const request = (changes: Partial<ConvertRequest> = {}): ConvertRequest => ({
	checkpoint: { kind: 'files', files },
	name: 'golden',
	dtype: 'fp32',
	keep: 'storage',
	...changes
});
/** Several shards and graphs, so that there is much to be cut off in. */
const inParts = { languageLimit: 200_000 };

/** A client whose conversions have three threads. */
function threaded(): { client: ConvertClient; harm: (what: ToThreads) => void; kill: () => void } {
	let worker: Worker | undefined;
	const before: ToThreads[] = [];
	const client = new ConvertClient(() => {
		worker = new Worker(new URL('./threads.worker.ts', import.meta.url), { type: 'module' });
		for (const what of before) worker.postMessage(what);
		return worker;
	});
	return {
		client,
		harm: (what) => (worker ? worker.postMessage(what) : before.push(what)),
		kill: () => worker!.terminate()
	};
}

async function modelFolder(name = 'golden'): Promise<FileSystemDirectoryHandle | undefined> {
	return opfsDirectory([OPFS_MODELS, name]);
}

async function storedFiles(name = 'golden'): Promise<string[]> {
	const folder = await modelFolder(name);
	return folder ? (await listFiles(folder)).sort() : [];
}

async function bytesOf(path: string): Promise<Uint8Array> {
	const file = await (await (await modelFolder())!.getFileHandle(path)).getFile();
	return new Uint8Array(await file.arrayBuffer());
}

/** When each file of the stored model was written. */
async function writtenAt(): Promise<Record<string, number>> {
	const times: Record<string, number> = {};
	const folder = (await modelFolder())!;
	for (const path of await storedFiles())
		times[path] = (await (await folder.getFileHandle(path)).getFile()).lastModified;
	return times;
}

async function overwrite(path: string, at: number): Promise<void> {
	const bytes = await bytesOf(path);
	bytes[at]! ^= 1;
	const writable = await (await (await modelFolder())!.getFileHandle(path)).createWritable();
	await writable.write(bytes as Uint8Array<ArrayBuffer>);
	await writable.close();
}

describe('a conversion in threads', () => {
	it('writes the files that Node writes', async () => {
		const progress: JobProgress[] = [];
		const { manifest } = await threaded().client.convert(request(), {
			onProgress: (report) => progress.push(report)
		});
		const reference = await convertGolden('c-abs');
		const { files: expected } = JSON.parse(
			new TextDecoder().decode(reference['honeybee.json'])
		) as ModelManifest;
		expect(manifest.files).toEqual(expected);
		for (const { path } of manifest.files) expect(await bytesOf(path), path).toEqual(reference[path]);
		expect(await storedFiles()).toEqual([...manifest.files.map(({ path }) => path), 'honeybee.json'].sort());
		expect(progress.at(-1)).toMatchObject({ done: progress.at(-1)!.total });
		expect(new Set(progress.map(({ stage }) => stage))).toEqual(new Set(['convert', 'hash']));
	});

	it('writes what one thread writes, in every type, in parts and from an archive', async () => {
		const alone = new ConvertClient();
		const archive = await goldenTarGz('c-abs');
		for (const changes of [
			{ dtype: 'fp16' as const, ...inParts },
			{ dtype: 'q4' as const },
			{ dtype: 'q4f16' as const, checkpoint: { kind: 'files' as const, files: archive } }
		]) {
			const one = await alone.convert(request({ ...changes, name: 'alone' }));
			const many = await threaded().client.convert(request(changes));
			expect({ ...many.manifest, name: 'alone' }).toEqual(one.manifest);
			expect(await alone.verify('golden')).toEqual([]);
			await dropAll();
		}
	});

	it('that is stopped leaves no half file, keeps finished shards and goes on with them', async () => {
		const abort = new AbortController();
		let finished: string[] = [];
		const stopped = expect(
			threaded().client.convert(request(inParts), { signal: abort.signal })
		).rejects.toMatchObject({ name: 'AbortError' });
		while (finished.length < 2)
			finished = (await storedFiles()).filter((path) => path.endsWith('.safetensors'));
		abort.abort();
		await stopped;
		const left = await storedFiles();
		expect(left).toEqual(expect.arrayContaining(['honeybee.partial.json', ...finished]));
		expect(left).not.toContain('honeybee.json');
		expect(left.filter((path) => path.endsWith('.part'))).toEqual([]);
		const before = await writtenAt();
		const { client } = threaded();
		await client.convert(request(inParts));
		const after = await writtenAt();
		for (const path of finished) expect(after[path], path).toBe(before[path]);
		expect(await client.verify('golden')).toEqual([]);
	});

	it('is repaired in threads, the damaged files alone', async () => {
		const { client } = threaded();
		const { manifest } = await client.convert(request(inParts));
		const [first, second] = manifest.files.filter(({ path }) => /^language.*safetensors$/.test(path));
		const before = await writtenAt();
		await overwrite(first!.path, 5000);
		await (await modelFolder())!.removeEntry(second!.path);
		// Another checkpoint gives other weights, of which nothing is kept.
		const other = { kind: 'files' as const, files: await goldenFiles('d-abs') };
		await expect(
			client.repair({ name: 'golden', source: { kind: 'checkpoint', checkpoint: other } })
		).rejects.toThrow(InputError);
		expect(await client.verify('golden')).toHaveLength(2);
		expect(await storedFiles()).not.toContain(`${second!.path}.part`);
		const { checkpoint } = request();
		expect(await client.repair({ name: 'golden', source: { kind: 'checkpoint', checkpoint } })).toEqual([
			first!.path,
			second!.path
		]);
		expect(await client.verify('golden')).toEqual([]);
		const after = await writtenAt();
		expect(Object.keys(after)).toEqual(Object.keys(before));
		for (const [path, time] of Object.entries(before))
			if (path !== first!.path && path !== second!.path) expect(after[path], path).toBe(time);
	});

	it('says of a full storage what one thread says, and goes on when there is room', async () => {
		const { client, harm } = threaded();
		harm({ room: 300_000 });
		const refused = client.convert(request(inParts));
		await expect(refused).rejects.toThrow(InputError);
		await expect(refused).rejects.toThrow(/the storage that this browser allows the page is full/);
		expect((await storedFiles()).filter((path) => path.endsWith('.part'))).toEqual([]);
		expect((await storedModels())[0]?.manifest).toBeUndefined();
		await threaded().client.convert(request(inParts));
		expect(await new ConvertClient().verify('golden')).toEqual([]);
	});
});

const ENDS = 24;

describe('threads that are ended anywhere', () => {
	it(`${ENDS} times, one of them or the worker with all: nothing half-written is seen, and the model is whole in the end`, async () => {
		const next = random(7);
		const chance = () => (next() + 1) / 2;
		const reference = await new ConvertClient().convert(request({ name: 'reference', ...inParts }));
		let cut = 0;
		let whole: string[] = [];
		const said = new Set<string>();
		for (let attempt = 0; cut < ENDS && attempt < ENDS * 4; attempt++) {
			const { client, harm, kill } = threaded();
			const at = chance();
			const victim = Math.floor(chance() * 3);
			const how = attempt % 3;
			let ended = false;
			const error = await client
				.convert(request(inParts), {
					onProgress: ({ done, total }) => {
						if (ended || done < total * at) return;
						ended = true;
						if (how === 0) kill();
						else harm(how === 1 ? { end: victim } : { fail: victim });
					}
				})
				.then(
					() => undefined,
					(reason: unknown) => reason as Error
				);
			const model = (await storedModels()).find(({ name }) => name === 'golden');
			if (model?.manifest) expect(await client.verify('golden')).toEqual([]);
			if (!error) {
				// Ended too late: begin anew.
				const root = await navigator.storage.getDirectory();
				await (await root.getDirectoryHandle(OPFS_MODELS)).removeEntry('golden', { recursive: true });
				whole = [];
				continue;
			}
			cut++;
			said.add(error.message);
			const now = (await storedFiles()).filter((path) => path.endsWith('.safetensors'));
			expect(now).toEqual(expect.arrayContaining(whole));
			whole = now;
		}
		expect(cut).toBe(ENDS);
		expect([...said].sort()).toEqual([
			expect.stringMatching(/^A thread of the conversion stopped without a message, .* start it again/),
			expect.stringMatching(/^A thread of the conversion stopped: .*a fault in a thread; what was finished/),
			expect.stringMatching(/^The converter stopped without a message, .* start it again to go on\.$/)
		]);
		const { client } = threaded();
		const { manifest } = await client.convert(request(inParts));
		expect(manifest.files).toEqual(reference.manifest.files);
		expect(await client.verify('golden')).toEqual([]);
		expect(await client.verify('reference')).toEqual([]);
	});
});
