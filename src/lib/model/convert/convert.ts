import type { Hasher } from '../../bytes/hash.ts';
import { readJsonObject } from '../../checkpoint/bytes.ts';
import type { ByteSource, SourceFolder } from '../../checkpoint/source.ts';
import type { WeightLocation } from '../../onnx/types.ts';
import { InputError } from '../../tensor/errors.ts';
import { featureLayers, gridSide } from '../config.ts';
import { releaseKernels } from '../../kernels/encode.ts';
import { transparencyOf, type Transparency } from '../image/transparency.ts';
import { kvType } from '../language/graph.ts';
import {
	MANIFEST_FILE,
	type DTypePreset,
	type ModelFile,
	type ModelManifest,
	type ProjectorEntry
} from '../manifest.ts';
import { projectorDefinition, projectorOf } from '../projectors/registry.ts';
import { hashSource } from './hash-source.ts';
import { graphFiles, type Part } from './part.ts';
import { planConversion } from './plan.ts';
import type { Shard } from './shards.ts';
import { writeWhole, type FolderSink } from './sink.ts';
import { readManifest } from '../runtime/check-manifest.ts';
import { openSources, type ConversionSource } from './source.ts';
import type { FolderResolver } from './pick.ts';
import { hasTokenizer, openTokenizer } from './tokenizer.ts';
import { encodeShard, runJobs, type ConversionThreads } from './threads.ts';

/** Bump when the same checkpoint gives other files. */
export const CONVERTER_VERSION = '4';

/** What a conversion is doing, for a progress line. */
export interface ConversionProgress {
	/** Writing the model, or hashing the checkpoint for its provenance. */
	readonly stage: 'convert' | 'hash';
	/** File in work. */
	readonly what: string;
	/** Bytes so far and in all. */
	readonly done: number;
	readonly total: number;
}

export interface ConversionOptions {
	/** Checkpoint folder (upstream's `…/last`), PEFT folder, or an fp32 model folder. */
	readonly checkpoint: SourceFolder;
	/** Folder with tokenizer.json or tokenizer.model; the checkpoint folder itself when absent. */
	readonly tokenizer?: SourceFolder;
	readonly sink: FolderSink;
	readonly dtype: DTypePreset;
	readonly name: string;
	/** Name of the projector in the folder, where its usual one is taken by a sibling with another M. */
	readonly projectorName?: string;
	readonly resolve: FolderResolver;
	readonly createHash: () => Hasher;
	/** Threads to share the work; without them everything is done here. */
	readonly threads?: ConversionThreads;
	readonly licence?: string;
	/** `ModelManifest.provenance.caveat` */
	readonly caveat?: string;
	/** `ModelManifest.provenance.knows` */
	readonly knows?: string;
	/** What becomes of transparent pictures, kept in the model; as its reference does when absent. */
	readonly transparency?: Transparency;
	/** Largest language graph in bytes of weights; a larger language model becomes several (`LANGUAGE_LIMIT`). */
	readonly languageLimit?: number;
	/** Files of the model in the folder that are made again; the other weights are taken to be as its manifest says. */
	readonly repair?: ReadonlySet<string>;
	readonly onProgress?: (progress: ConversionProgress) => void;
	/** Told what the user should know of the checkpoint, in whole sentences, before a byte is written. */
	readonly onNotes?: (notes: readonly string[]) => void;
	readonly signal?: AbortSignal;
}

/** Bytes read at both ends of a source file to tell it from another one. */
const IDENTITY_BYTES = 1024 * 1024;
const LAID_ON_WHITE =
	'Transparent pictures are laid on white, as transformers 5.24 does, because it was asked for (--transparency white). transformers 4.57 drops alpha.';
const JOURNAL = 'honeybee.partial.json';

/**
 * Converts a checkpoint into a model folder: graphs, weight shards, tokenizer and last `honeybee.json`, which makes it
 * visible. A folder that already holds a model of the same towers and dtype gets the projector added. Interrupted work
 * is continued at the shard.
 *
 * Memory stays near the largest tensor.
 */
