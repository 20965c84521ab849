import type { Tensor as OrtTensor } from 'onnxruntime-common';
import type { Tensor } from '../../tensor/tensor.ts';
import { intermediateNames } from '../language/graph.ts';
import { ropeAngles } from '../language/rope.ts';
import type { ModelManifest } from '../manifest.ts';
import { ofBackend, type Backend, type FixedMemory } from './backend.ts';
import { disposeAll, GraphSession, toFloats, toTensor, type Feeds } from './graph-session.ts';
import { KvCache, presentNames, type PositionKey } from './kv-cache.ts';
import type { ModelFolder, OnBytes } from './model-folder.ts';
import type { TraceRecorder } from './trace-recorder.ts';

/** Positions of a prompt that are computed in one run, so that memory is bounded and an abort can be heard. */
export const PREFILL_CHUNK = 512;

/** Some of the decoder's layers in one session. */
interface LanguagePart {
	readonly session: GraphSession;
	/** Outputs that become the cache. */
	readonly present: readonly string[];
	/** Outputs that the next part takes; none for the last. */
	readonly intermediate: readonly string[];
}

/** Some positions on their way through the layers. */
interface Pass {
	/** [position, hidden] */
	readonly embeds: Float32Array;
	readonly count: number;
	/** Positions before them. */
	readonly past: number;
	readonly logitPositions: readonly number[];
	/** Keys and values of those before, as they are when a part runs. */
	readonly feeds: () => Feeds;
	/** Tensors that outputs are written into. */
	readonly into?: Feeds;
	/** Outputs that `take` gets of a part, beside `logits` of the last. */
	readonly wanted: (part: LanguagePart) => readonly string[];
	readonly take: (part: LanguagePart, outputs: Readonly<Record<string, OrtTensor>>) => Promise<void>;
}

/** Inputs of one position and its logits, in memory that is written anew for each. */
type Step = Readonly<Record<'inputs_embeds' | 'seqlens_k' | 'logit_positions' | 'logits', OrtTensor>>;

export interface BranchRequest {
	/** Positions of the cache that come before. */
	readonly from: number;
	/** [position, hidden] */
	readonly embeds: Float32Array;
	/** Rows of `embeds` whose logits are wanted. */
	readonly logitPositions: readonly number[];
	readonly outputs?: readonly string[];
	readonly attention?: AttentionRequest;
}

/** Attention that is wanted beside what a run gives. */
export interface AttentionRequest {
	readonly layers: readonly number[];
	/** Positions of the whole sequence whose shares are wanted. */
	readonly to: readonly number[];
}

export type Branch = Readonly<Record<string, Tensor>>;

/** The language model with its cache: embeddings in, logits of the last position out. */
export class LanguageModel {
	readonly cache: KvCache;
	readonly #backend: Backend;
	readonly #manifest: ModelManifest;
	readonly #embedding: GraphSession;
	/** In the order of the layers; one, unless the model is too large for one session. */
	readonly #parts: readonly LanguagePart[];
	readonly #truncate: GraphSession;
	readonly #folder: ModelFolder;
	/** Where the language graphs write their cache in place. */
	readonly #memory: FixedMemory | undefined;
	/** What goes into and comes out of a step of one position, where the backend has memory for it; made at the first step. */
	#step: Step | undefined;
	/** Loaded at their first use, for probes. */
	#attention: GraphSession | undefined;
	#lens: GraphSession | undefined;

