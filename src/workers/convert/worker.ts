import { gigabytes } from '../../lib/bytes/sizes.ts';
import type { SourceFolder } from '../../lib/checkpoint/source.ts';
import { convert } from '../../lib/model/convert/convert.ts';
import type { OpenCheckpoint } from '../../lib/model/convert/pick.ts';
import { openPublishedAt, publishedParts } from '../../lib/model/convert/published.ts';
import { forecastConversion } from '../../lib/model/convert/plan.ts';
import { sha256Hasher } from '../../lib/kernels/sha256.ts';
import { writeWhole, type FolderSink } from '../../lib/model/convert/sink.ts';
import type { ConversionThreads } from '../../lib/model/convert/threads.ts';
import { unpackTarGz } from '../../lib/model/convert/unpack.ts';
import type { DTypePreset, ModelManifest } from '../../lib/model/manifest.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import { languageInWords, visionInWords } from '../../lib/model/words.ts';
import { projectorOf } from '../../lib/model/projectors/registry.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { ModelLocation } from '../../lib/browser/model-source.ts';
import {
	gzipArchive,
	inputFolder,
	openInput,
	openTokenizerFiles,
	sizeOf,
	STAGED,
	stagedFolder,
	weightsBelow
} from './checkpoint-input.ts';
import { openConversionThreads, usualThreads, type ThreadChoice, type ThreadSetup } from './threads.ts';
import type {
	CheckpointInput,
	CheckpointSummary,
	ConvertRequest,
	ConvertResult,
	DownloadRequest,
	DamagedFile,
	JobProgress,
	PublishedInput,
	RepairRequest,
	RepairSource,
	SelfCheckRow
} from './api.ts';
import { downloadModel } from './download.ts';
import { beginPublished, bytesMissing, downloadParts, hubOpener, publishedNote } from './published.ts';
import { blobSink } from './memory-sink.ts';
import { writingModel } from '../../lib/browser/model-locks.ts';
import {
	checkModelName,
	opfsDirectory,
	opfsFolder,
	opfsSink,
	OPFS_MODELS,
	OPFS_STAGING
} from '../../lib/browser/opfs.ts';
import { repairSink } from './repair.ts';
import { addressOf, ADDRESS_FILE, freeSpace } from '../../lib/browser/stored-models.ts';
import { damagedFiles } from './verify.ts';
import { holdForLife } from '../../lib/browser/locks.ts';

type Report = (progress: JobProgress) => void;
/** Who called, behind a port of its own: what it gives is settled when it has heard. */
type Caller = (progress: JobProgress) => unknown;

/** The conversion worker: one job, which takes a request and tells its progress. `ConvertClient` calls it through comlink. */
export class ConvertWorker {
	readonly #threads: ThreadChoice;
	#abort = new AbortController();

	constructor(threads = usualThreads) {
		this.#threads = threads;
	}

	/** The worker takes the Web Lock `lock` and keeps it as long as it lives, so that its end is noticed however it comes. */
	async watch(lock: string): Promise<void> {
		await holdForLife(lock);
	}

	/** What a checkpoint would become. @throws InputError when it cannot be converted */
	async inspect(input: CheckpointInput): Promise<CheckpointSummary> {
		const archive = input.kind === 'files' ? gzipArchive(input.files) : undefined;
		if (archive) return { name: archive.path, archive: archive.file.size };
		if (input.kind !== 'published') {
			const opened = await openInput(await inputFolder(input));
			const { tokenizer } = opened;
			return { name: opened.checkpoint.name, contents: await contentsOf(opened, tokenizer !== undefined) };
		}
		const open = hubOpener(input, this.#abort.signal);
		const contents = await contentsOf(await openPublishedAt(input.name, open), true);
		const parts = await publishedParts(input.name, open);
		const files = parts.flatMap((part) => part.files);
		const licence = parts[0]?.model.licence;
		return {
			name: input.name,
			contents: { ...contents, tokenizer: files.some(({ path }) => /^tokenizer\.(json|model)$/.test(path)) },
			download: {
				size: files.reduce((sum, { size }) => sum + size, 0),
				files: files.length,
				models: parts.map(({ model }) => model.name),
				...(licence !== undefined && { licence })
			}
		};
	}

	/** @throws InputError when it cannot be done; AbortError when cancelled. What was finished is gone on with the next time. */
	async convert(request: ConvertRequest, onProgress: Caller): Promise<ConvertResult> {
		const name = checkModelName(request.name);
		const work = async (report: Report): Promise<ConvertResult> => {
			if (request.keep === 'memory') {
				const sink = blobSink(name);
				const opened = await openInput(await inputFolder(request.checkpoint));
				// Done here alone: blobs of other threads would have to come back, and what has no room on the disk is small.
				const manifest = await this.#convert(request, opened, sink, report);
				return { manifest, files: Object.fromEntries(sink.files) };
			}
			const input = await this.#unpacked(request, report);
			const folder = await inputFolder(input);
			const opened = await openInput(folder);
			const sink = opfsSink(name, (await opfsDirectory([OPFS_MODELS, name], true))!);
			await this.#checkRoom(request, opened, sink.folder);
			const { dtype, languageLimit } = request;
			const licence = (await publishedNote(folder))?.licence;
			const setup = { checkpoint: input, model: name, dtype, languageLimit };
			const manifest = await this.#inThreads(setup, folder, (threads) =>
				this.#convert(request, opened, sink, report, threads, licence)
			);
			await dropStaged(name);
			return { manifest };
		};
		return writingModel(name, () => reporting(onProgress, work));
	}

