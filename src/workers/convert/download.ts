import { gigabytes } from '../../lib/bytes/sizes.ts';
import { hashSource } from '../../lib/model/convert/hash-source.ts';
import { sha256Hasher } from '../../lib/kernels/sha256.ts';
import { MANIFEST_FILE } from '../../lib/model/manifest.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import type { ModelFile, ModelManifest } from '../../lib/model/manifest.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { JobProgress } from './api.ts';
import { httpSource, httpStream } from '../../lib/browser/model-source.ts';
import { hubCheck, hubPieces, type HubFile, type HubModel } from '../../lib/checkpoint/hub.ts';
import type { OpfsSink, ResumableWriter } from '../../lib/browser/opfs.ts';

const CHUNK = 8 * 2 ** 20;

export interface DownloadOptions {
	/** Bytes that there is room for. */
	readonly room: number;
	readonly signal: AbortSignal;
	readonly onProgress: (progress: JobProgress) => void;
}

/**
 * Copies a model folder from a server. A file gets its name only once its hash is right; what was cut off goes on from the byte
 * it had reached; whole files are not fetched again. The manifest comes last and makes the model visible.
 * @param url with a trailing slash
 * @throws InputError when the server's files are not a model, are damaged, or do not fit
 */
export async function downloadModel(
	url: string,
	sink: OpfsSink,
	{ room, signal, onProgress }: DownloadOptions
): Promise<ModelManifest> {
	const remote = httpSource(url);
	const { manifest } = await openModelFolder(remote);
	const total = manifest.files.reduce((sum, { size }) => sum + size, 0);
	let done = 0;
	const advance: Advance = (path, bytes) => {
		done += bytes;
		onProgress({ stage: 'download', what: path, done, total });
	};
	const missing: ModelFile[] = [];
	for (const file of manifest.files) {
		if ((await sink.folder.open(file.path))?.size === file.size && (await isRight(sink, file, signal)))
			advance(file.path, file.size);
		else missing.push(file);
	}
	const needed = missing.reduce((sum, { size }) => sum + size, 0);
	if (needed > room)
		throw new InputError(
			`The model ${manifest.name} needs ${gigabytes(needed, 2)} in this browser's storage, which has room for ${gigabytes(room, 2)}; delete a model or free space on the disk.`
		);
	for (const file of missing) await downloadFile(url, file, sink, signal, advance);
	const bytes = new TextEncoder().encode(`${JSON.stringify(manifest, null, '\t')}\n`);
	const writer = await sink.create(MANIFEST_FILE);
	await writer.write(bytes);
	await writer.close();
	return manifest;
}

async function isRight({ folder }: OpfsSink, file: ModelFile, signal: AbortSignal): Promise<boolean> {
	const source = await folder.open(file.path);
	if (!source) return false;
	const digest = await hashSource(source, sha256Hasher(), () => signal.throwIfAborted());
	return digest === file.sha256;
}

function downloadFile(
	url: string,
	file: ModelFile,
	sink: OpfsSink,
	signal: AbortSignal,
	advance: Advance
): Promise<void> {
	return fetchChecked(file, sink, signal, advance, {
		from: (start) => httpStream(url, file, start, signal),
		check() {
			const hash = sha256Hasher();
			return { update: hash.update, matches: async () => hash.digest() === file.sha256 };
		},
		refusal: `${file.path} on the server is not the file that ${MANIFEST_FILE} describes (its SHA-256 is another one); copy the model folder to the server again.`
	});
}

/** Copies a file of a published model, as `downloadModel` does those of a model folder. @param path in the sink */
export function downloadPublished(
	model: HubModel,
	file: HubFile,
	path: string,
	sink: OpfsSink,
	signal: AbortSignal,
	advance: Advance
): Promise<void> {
	return fetchChecked({ path, size: file.size }, sink, signal, advance, {
		from: (start) => hubPieces(model, file, start),
		check: () => hubCheck(file, sha256Hasher),
		refusal: `${file.path} of ${model.name} arrived twice with other bytes than ${model.host} names for it; try again later.`
	});
}

type Advance = (path: string, bytes: number) => void;

interface Fetched {
	/** Bytes from there on. */
	readonly from: (start: number) => AsyncIterable<Uint8Array>;
	/** A comparison with the hash that the file should have. */
	readonly check: () => { update(bytes: Uint8Array): void; matches(): Promise<boolean> };
	/** What is said when the bytes are others twice. */
	readonly refusal: string;
}

async function fetchChecked(
	{ path, size }: Pick<ModelFile, 'path' | 'size'>,
	sink: OpfsSink,
	signal: AbortSignal,
	advance: Advance,
	{ from, check, refusal }: Fetched
): Promise<void> {
	for (const attempt of [1, 2]) {
		const writer = await sink.resume(path);
		let counted = 0;
		const count = (bytes: number) => {
			counted += bytes;
			advance(path, bytes);
		};
		try {
			const right = check();
			if (writer.length > size) writer.restart();
			await hashStart(writer, right.update, count);
			for await (const chunk of from(writer.length)) {
				signal.throwIfAborted();
				right.update(chunk);
				await writer.write(chunk);
				count(chunk.length);
			}
			if (writer.length === size && (await right.matches())) {
				await writer.close();
				return;
			}
			await writer.abort();
		} catch (error) {
			await writer.pause();
			throw error;
		}
		advance(path, -counted);
		if (attempt === 2) throw new InputError(refusal);
	}
}

/** Hashes what an earlier download left. */
async function hashStart(
	writer: ResumableWriter,
	update: (bytes: Uint8Array) => void,
	count: (bytes: number) => void
): Promise<void> {
	for (let at = 0; at < writer.length; at += CHUNK) {
		const bytes = await writer.read(at, Math.min(at + CHUNK, writer.length));
		update(bytes);
		count(bytes.length);
	}
}