export async function convert(options: ConversionOptions): Promise<ModelManifest> {
	const { checkpoint, sink, dtype } = options;
	const sources = await openSources(checkpoint, options.resolve, options.projectorName);
	const [first] = sources;
	if (!first) throw new InputError(`${checkpoint.name} offers no projector to convert.`);
	const existing = await readManifest(sink.folder);
	const sourceList = await sourceFiles(
		checkpoint,
		[first.vision, first.base].filter((folder) => folder !== undefined)
	);
	const files = new FileCollector(options, existing, sourceList);

	if (existing) refuseOtherModel(existing, first, dtype, options);
	const known = existing?.projectors ?? {};
	// Building every graph first checks every tensor's presence and shape before a byte is written.
	const plan = planConversion(sources, { dtype, existing, languageLimit: options.languageLimit });
	const { config, dtypes, vision, embedding, language, lens, attention, cache, projectors } = plan;
	// An adapter mostly has none of its own.
	const beside = first.base && !(await hasTokenizer(checkpoint)) ? first.base : checkpoint;
	const tokenizer = await openTokenizer(options.tokenizer ?? beside, config.text_config.vocab_size, {
		chosen: options.tokenizer !== undefined,
		create: (files) => first.definition.tokenizer(files, first.about.prompt),
		named: config.lm_config.pretrained_tokenizer_name_or_path,
		added: first.addedTokens
	});
	options.onNotes?.([...plan.notes, ...tokenizer.notes]);

	const hashes = new SourceHashes(options, files, sourceList);
	await files.begin(plan.shards, hashes.size);
	const { threads } = options;
	const writing = plan.shards.map((shard) => ({ size: shard.size, run: () => files.writeShard(shard) }));
	await runJobs(
		// What is hashed is soon converted, so that it is read from the disk once.
		threads ? interleave(hashes.jobs, writing) : [...writing, ...hashes.jobs].map(({ run }) => run),
		threads?.count ?? 1,
		() => threads?.cancel()
	);
	releaseKernels();
	// Cancelled after its last bytes: the next run has little to do, but this one makes no model.
	options.signal?.throwIfAborted();
	for (const p of plan.parts) await writeGraph(p, files);
	for (const [path, bytes] of tokenizer.files) await files.writeBytes(path, bytes);

	const entries = { ...known };
	for (const { source, networks } of projectors) entries[source.projector] = projectorEntry(source, networks);
	const provenance = describeSources(checkpoint, sources, hashes.files());
	const transparency = options.transparency ?? (existing ? transparencyOf(existing.image) : 'drop');
	const followed = [
		...new Set([
			...(existing?.provenance.followed ?? []).filter((reading) => reading !== LAID_ON_WHITE),
			...sources.flatMap((source) => source.followed),
			...(transparency === 'white' ? [LAID_ON_WHITE] : [])
		])
	];
	const manifest: ModelManifest = {
		format: 'honeybee-model',
		format_version: 2,
		name: existing?.name ?? options.name,
		...first.about,
		image: { ...first.about.image, ...(transparency === 'white' && { transparency }) },
		provenance: {
			converter: CONVERTER_VERSION,
			sources: [
				...(existing?.provenance.sources ?? []).filter(
					(old) => !sources.some((s) => s.projector === old.projector)
				),
				...provenance
			],
			...(options.licence ? { licence: options.licence } : {}),
			...(existing?.provenance.licence ? { licence: existing.provenance.licence } : {}),
			...(options.caveat ? { caveat: options.caveat } : {}),
			...(existing?.provenance.caveat ? { caveat: existing.provenance.caveat } : {}),
			...(followed.length > 0 ? { followed } : {}),
			...(options.knows ? { knows: options.knows } : {}),
			...(existing?.provenance.knows ? { knows: existing.provenance.knows } : {})
		},
		config: {
			vision_config: config.vision_config,
			text_config: config.text_config,
			lm_config: config.lm_config
		},
		dtype,
		dtypes,
		kv_dtype: kvType(dtypes.language),
		tokenizer: 'tokenizer.json',
		graphs: {
			vision: graphFiles(vision),
			embedding: graphFiles(embedding),
			language: language.map((p) => ({ ...graphFiles(p), layers: p.layers })),
			lens: graphFiles(lens),
			attention: graphFiles(attention),
			cache: graphFiles(cache)
		},
		projectors: entries,
		memory: {
			weights: files
				.all()
				.reduce((sum, file) => sum + (file.path.endsWith('.safetensors') ? file.size : 0), 0),
			kv_per_token:
				2 *
				config.text_config.num_hidden_layers *
				config.text_config.num_key_value_heads *
				config.text_config.head_dim *
				(kvType(dtypes.language) === 'float16' ? 2 : 4)
		},
		files: files.all()
	};
	await files.finish(manifest);
	return manifest;
}