	/** Copies a model folder from a server into the storage, every file checked against its hash. @throws as `convert` */
	async download(request: DownloadRequest, onProgress: Caller): Promise<ModelManifest> {
		const name = checkModelName(request.name);
		const work = (report: Report) => this.#download(request.url, name, report);
		return writingModel(name, () => reporting(onProgress, work));
	}

	/** Files of a stored model that are not what its manifest says. @throws as `convert` */
	async verify(name: string, onProgress: Caller): Promise<readonly DamagedFile[]> {
		const folder = await storedFolder(name);
		return reporting(onProgress, (report) => damagedFiles(folder, this.#abort.signal, report));
	}

	/**
	 * Makes the damaged files of a stored model again, and only those: from the checkpoint it was made of, or the server it came from.
	 * @returns the files that were made again
	 * @throws as `convert`
	 */
	async repair({ name, source }: RepairRequest, onProgress: Caller): Promise<readonly string[]> {
		const work = async (report: Report): Promise<readonly string[]> => {
			const folder = await storedFolder(name);
			const damaged = await damagedFiles(folder, this.#abort.signal, report);
			const paths = damaged.map(({ path }) => path);
			if (paths.length === 0) return paths;
			if (source.kind === 'server') {
				const address = await addressOf(folder);
				if (address === undefined)
					throw new InputError(`It is not known where "${name}" was downloaded from; download it again.`);
				await this.#download(address, name, report);
			} else await this.#convertAgain(name, new Set(paths), source, report);
			return paths;
		};
		return writingModel(checkModelName(name), () => reporting(onProgress, work));
	}

	/** Runs every sub-model on the same numbers on WebGPU and WASM. @throws as `convert` */
	async selfCheck(location: ModelLocation, onProgress: Caller): Promise<readonly SelfCheckRow[]> {
		const { selfCheck } = await import('../model/self-check.ts');
		return reporting(onProgress, (report) => selfCheck(location, this.#abort.signal, report));
	}

	/** Ends the work at the next chunk; what is whole stays for another time. */
	async cancel(): Promise<void> {
		this.#abort.abort();
		this.#abort = new AbortController();
	}

	#convert(
		request: ConvertRequest,
		{ checkpoint, tokenizer, resolve }: OpenCheckpoint,
		sink: FolderSink,
		report: Report,
		threads?: ConversionThreads,
		licence?: string
	): Promise<ModelManifest> {
		const own = request.tokenizer ? openTokenizerFiles(request.tokenizer) : tokenizer;
		return convert({
			checkpoint,
			...(own && { tokenizer: own }),
			sink,
			dtype: request.dtype,
			name: request.name,
			resolve,
			...(licence !== undefined && { licence }),
			createHash: sha256Hasher,
			...(threads && { threads }),
			...(request.languageLimit !== undefined && { languageLimit: request.languageLimit }),
			signal: this.#abort.signal,
			onProgress: ({ what, done, total, stage }) => report({ stage, what, done, total })
		});
	}

	async #download(url: string, name: string, onProgress: Report): Promise<ModelManifest> {
		const sink = opfsSink(name, (await opfsDirectory([OPFS_MODELS, name], true))!);
		const manifest = await downloadModel(url, sink, {
			room: await freeSpace(),
			signal: this.#abort.signal,
			onProgress
		});
		await writeWhole(sink, ADDRESS_FILE, new TextEncoder().encode(JSON.stringify({ url })));
		return manifest;
	}

	/** @throws InputError when the checkpoint is not the one that the damaged files were made from */
	async #convertAgain(
		name: string,
		damaged: ReadonlySet<string>,
		{ checkpoint: input, tokenizer: own }: Extract<RepairSource, { kind: 'checkpoint' }>,
		report: Report
	): Promise<void> {
		const model = opfsSink(name, (await opfsDirectory([OPFS_MODELS, name]))!);
		const manifest = (await openModelFolder(model.folder)).manifest;
		const { dtype } = manifest;
		const unpacked = await this.#unpacked({ checkpoint: input, name, dtype }, report);
		const folder = await inputFolder(unpacked);
		const { checkpoint, tokenizer, resolve } = await openInput(folder);
		const sink = repairSink(model, manifest, damaged, checkpoint);
		// One tokenizer is as good as another while it is not what is damaged.
		const opened = own
			? openTokenizerFiles(own)
			: (tokenizer ?? (damaged.has(manifest.tokenizer) ? undefined : model.folder));
		const setup = { checkpoint: unpacked, model: name, dtype, repair: damaged };
		await this.#inThreads(setup, folder, (threads) =>
			convert({
				checkpoint,
				...(opened && { tokenizer: opened }),
				sink,
				dtype,
				name: manifest.name,
				resolve,
				createHash: sha256Hasher,
				...(threads && { threads: sink.watching(threads) }),
				repair: damaged,
				signal: this.#abort.signal,
				onProgress: ({ what, done, total, stage }) => report({ stage, what, done, total })
			})
		);
		await dropStaged(name);
		const left = [...damaged].filter((path) => !sink.repaired.has(path));
		if (left.length > 0)
			throw new InputError(
				`${left.join(', ')} of "${name}" is not made from ${checkpoint.name}; choose the checkpoint it was made from.`
			);
	}

	/**
	 * Converts in threads that open the same as this worker, where the weights are worth them.
	 * @param folder what `setup.checkpoint` was opened as
	 */
	async #inThreads<T>(
		setup: ThreadSetup,
		folder: SourceFolder,
		work: (threads: ConversionThreads | undefined) => Promise<T>
	): Promise<T> {
		// With what a LoRA refers to, which lies beside it.
		const count = this.#threads.count(await weightsBelow(folder));
		if (count === 0) return work(undefined);
		const threads = openConversionThreads(count, this.#threads.start, setup);
		try {
			return await work(threads);
		} finally {
			await threads.close();
		}
	}

	/** A checkpoint that can be opened; an archive is unpacked into the storage first, unless that was done before. */
	async #unpacked(
		{
			checkpoint: input,
			name,
			dtype,
			tokenizer
		}: Pick<ConvertRequest, 'checkpoint' | 'name' | 'dtype' | 'tokenizer'>,
		report: Report
	): Promise<CheckpointInput> {
		const unpacked = { kind: 'staged', name } as const;
		if (input.kind === 'published') {
			await this.#fetchPublished(input, name, dtype, report);
			return unpacked;
		}
		const archive = input.kind === 'files' ? gzipArchive(input.files) : undefined;
		if (!archive) return input;
		const identity = JSON.stringify({ name: archive.path, size: archive.file.size, dtype });
		const before = await stagedFolder(name);
		if (before && (await readText(before, STAGED)) === identity) return unpacked;
		const staging = (await opfsDirectory([OPFS_STAGING], true))!;
		await dropStaged(name);
		const sink = opfsSink(archive.path, await staging.getDirectoryHandle(name, { create: true }));
		const room = await freeSpace();
		if (archive.file.size > room) throw noRoom(`Unpacking ${archive.path}`, archive.file.size, room);
		await unpackTarGz(archive.path, archive.file, sink, {
			room,
			signal: this.#abort.signal,
			onProgress: (path, read) =>
				report({ stage: 'unpack', what: path, done: read, total: archive.file.size })
		});
		for (const { path, file } of tokenizer ?? [])
			await writeWhole(sink, `tokenizer/${path.split('/').at(-1)}`, new Uint8Array(await file.arrayBuffer()));
		await writeWhole(sink, STAGED, new TextEncoder().encode(identity));
		return unpacked;
	}

