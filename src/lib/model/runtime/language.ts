import type { Tensor as OrtTensor } from 'onnxruntime-common';
import { handedNames } from '../language/graph.ts';
import type { ModelManifest } from '../manifest.ts';
import type { Backend } from './backend.ts';
import { disposeAll, GraphSession, toFloats, toTensor } from './graph-session.ts';
import { KvCache, presentNames, type PositionKey } from './kv-cache.ts';
import type { ModelFolder, OnBytes } from './model-folder.ts';
import type { TraceRecorder } from './trace-recorder.ts';

/** Some of the decoder's layers in one session. */
interface LanguagePart {
	readonly session: GraphSession;
	/** Outputs that become the cache. */
	readonly present: readonly string[];
	/** Outputs that the next part takes; none for the last. */
	readonly handed: readonly string[];
}

/** The language model with its cache: embeddings in, logits of the last position out. */
export class LanguageModel {
	readonly cache: KvCache;
	readonly #backend: Backend;
	readonly #manifest: ModelManifest;
	readonly #embedding: GraphSession;
	/** In the order of the layers; one, unless the model is too large for one session. */
	readonly #parts: readonly LanguagePart[];
	readonly #truncate: GraphSession;

	private constructor(
		backend: Backend,
		manifest: ModelManifest,
		parts: readonly LanguagePart[],
		[embedding, truncate]: readonly [GraphSession, GraphSession]
	) {
		this.#backend = backend;
		this.#manifest = manifest;
		this.#embedding = embedding;
		this.#parts = parts;
		this.#truncate = truncate;
		this.cache = new KvCache(backend, manifest, truncate);
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
			const handed = index + 1 < count ? handedNames(files.layers[1]) : [];
			const name = count === 1 ? 'language model' : `language model, part ${index + 1} of ${count}`;
			const session = await create(name, { files, stayOnDevice: [...present, ...handed] });
			parts.push({ session, present, handed });
		}
		// Its rows meet visual tokens on the CPU and go to the graph from there.
		const embedding = await create('embedding', { files: graphs.embedding, onCpu: true });
		const cache = await create('cache', {
			files: graphs.cache,
			stayOnDevice: ['kept_key', 'kept_value']
		});
		return new LanguageModel(backend, folder.manifest, parts, [embedding, cache]);
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
		const { Tensor } = this.#backend;
		const { hidden_size, vocab_size } = this.#manifest.config.text_config;
		const count = keys.length;
		const past = this.cache.length;
		const total = past + count;
		const all = recorder?.wants('logits') ?? false;
		const positions = Array.from({ length: count }, (_, i) => i);
		const logitPositions = all ? positions : [count - 1];
		const common = {
			position_ids: new Tensor(
				'int64',
				BigInt64Array.from(positions, (i) => BigInt(past + i)),
				[1, count]
			),
			seqlens_k: new Tensor('int32', Int32Array.of(total - 1), [1]),
			total_sequence_length: new Tensor('int32', Int32Array.of(total), [1]),
			logit_positions: new Tensor('int64', BigInt64Array.from(logitPositions, BigInt), [
				logitPositions.length
			])
		};
		let handed: Record<string, OrtTensor> = {
			inputs_embeds: new Tensor('float32', embeds, [1, count, hidden_size])
		};
		for (const part of this.#parts) {
			const last = part.handed.length === 0;
			const traced = recorder
				? part.session.outputsNamed(['lm.']).filter((name) => recorder.wants(name))
				: [];
			const outputs = await part.session.run({ ...common, ...handed, ...this.cache.feeds }, [
				...part.present,
				...part.handed,
				...(last ? ['logits'] : []),
				...traced
			]);
			this.cache.replace(outputs);
			disposeAll(Object.values(handed));
			for (const name of traced) recorder!.add(name, await toTensor(outputs[name]!));
			disposeAll(traced.map((name) => outputs[name]!));
			handed = Object.fromEntries(part.handed.map((name) => [name, outputs[name]!]));
			if (!last) continue;
			this.cache.extend(keys);
			const logits = await toFloats(outputs.logits!);
			if (all) recorder!.add('logits', { dtype: 'float32', dims: [1, count, vocab_size], data: logits });
			outputs.logits!.dispose();
			return logits.subarray(logits.length - vocab_size);
		}
		throw new Error('The language model has no last part.');
	}

	async dispose(): Promise<void> {
		this.cache.dispose();
		const sessions = [this.#embedding, this.#truncate, ...this.#parts.map(({ session }) => session)];
		await Promise.all(sessions.map((session) => session.release()));
	}
}