function refuseOtherModel(
	existing: ModelManifest,
	{ config, about }: Pick<ConversionSource, 'config' | 'about'>,
	dtype: DTypePreset,
	{ sink, checkpoint }: ConversionOptions
): void {
	const same =
		existing.dtype === dtype &&
		existing.family === about.family &&
		JSON.stringify([existing.config.vision_config, existing.config.text_config]) ===
			JSON.stringify([config.vision_config, config.text_config]);
	if (!same)
		throw new InputError(
			`${sink.folder.name} already holds ${existing.name} (${existing.dtype}), whose towers or dtype differ from ${checkpoint.name} (${dtype}); choose another output folder.`
		);
}

function projectorEntry(
	{ config, trainedTokens, family }: ConversionSource,
	[first, ...more]: readonly [Part, ...Part[]]
): ProjectorEntry {
	const { projector_config } = config;
	const definition = projectorDefinition(projector_config.projector_type);
	return {
		type: definition.type,
		title: definition.of(projector_config).title,
		num_query_tokens: projector_config.num_query_tokens,
		num_eos_tokens: projector_config.num_eos_tokens,
		feature_layers: featureLayers(config),
		...(family !== undefined && { family }),
		trained_tokens: trainedTokens,
		tokens_by: definition.tokensBy,
		most_tokens: mostTokens(config),
		token_places: definition.places,
		config: projector_config,
		...graphFiles(first),
		...(more.length > 0 && { networks: more.map(graphFiles) })
	};
}

/** The largest M that the projector can give. */
function mostTokens({ projector_config, vision_config }: ConversionSource['config']): number {
	const { tokensBy } = projectorDefinition(projector_config.projector_type);
	if (tokensBy === 'squares') return gridSide(vision_config) ** 2;
	return projectorOf(projector_config).mostTokens ?? projector_config.num_query_tokens;
}

async function writeGraph({ graph, path, shards }: Part, files: FileCollector): Promise<void> {
	const locations = new Map<string, WeightLocation>();
	for (const shard of shards) for (const [name, location] of shard.locations) locations.set(name, location);
	const bytes = graph.serialize((weight) => {
		const location = locations.get(weight.name);
		if (!location) throw new Error(`Weight ${weight.name} lies in no shard.`);
		return location;
	});
	await files.writeBytes(path, bytes);
}

/** Writes the files of a conversion, hashes them, and keeps the journal that lets interrupted work go on. */
class FileCollector {
	readonly #options: ConversionOptions;
	readonly #sources: readonly SourceFile[];
	readonly #files = new Map<string, ModelFile>();
	/** Shards that an earlier, interrupted run of the same conversion finished. */
	readonly #finished = new Map<string, ModelFile>();
	/** Files of the model that is already in the folder; they are checked, not rewritten. */
	readonly #existing: ReadonlyMap<string, ModelFile>;
	#done = 0;
	#total = 0;