	/** Downloads a published model and what it names; what lies there of an earlier run is gone on with. */
	async #fetchPublished(
		input: PublishedInput,
		name: string,
		dtype: DTypePreset,
		report: Report
	): Promise<void> {
		const { signal } = this.#abort;
		const open = hubOpener(input, signal, (ms) =>
			report({
				stage: 'wait',
				what: `${Math.ceil(ms / 1000)} s, as ${input.host} asks or since the connection broke`,
				done: 0,
				total: 0
			})
		);
		const parts = await publishedParts(input.name, open);
		const staging = (await opfsDirectory([OPFS_STAGING], true))!;
		const sink = opfsSink(name, await staging.getDirectoryHandle(name, { create: true }));
		await beginPublished(input, parts, sink, dtype);
		const { checkpoint, resolve } = await openPublishedAt(input.name, open);
		const missing = await bytesMissing(parts, sink.folder);
		// Both are needed at once, so that it is said before the first gigabyte that they do not fit.
		const needed = missing + (missing && (await forecastConversion(checkpoint, resolve)).sizes[dtype]);
		const room = await freeSpace();
		if (needed > room) throw noRoom(`Downloading ${input.name} and converting it to ${dtype}`, needed, room);
		await downloadParts(parts, sink, { signal, onProgress: report });
		await writeWhole(sink, STAGED, new TextEncoder().encode(JSON.stringify({ name: input.name, dtype })));
	}

	async #checkRoom(request: ConvertRequest, { checkpoint, resolve }: OpenCheckpoint, target: SourceFolder) {
		const { sizes } = await forecastConversion(checkpoint, resolve);
		let there = 0;
		for (const path of await target.list()) there += (await target.open(path))?.size ?? 0;
		const needed = sizes[request.dtype] - there;
		const room = await freeSpace();
		if (needed > room) throw noRoom(`The ${request.dtype} model`, needed, room);
	}
}

