import { isObject } from '../../lib/bytes/json.ts';
import { readJsonObject } from '../../lib/checkpoint/bytes.ts';
import { openHub, type HubFile, type HubModel } from '../../lib/checkpoint/hub.ts';
import type { SourceFolder } from '../../lib/checkpoint/source.ts';
import { subfolder, type OpenCheckpoint } from '../../lib/model/convert/pick.ts';
import type { HubOpener, PublishedPart } from '../../lib/model/convert/published.ts';
import { writeWhole } from '../../lib/model/convert/sink.ts';
import { PUBLISHED_FILE, type PublishedNote } from '../../lib/browser/stored-models.ts';
import type { OpfsSink } from '../../lib/browser/opfs.ts';
import type { DTypePreset } from '../../lib/model/manifest.ts';
import type { JobProgress, PublishedInput } from './api.ts';
import { downloadPublished } from './download.ts';

/** Opens models of the input's server, each once; the input's revision and token are meant. */
export function hubOpener(
	{ name, revision, host, token }: PublishedInput,
	signal: AbortSignal,
	onWait?: (ms: number) => void
): HubOpener {
	const opened = new Map<string, Promise<HubModel>>();
	return (of) => {
		const model =
			opened.get(of) ??
			openHub(of, {
				host,
				token,
				signal,
				...(of === name && { revision }),
				...(onWait && { onWait }),
				words: {
					token: 'Server and token',
					server: 'Server and token',
					again: (server) =>
						navigator.onLine
							? `start it again to go on from there; where nothing comes at all, ${server} is down, blocked here, or does not let pages of other addresses read it (CORS)`
							: 'this computer is offline: connect it and start again to go on from there'
				}
			});
		opened.set(of, model);
		return model;
	};
}

/** Where a file of a part lies in the staging folder. */
const placeOf = ({ role }: Pick<PublishedPart, 'role'>, { path }: Pick<HubFile, 'path'>) => `${role}/${path}`;

/** Bytes of the parts that have still to be fetched. */
export async function bytesMissing(parts: readonly PublishedPart[], folder: SourceFolder): Promise<number> {
	let missing = 0;
	for (const { part, file } of allFiles(parts))
		if ((await folder.open(placeOf(part, file)))?.size !== file.size) missing += file.size;
	return missing;
}

/** The small ones first: what is wrong with a model mostly shows in them. */
const allFiles = (parts: readonly PublishedPart[]) =>
	parts
		.flatMap((part) => part.files.map((file) => ({ part, file })))
		.sort((a, b) => a.file.size - b.file.size);

interface StagingOptions {
	readonly dtype: DTypePreset;
	readonly signal: AbortSignal;
	readonly onProgress: (progress: JobProgress) => void;
}

/** Notes what is going to be fetched, and drops what an earlier run fetched of other revisions. No token is kept. */
export async function beginPublished(
	{ name, revision, host }: PublishedInput,
	parts: readonly PublishedPart[],
	sink: OpfsSink,
	dtype: DTypePreset
): Promise<void> {
	const hashes = Object.fromEntries(
		allFiles(parts).map(({ part, file }) => [placeOf(part, file), file.sha256 ?? file.blob ?? ''])
	);
	const before = await publishedNote(sink.folder);
	for (const [path, hash] of Object.entries(before?.hashes ?? {}))
		if (hashes[path] !== hash) await sink.remove(path);
	const licence = parts[0]?.model.licence;
	const note: PublishedNote = {
		...{ name, host, dtype, hashes },
		...(revision !== undefined && { revision }),
		...(licence !== undefined && { licence }),
		parts: parts.map(({ role, model }) => ({ role, name: model.name }))
	};
	await writeWhole(sink, PUBLISHED_FILE, new TextEncoder().encode(JSON.stringify(note)));
}

/** Fetches what is missing. A file of its name was whole and compared with its hash. */
export async function downloadParts(
	parts: readonly PublishedPart[],
	sink: OpfsSink,
	{ signal, onProgress }: Omit<StagingOptions, 'dtype'>
): Promise<void> {
	const files = allFiles(parts);
	const total = files.reduce((sum, { file }) => sum + file.size, 0);
	let done = 0;
	const advance = (path: string, bytes: number) => {
		done += bytes;
		onProgress({ stage: 'download', what: path, done, total });
	};
	for (const { part, file } of files) {
		const path = placeOf(part, file);
		if ((await sink.folder.open(path))?.size === file.size) advance(path, file.size);
		else
			await downloadPublished(part.model, file, path, sink, signal, (_, bytes) =>
				advance(`${file.path} of ${part.model.name}`, bytes)
			);
	}
}

/** What a staging folder was downloaded as; undefined when it was not. */
export async function publishedNote(folder: SourceFolder): Promise<PublishedNote | undefined> {
	const source = await folder.open(PUBLISHED_FILE);
	const json = source && (await readJsonObject(source));
	return json && isObject(json.hashes) ? (json as unknown as PublishedNote) : undefined;
}

/** The checkpoint in a staging folder that was downloaded, with what it names. */
export function openDownloaded(folder: SourceFolder, { parts }: PublishedNote): OpenCheckpoint {
	const of = (wanted: string) => {
		const part = parts.find(({ role }) => role === wanted);
		return part && subfolder(folder, part.role, part.name);
	};
	return {
		checkpoint: of('checkpoint')!,
		tokenizer: of('tokenizer'),
		resolve: async (_, role) => of(role)
	};
}