	private constructor(
		backend: Backend,
		folder: ModelFolder,
		parts: readonly LanguagePart[],
		[embedding, truncate]: readonly [GraphSession, GraphSession]
	) {
		this.#backend = backend;
		this.#folder = folder;
		this.#manifest = folder.manifest;
		this.#embedding = embedding;
		this.#parts = parts;
		this.#truncate = truncate;
		// Plain attention makes its cache by joining; GroupQueryAttention, which wants to know the lengths, can write in place.
		const inPlace = parts.every(({ session }) => session.hasInput('seqlens_k'));
		const memories = new Set(parts.map(({ session }) => session.memory ?? backend.memory));
		// Parts that run in different places have no memory in common.
		this.#memory = inPlace && memories.size === 1 ? [...memories][0] : undefined;
		this.cache = new KvCache(backend, folder.manifest, truncate, this.#memory);
	}

	static async load(
		backend: Backend,
		folder: ModelFolder,
		onBytes?: OnBytes,
		onSession?: (name: string) => void
	): Promise<LanguageModel> {
		const { graphs } = folder.manifest;
		const create = async (name: string, request: Omit<Parameters<Backend['createSession']>[0], 'folder'>) => {
			onSession?.(name);
			return GraphSession.create(backend, { folder, onBytes, ...request });
		};
		const parts: LanguagePart[] = [];
		const count = graphs.language.length;
		// One after the other: a part's shards are dropped before the next one's are read.
		for (const [index, files] of graphs.language.entries()) {
			const present = presentNames(files.layers);
			const intermediate = index + 1 < count ? intermediateNames(files.layers[1]) : [];
			const name = count === 1 ? 'language model' : `language model, part ${index + 1} of ${count}`;
			const session = await create(name, { files, stayOnDevice: [...present, ...intermediate] });
			parts.push({ session, present, intermediate });
		}
		// Its rows meet visual tokens on the CPU and go to the graph from there.
		const embedding = await create('embedding', { files: graphs.embedding, onCpu: true });
		const cache = await create('cache', {
			files: graphs.cache,
			stayOnDevice: ['kept_key', 'kept_value']
		});
		return new LanguageModel(backend, folder, parts, [embedding, cache]);
	}

	/** Embeddings [position, hidden] of ids; image tokens get those of id 0 and are overwritten later. */
	async embed(ids: readonly number[]): Promise<Float32Array> {
		const input = BigInt64Array.from(ids, (id) => BigInt(Math.max(id, 0)));
		const feeds = { input_ids: new this.#backend.Tensor('int64', input, [1, ids.length]) };
		const { inputs_embeds } = await this.#embedding.run(feeds, ['inputs_embeds']);
		return toFloats(inputs_embeds!);
	}

	/**
	 * Appends positions to the cache.
	 * @param embeds [position, hidden]
	 * @param keys What each position is, for the cache.
	 * @param recorder Gets hidden states and the logits of every position.
	 * @returns logits [vocab] of the last position
	 */
	async append(
		embeds: Float32Array,
		keys: readonly PositionKey[],
		recorder?: TraceRecorder
	): Promise<Float32Array> {
		const { vocab_size } = this.#manifest.config.text_config;
		const count = keys.length;
		const all = recorder?.wants('logits') ?? false;
		if (count === 1 && !recorder && this.cache.inPlace) return this.#decode(embeds, keys);
		let logits: Float32Array = new Float32Array(0);
		this.cache.reserve(count);
		await this.#through(this.#parts, {
			embeds,
			count,
			past: this.cache.length,
			logitPositions: all ? Array.from({ length: count }, (_, i) => i) : [count - 1],
			feeds: () => this.cache.feeds,
			into: this.cache.written,
			wanted: ({ session, present }) => [
				...present,
				...(recorder ? session.outputsNamed(['lm.']).filter((name) => recorder.wants(name)) : [])
			],
			take: async ({ present }, outputs) => {
				this.cache.replace(outputs);
				for (const [name, output] of Object.entries(outputs)) {
					if (present.includes(name)) continue;
					if (name === 'logits') logits = await toFloats(output);
					else recorder!.add(name, await toTensor(output));
					output.dispose();
				}
			}
		});
		this.cache.extend(keys);
		if (all) recorder!.add('logits', { dtype: 'float32', dims: [1, count, vocab_size], data: logits });
		return logits.subarray(logits.length - vocab_size);
	}