	constructor(
		options: ConversionOptions,
		existing: ModelManifest | undefined,
		sources: readonly SourceFile[]
	) {
		this.#options = options;
		this.#sources = sources;
		this.#existing = new Map((existing?.files ?? []).map((file) => [file.path, file]));
		for (const [path, file] of this.#existing) this.#files.set(path, file);
	}

	/** @param sources bytes of the checkpoint, which are hashed */
	async begin(shards: readonly Shard[], sources: number): Promise<void> {
		this.#total = shards.reduce((sum, shard) => sum + shard.size, sources);
		await this.#loadJournal();
	}

	all(): ModelFile[] {
		return [...this.#files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
	}

	/** Reports progress. @throws AbortError when the work is to end */
	advance(what: string, bytes: number, stage: ConversionProgress['stage'] = 'convert'): void {
		this.#options.signal?.throwIfAborted();
		this.#done += bytes;
		this.#options.onProgress?.({ stage, what, done: this.#done, total: this.#total });
	}

	async #loadJournal(): Promise<void> {
		const source = await this.#options.sink.folder.open(JOURNAL);
		if (!source) return;
		const journal = await readJsonObject(source);
		if (journal.identity !== (await this.#identity()) || !Array.isArray(journal.files)) return;
		for (const file of journal.files as ModelFile[]) this.#finished.set(file.path, file);
	}

	#identityOnce: Promise<string> | undefined;

	/** Tells this conversion from others: dtype, and sizes and both ends of the checkpoint's files. */
	#identity(): Promise<string> {
		return (this.#identityOnce ??= (async () => {
			const { dtype, createHash } = this.#options;
			const hash = createHash();
			for (const { path, source } of this.#sources) {
				hash.update(new TextEncoder().encode(`${path} ${source.size}\n`));
				hash.update(await source.read(0, Math.min(source.size, IDENTITY_BYTES)));
				hash.update(await source.read(Math.max(0, source.size - IDENTITY_BYTES), source.size));
			}
			return [CONVERTER_VERSION, dtype, hash.digest()].join('|');
		})());
	}

	/** Writes a shard, unless an earlier run did. */
	async writeShard(shard: Shard): Promise<void> {
		const { sink, createHash, threads } = this.#options;
		const old = this.#existing.get(shard.path);
		const repair = this.#options.repair;
		const finished = repair && !repair.has(shard.path) ? old : this.#finished.get(shard.path);
		const there = await sink.folder.open(shard.path);
		if (finished && there?.size === shard.size && finished.size === shard.size) {
			this.#files.set(shard.path, finished);
			this.advance(shard.path, shard.size);
			return;
		}
		const towers = old && !repair?.has(shard.path) && !shard.path.startsWith('projector.');
		const onBytes = (bytes: number) => this.advance(shard.path, bytes);
		const sha256 = threads
			? await threads.encode(shard.path, !towers, onBytes)
			: await encodeShard(shard, towers ? undefined : await sink.create(shard.path), createHash(), onBytes);
		if (towers && old.sha256 !== sha256)
			throw new InputError(
				`${sink.folder.name} already holds ${shard.path} with other weights than ${this.#options.checkpoint.name}; choose another output folder.`
			);
		const file = { path: shard.path, size: shard.size, sha256 };
		this.#files.set(shard.path, file);
		this.#finished.set(shard.path, file);
		await this.#writeJournal();
	}

	#journalWritten: Promise<void> = Promise.resolve();

	/** One writing after the other, whatever shards are finished meanwhile. */
	#writeJournal(): Promise<void> {
		return (this.#journalWritten = this.#journalWritten.then(async () =>
			writeWhole(
				this.#options.sink,
				JOURNAL,
				new TextEncoder().encode(
					JSON.stringify({ identity: await this.#identity(), files: [...this.#finished.values()] })
				)
			)
		));
	}