async function contentsOf(
	{ checkpoint, resolve }: OpenCheckpoint,
	tokenizer: boolean
): Promise<NonNullable<CheckpointSummary['contents']>> {
	const { sources, sizes, notes } = await forecastConversion(checkpoint, resolve);
	const { config, projector, definition, about } = sources[0]!;
	const { text_config } = config;
	const values = 2 * text_config.num_hidden_layers * text_config.num_key_value_heads * text_config.head_dim;
	return {
		family: definition.title,
		...(about.spelling !== undefined && { spelling: about.spelling }),
		projector,
		title: projectorOf(config.projector_config).title,
		num_query_tokens: config.projector_config.num_query_tokens,
		size: await sizeOf(checkpoint),
		sizes,
		tokenizer,
		notes,
		vision: visionInWords(config),
		language: languageInWords(config),
		cache: { fp32: 4 * values, q4: 4 * values, fp16: 2 * values, q4f16: 2 * values }
	};
}

/** @throws InputError when there is no such model */
async function storedFolder(name: string): Promise<SourceFolder> {
	const folder = await opfsDirectory([OPFS_MODELS, name]);
	if (!folder) throw new InputError(`There is no model "${name}" in this browser's storage.`);
	return opfsFolder(name, folder);
}

async function dropStaged(name: string): Promise<void> {
	const staging = await opfsDirectory([OPFS_STAGING]);
	await staging?.removeEntry(name, { recursive: true }).catch(() => undefined);
}

async function readText(folder: SourceFolder, path: string): Promise<string | undefined> {
	const source = await folder.open(path);
	return source && new TextDecoder().decode(await source.read(0, source.size));
}

function noRoom(what: string, needed: number, room: number): InputError {
	return new InputError(
		`${what} needs ${gigabytes(needed, 2)} in this browser's storage, which has room for ${gigabytes(room, 2)}; delete a model, free space on the disk, or choose a smaller type.`
	);
}

/** Work whose reports have been heard before its result is: they go by another port than that, which may be behind. */
async function reporting<T>(caller: Caller, work: (report: Report) => Promise<T>): Promise<T> {
	let heard: unknown;
	const result = await work(throttled((progress) => (heard = caller(progress))));
	await heard;
	return result;
}

/** At most ten reports a second, and always those that begin something new. */
function throttled(report: Report): Report {
	let last = 0;
	let what = '';
	return (progress) => {
		const now = performance.now();
		if (now - last < 100 && progress.what === what && progress.done < progress.total) return;
		last = now;
		what = progress.what;
		report(progress);
	};
}
