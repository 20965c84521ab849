import type { ModelManifest } from '../manifest.ts';
import type { Backend } from './backend.ts';
import { disposeAll, GraphSession, toFloats, toTensor } from './graph-session.ts';
import { KvCache, presentNames, type PositionKey } from './kv-cache.ts';
import type { ModelFolder, OnBytes } from './model-folder.ts';
import type { TraceRecorder } from './trace-recorder.ts';

/** The language model with its cache: embeddings in, logits of the last position out. */
export class LanguageModel {
	readonly cache: KvCache;
	readonly #backend: Backend;
	readonly #manifest: ModelManifest;
	readonly #embedding: GraphSession;
	readonly #language: GraphSession;
	readonly #truncate: GraphSession;
	readonly #present: readonly string[];

	private constructor(
		backend: Backend,
		manifest: ModelManifest,
		[embedding, language, truncate]: readonly [GraphSession, GraphSession, GraphSession]
	) {
		this.#backend = backend;
		this.#manifest = manifest;
		this.#embedding = embedding;
		this.#language = language;
		this.#truncate = truncate;
		this.#present = presentNames(manifest.config.text_config.num_hidden_layers);
		this.cache = new KvCache(backend, manifest, truncate);
	}

	static async load(
		backend: Backend,
		folder: ModelFolder,
		onBytes?: OnBytes,
		onSession?: (name: string) => void
	): Promise<LanguageModel> {
		const { graphs, config } = folder.manifest;
		const create = async (name: string, request: Omit<Parameters<Backend['createSession']>[0], 'folder'>) => {
			onSession?.(name);
			return GraphSession.create(backend, { folder, onBytes, ...request });
		};
		const language = await create('language model', {
			files: graphs.language[0]!,
			stayOnDevice: presentNames(config.text_config.num_hidden_layers)
		});
		// Its rows meet visual tokens on the CPU and go to the graph from there.
		const embedding = await create('embedding', { files: graphs.embedding, onCpu: true });
		const cache = await create('cache', {
			files: graphs.cache,
			stayOnDevice: ['kept_key', 'kept_value']
		});
		return new LanguageModel(backend, folder.manifest, [embedding, language, cache]);
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
		const traced = recorder
			? this.#language.outputsNamed(['lm.']).filter((name) => recorder.wants(name))
			: [];
		const outputs = await this.#language.run(
			{
				inputs_embeds: new Tensor('float32', embeds, [1, count, hidden_size]),
				position_ids: new Tensor(
					'int64',
					BigInt64Array.from(positions, (i) => BigInt(past + i)),
					[1, count]
				),
				seqlens_k: new Tensor('int32', Int32Array.of(total - 1), [1]),
				total_sequence_length: new Tensor('int32', Int32Array.of(total), [1]),
				logit_positions: new Tensor('int64', BigInt64Array.from(logitPositions, BigInt), [
					logitPositions.length
				]),
				...this.cache.feeds
			},
			['logits', ...this.#present, ...traced]
		);
		this.cache.append(keys, outputs);
		const logits = await toFloats(outputs.logits!);
		if (recorder) {
			for (const name of traced) recorder.add(name, await toTensor(outputs[name]!));
			if (all) recorder.add('logits', { dtype: 'float32', dims: [1, count, vocab_size], data: logits });
		}
		disposeAll([outputs.logits!, ...traced.map((name) => outputs[name]!)]);
		return logits.subarray(logits.length - vocab_size);
	}

	async dispose(): Promise<void> {
		this.cache.dispose();
		await Promise.all([this.#embedding.release(), this.#language.release(), this.#truncate.release()]);
	}
}