	async writeBytes(path: string, bytes: Uint8Array): Promise<void> {
		const hash = this.#options.createHash();
		hash.update(bytes);
		await writeWhole(this.#options.sink, path, bytes);
		this.#files.set(path, { path, size: bytes.length, sha256: hash.digest() });
	}

	async finish(manifest: ModelManifest): Promise<void> {
		await writeWhole(
			this.#options.sink,
			MANIFEST_FILE,
			new TextEncoder().encode(JSON.stringify(manifest, null, '\t') + '\n')
		);
		await this.#options.sink.remove(JOURNAL);
	}
}

/** A file that the model depends on. */
interface SourceFile {
	/** In the checkpoint's folder; one of the vision tower's own begins with the name of that folder. */
	readonly path: string;
	readonly source: ByteSource;
	/** Whether threads find it in the checkpoint's folder. */
	readonly shared: boolean;
}

/** Files that a model depends on, those of its vision tower's own folder behind the checkpoint's. */
async function sourceFiles(checkpoint: SourceFolder, beside: readonly SourceFolder[]): Promise<SourceFile[]> {
	const found: SourceFile[] = [];
	for (const folder of [checkpoint, ...beside]) {
		const shared = folder === checkpoint;
		const prefix = shared ? '' : `${folder.name.split(/[\\/]/).filter(Boolean).at(-1) ?? 'beside'}/`;
		const paths = (await folder.list()).filter((path) => /^[^./][^/]*\.(bin|safetensors|json)$/.test(path));
		for (const path of paths.sort()) {
			const source = await folder.open(path);
			if (source) found.push({ path: prefix + path, source, shared });
		}
	}
	return found;
}

/** The checkpoint's files with their hashes. */
class SourceHashes {
	readonly #options: ConversionOptions;
	readonly #progress: FileCollector;
	readonly #sources: readonly SourceFile[];
	readonly #hashes = new Map<string, string>();

	constructor(options: ConversionOptions, progress: FileCollector, sources: readonly SourceFile[]) {
		this.#options = options;
		this.#progress = progress;
		this.#sources = sources;
	}

	/** Bytes in all. */
	get size(): number {
		return this.#sources.reduce((sum, { source }) => sum + source.size, 0);
	}

	get jobs(): readonly Job[] {
		return this.#sources.map((file) => ({ size: file.source.size, run: () => this.#hash(file) }));
	}

	async #hash({ path, source, shared }: SourceFile): Promise<void> {
		const { threads, createHash } = this.#options;
		const onBytes = (bytes: number) => this.#progress.advance(path, bytes, 'hash');
		const hashed =
			threads && shared ? threads.hash(path, onBytes) : hashSource(source, createHash(), onBytes);
		this.#hashes.set(path, await hashed);
	}

	files(): ModelFile[] {
		return this.#sources.map(({ path, source }) => ({
			...{ path, size: source.size },
			sha256: this.#hashes.get(path) ?? ''
		}));
	}
}

interface Job {
	/** Bytes. */
	readonly size: number;
	readonly run: () => Promise<void>;
}

/** Both rows of jobs as one, in which each progresses evenly, the first one ahead. */
function interleave(first: readonly Job[], second: readonly Job[]): (() => Promise<void>)[] {
	const starts = (jobs: readonly Job[], order: number) => {
		const total = jobs.reduce((sum, { size }) => sum + size, 0);
		let before = 0;
		return jobs.map(({ size, run }) => {
			const at = before / total;
			before += size;
			return { at, order, run };
		});
	};
	return [...starts(first, 0), ...starts(second, 1)]
		.sort((a, b) => a.at - b.at || a.order - b.order)
		.map(({ run }) => run);
}

/** Names, sizes and hashes of what was converted. */
function describeSources(
	checkpoint: SourceFolder,
	sources: readonly ConversionSource[],
	files: readonly ModelFile[]
): ModelManifest['provenance']['sources'][number][] {
	// A run's name and `last`; the rest of the path is nobody's business.
	const name = checkpoint.name.split(/[\\/]/).filter(Boolean).slice(-2).join('/');
	return sources.map(({ projector }) => ({ checkpoint: name, projector, files }));
}