	/** `append` of one position where nothing is made for it: inputs, cache and logits lie in memory that was there before. */
	async #decode(embeds: Float32Array, keys: readonly PositionKey[]): Promise<Float32Array> {
		this.cache.reserve(1);
		const memory = this.#memory!;
		const step = (this.#step ??= this.#makeStep());
		const total = this.cache.length + 1;
		memory.write(step.inputs_embeds, embeds);
		memory.write(step.seqlens_k, Int32Array.of(total - 1));
		// The runtime reads this one on the processor.
		const total_sequence_length = new this.#backend.Tensor('int32', Int32Array.of(total), [1]);
		const { logits, ...inputs } = step;
		let handed: Feeds = {};
		for (const { session, present, intermediate } of this.#parts) {
			const names = [...present, ...intermediate, ...(intermediate.length === 0 ? ['logits'] : [])];
			const into = { ...this.cache.written, logits };
			const feeds = { ...inputs, total_sequence_length, ...handed, ...this.cache.feeds };
			const outputs = await session.run(feeds, names, into);
			disposeAll(Object.values(handed));
			handed = Object.fromEntries(intermediate.map((name) => [name, outputs[name]!]));
		}
		this.cache.extend(keys);
		return ofBackend(memory.read(logits));
	}

	#makeStep(): Step {
		const { hidden_size, vocab_size } = this.#manifest.config.text_config;
		const { allocate } = this.#memory!;
		return {
			inputs_embeds: allocate('float32', [1, 1, hidden_size]),
			seqlens_k: allocate('int32', [1]),
			// The only row: zero.
			logit_positions: allocate('int64', [1]),
			logits: allocate('float32', [1, 1, vocab_size])
		};
	}

	/**
	 * Sees to it that the cache begins with the positions `keys`; what it holds beyond them stays if it begins so already.
	 * @param embeds [position, hidden], at least as many positions
	 */
	async ensure(embeds: Float32Array, keys: readonly PositionKey[]): Promise<void> {
		const { hidden_size } = this.#manifest.config.text_config;
		const known = this.cache.commonPrefix(keys);
		if (known === keys.length) return;
		await this.cache.truncate(known);
		for (let start = known; start < keys.length; start += PREFILL_CHUNK) {
			const end = Math.min(start + PREFILL_CHUNK, keys.length);
			await this.append(embeds.slice(start * hidden_size, end * hidden_size), keys.slice(start, end));
		}
	}

	/**
	 * Runs positions after the first `from` of the cache and leaves the cache as it is.
	 * @param embeds [position, hidden]
	 * @returns `logits` [1, k, vocab] of `logitPositions`, the outputs named, e.g. `lm.hidden_states.2`, and of the layers of
	 * `attention` the shares that the k positions give to the c positions `to`: `lm.layers.i.attention` [1, head, k, c]
	 */
	async branch({ from, embeds, logitPositions, outputs = [], attention }: BranchRequest): Promise<Branch> {
		const past = await this.cache.prefix(from);
		const taken: Record<string, Tensor> = {};
		const count = embeds.length / this.#manifest.config.text_config.hidden_size;
		const layersOf = ({ session }: LanguagePart) =>
			(attention?.layers ?? []).filter((layer) => session.outputNames.includes(queryName(layer)));
		try {
			await this.#through(this.#parts, {
				embeds,
				count,
				past: from,
				logitPositions,
				feeds: () => past.feeds,
				wanted: (part) => [
					...outputs.filter((name) => part.session.outputNames.includes(name)),
					...layersOf(part).flatMap((layer) => [queryName(layer), keyName(layer)])
				],
				take: async (part, fetched) => {
					const rest = { ...fetched };
					for (const layer of layersOf(part)) {
						const [query, key] = [rest[queryName(layer)]!, rest[keyName(layer)]!];
						taken[`lm.layers.${layer}.attention`] = await this.#attend(query, key, {
							rows: logitPositions,
							positions: logitPositions.map((row) => from + row),
							total: from + count,
							to: attention!.to
						});
						disposeAll([query, key]);
						delete rest[queryName(layer)];
						delete rest[keyName(layer)];
					}
					for (const [name, output] of Object.entries(rest)) {
						taken[name] = await toTensor(output);
						output.dispose();
					}
				}
			});
		} finally {
			past.dispose();
		}
		const attentionNames = (attention?.layers ?? []).map((layer) => `lm.layers.${layer}.attention`);
		for (const name of [...outputs, ...attentionNames])
			if (!taken[name]) throw new Error(`The language model has no output "${name}".`);
		return taken;
	}

	/** Attention [1, head, k, c] of one layer from its queries at `positions` [k] to the keys at `to` [c]. */
	async #attend(
		query: OrtTensor,
		key: OrtTensor,
		asked: Readonly<Record<'rows' | 'positions' | 'to', readonly number[]>> & { readonly total: number }
	): Promise<Tensor> {
		const { rows, positions, total, to } = asked;
		const { Tensor } = this.#backend;
		const { text_config } = this.#manifest.config;
		this.#attention ??= await GraphSession.create(this.#backend, {
			folder: this.#folder,
			files: this.#manifest.graphs.attention
		});
		const { cos, sin } = ropeAngles(text_config, positions);
		const angles = [positions.length, text_config.head_dim / 2];
		const { attention } = await this.#attention.run(
			{
				query,
				key,
				// Folders of converters up to version 3 give the queries of these rows alone, and take no rows.
				rows: new Tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length]),
				position_ids: new Tensor('int64', BigInt64Array.from(positions, BigInt), [1, positions.length]),
				total_sequence_length: new Tensor('int32', Int32Array.of(total), [1]),
				cos: new Tensor('float32', cos, angles),
				sin: new Tensor('float32', sin, angles),
				columns: new Tensor('int64', BigInt64Array.from(to, BigInt), [to.length])
			},
			['attention']
		);
		const shares = await toTensor(attention!);
		attention!.dispose();
		return shares;
	}

	/** Logits [position, vocab] of hidden states [position, hidden] that are read as if they were the last layer's. */
	async lens(hidden: Float32Array): Promise<Float32Array> {
		const { hidden_size } = this.#manifest.config.text_config;
		this.#lens ??= await GraphSession.create(this.#backend, {
			folder: this.#folder,
			files: this.#manifest.graphs.lens
		});
		const dims = [1, hidden.length / hidden_size, hidden_size];
		const feeds = { hidden_states: new this.#backend.Tensor('float32', hidden, dims) };
		const { logits } = await this.#lens.run(feeds, ['logits']);
		return toFloats(logits!);
	}

	/** Runs positions through all layers, part by part. What a part gives is `take`'s to keep or to free. */
	async #through(
		parts: readonly LanguagePart[],
		{ embeds, count, past, logitPositions, feeds, into, wanted, take }: Pass
	): Promise<void> {
		const { Tensor } = this.#backend;
		const { hidden_size } = this.#manifest.config.text_config;
		const total = past + count;
		const common = {
			position_ids: new Tensor(
				'int64',
				BigInt64Array.from({ length: count }, (_, i) => BigInt(past + i)),
				[1, count]
			),
			seqlens_k: new Tensor('int32', Int32Array.of(total - 1), [1]),
			total_sequence_length: new Tensor('int32', Int32Array.of(total), [1]),
			logit_positions: new Tensor('int64', BigInt64Array.from(logitPositions, BigInt), [
				logitPositions.length
			])
		};
		let intermediate: Record<string, OrtTensor> = {
			inputs_embeds: new Tensor('float32', embeds, [1, count, hidden_size])
		};
		for (const part of parts) {
			const last = part.intermediate.length === 0;
			const names = [...part.intermediate, ...wanted(part), ...(last ? ['logits'] : [])];
			const outputs = await part.session.run({ ...common, ...intermediate, ...feeds() }, names, into);
			disposeAll(Object.values(intermediate));
			intermediate = Object.fromEntries(part.intermediate.map((name) => [name, outputs[name]!]));
			for (const name of part.intermediate) delete outputs[name];
			await take(part, outputs);
		}
	}

	async dispose(): Promise<void> {
		this.cache.dispose();
		if (this.#step) disposeAll(Object.values(this.#step));
		const sessions = [
			...[this.#embedding, this.#truncate, this.#attention, this.#lens],
			...this.#parts.map(({ session }) => session)
		];
		await Promise.all(sessions.flatMap((session) => session?.release() ?? []));
	}
}

const queryName = (layer: number) => `query.${layer}`;
const keyName = (layer: number) => `present.${layer}.key`;
