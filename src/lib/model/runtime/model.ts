import { InputError } from '../../tensor/errors.ts';
import { generate, idTensor } from './generate.ts';
import { eosTokenIds } from '../config.ts';
import { wholeOf } from '../image/processor.ts';
import { networksOf, type ModelManifest } from '../manifest.ts';
import { patchCount } from '../patch-grid.ts';
import type { ProbeControl } from '../probes/language.ts';
import { nearestIds } from '../probes/nearest-words.ts';
import { measureLimits, type MachineLimits } from './limits.ts';
import { localityMaps, type LocalityMaps, type Projector } from '../probes/locality.ts';
import { checkSampling } from './sampling.ts';
import { familyOf } from '../families/registry.ts';
import type { TextTokenizer } from '../text/text-tokenizer.ts';
import { AnswerProber } from './answer-prober.ts';
import type { Backend } from './backend.ts';
import { withContext } from './context.ts';
import { LanguageModel } from './language.ts';
import { Mutex } from './mutex.ts';
import { pause } from './pause.ts';
import type { ModelFolder, OnBytes } from './model-folder.ts';
import { encodeRequest, imagesOf } from './prompt.ts';
import { TraceRecorder } from './trace-recorder.ts';
import type {
	AnswerEvent,
	AnswerProbe,
	AnswerRequest,
	AnswerScores,
	BackendInfo,
	Control,
	Influence,
	InfluenceRequest,
	LensGrid,
	LensRequest,
	LoadProgress,
	LocalityRequest,
	NearestWords,
	NearestWordsRequest,
	TowerAttention,
	TowerAttentionRequest,
	Trace,
	TraceRequest
} from './types.ts';
import type { Transparency } from '../image/transparency.ts';
import { VisualModel } from './visual.ts';
import type { ImageDecoder } from '../image/rgb.ts';
import { sourcesFrom } from './visual-rows.ts';

export interface HoneybeeOptions {
	readonly backend: Backend;
	readonly folder: ModelFolder;
	readonly decodeImage: ImageDecoder;
	/** What becomes of transparent pictures; the model folder's own choice when absent. */
	readonly transparency?: Transparency;
	/** Projector loaded at once; the manifest's first one when absent. Others are loaded when first asked for. */
	readonly projector?: string;
	readonly onProgress?: (progress: LoadProgress) => void;
}

export interface AnswerOptions extends Control {
	/** Gets the activations of the whole answer under their golden names. */
	readonly recorder?: TraceRecorder;
}

/**
 * A whole Honeybee that answers: CLIP ViT → projector → LLaMA. One thing is computed at a time, others wait in its one queue; probes let
 * answers go first, step by step, and whatever waits can be stopped alone.
 */
export class HoneybeeModel {
	readonly manifest: ModelManifest;
	readonly #backend: Backend;
	readonly #tokenizer: TextTokenizer;
	readonly #visual: VisualModel;
	readonly #language: LanguageModel;
	readonly #mutex = new Mutex();
	readonly #prober: AnswerProber;
	/** Measured once: what a machine can do does not change. */
	#limits: MachineLimits | undefined;
	#disposed = false;

	private constructor(
		{ backend, folder }: HoneybeeOptions,
		parts: { tokenizer: TextTokenizer; visual: VisualModel; language: LanguageModel }
	) {
		this.manifest = withContext(folder.manifest, backend.context);
		this.#backend = backend;
		this.#tokenizer = parts.tokenizer;
		this.#visual = parts.visual;
		this.#language = parts.language;
		this.#prober = new AnswerProber({ manifest: this.manifest, ...parts }, (...step) => this.#step(...step));
	}

	/** Where it runs. */
	get backend(): BackendInfo {
		return this.#backend.info;
	}

	/** @throws InputError when the folder cannot be used. */
	static async load(options: HoneybeeOptions): Promise<HoneybeeModel> {
		const { backend, folder, decodeImage } = options;
		const { manifest } = folder;
		const projector = options.projector ?? Object.keys(manifest.projectors)[0]!;
		const visual = new VisualModel(backend, folder, decodeImage, options.transparency);
		visual.choose(projector);
		const progress = loadProgress(manifest, projector, options.onProgress);
		progress.stage('weights', 'tokenizer');
		const { vocab_size } = manifest.config.text_config;
		const tokenizer = await loadTokenizer(folder, vocab_size);
		if (tokenizer.vocabSize > vocab_size)
			throw new InputError(
				`The tokenizer in ${folder.name} has ${tokenizer.vocabSize} tokens, the language model ${vocab_size}; convert again with the tokenizer of the checkpoint's language model.`
			);
		const session = (name: string) => progress.stage('session', name);
		const language = await LanguageModel.load(backend, folder, progress.onBytes, session);
		await visual.load(projector, progress.onBytes, session);
		return new HoneybeeModel(options, { tokenizer, visual, language });
	}

	/**
	 * Events of one answer, ended by `done`; aborted, generation stops at the next token, or before it has begun, and ends as `cancelled`.
	 * Answers go before the steps of probes, in the order they came.
	 * @throws InputError for a request that cannot be answered; BackendError when what computes has failed
	 */
	async *answer(
		request: AnswerRequest,
		{ signal, recorder }: AnswerOptions = {}
	): AsyncGenerator<AnswerEvent, void, void> {
		checkSampling(request.sampling);
		const images = imagesOf(request);
		if (this.#visual.mustMeasure(images)) await this.#visual.measure(images);
		const prompt = encodeRequest(request, this.#visual, this.#tokenizer, this.manifest);
		// One that left the queue has no turn and needs none: aborted, `generate` computes nothing.
		const release = await this.#mutex.acquire('now', signal).catch(() => undefined);
		try {
			if (release) this.#mustLive();
			if (release && request.cold) {
				for (const { image, choice } of sourcesFrom(prompt.runs, 0)) this.#visual.forget(image, choice);
				this.#language.cache.clear();
			}
			const { hidden_size, max_position_embeddings } = this.manifest.config.text_config;
			const events = generate({
				visual: this.#visual,
				language: this.#language,
				tokenizer: this.#tokenizer,
				prompt,
				sampling: request.sampling,
				context: max_position_embeddings,
				eosIds: eosTokenIds(this.manifest.config.text_config),
				hidden: hidden_size,
				backend: this.#backend.info.backend,
				dtype: this.manifest.dtype,
				...(signal && { signal }),
				...(recorder && { recorder })
			});
			for await (const event of events) {
				if (event.type === 'done') recorder?.add('generated_ids', idTensor(event.result.ids));
				yield event;
			}
		} catch (error) {
			// After a failed run the cache may not be what its keys say.
			if (release && !(error instanceof InputError) && !this.#disposed) this.#language.cache.clear();
			throw error;
		} finally {
			release?.();
		}
	}

	/** Activations of the vision tower and a projector for one image. @throws as `answer`; AbortError when aborted */
	async trace(request: TraceRequest, { signal }: Control = {}): Promise<Trace> {
		const { image, projector, tokens, names } = request;
		const choice = this.#visual.choose(projector, tokens);
		const recorder = new TraceRecorder(names);
		await this.#step(async () => {
			await this.#visual.measure([image]);
			await this.#visual.encode(image, choice, { recorder, signal });
			if (!signal?.aborted) await this.#visual.project(image, choice, recorder);
		}, signal);
		signal?.throwIfAborted();
		return recorder.trace;
	}

	/**
	 * How much each patch moves each visual token: for every output asked for, float32 [token, patch].
	 * @throws as `answer`; AbortError when aborted
	 */
	async locality(request: LocalityRequest, options: Control = {}): Promise<LocalityMaps> {
		const { image, method, directions, seed, parts, outputs } = request;
		const { signal, onProgress } = options;
		const choice = this.#visual.choose(request.projector, request.tokens);
		const { features, view, index } = await this.#step(async () => {
			await this.#visual.measure([image]);
			await this.#visual.encode(image, choice, { signal });
			signal?.throwIfAborted();
			const views = this.#visual.views(image);
			const index = request.view ?? wholeOf(views);
			return { features: this.#visual.features(image, choice, index), view: views[index]!, index };
		}, signal);
		const { run, gradient } = this.#visual.projector(choice, view, index);
		const patches = patchCount(this.manifest.config.vision_config, view);
		const projector: Projector = {
			run: (...projected) => this.#step(() => run(...projected), signal),
			gradient: (...derived) => this.#step(() => gradient(...derived), signal)
		};
		const maps = await localityMaps(projector, features, patches, {
			method,
			...(directions !== undefined && { directions }),
			...(seed !== undefined && { seed }),
			...(parts !== undefined && { parts }),
			...(outputs && { outputs }),
			...controlOf({ signal, onProgress })
		});
		return this.#visual.mapsOnImage(maps, view);
	}

	/**
	 * Attention inside the vision tower.
	 * @throws InputError for a layer or view that is not there; AbortError when aborted
	 */
	async towerAttention(request: TowerAttentionRequest, options: Control = {}): Promise<TowerAttention> {
		const { signal } = options;
		const made = await this.#step(async () => {
			await this.#visual.measure([request.image]);
			return this.#visual.attention(request, options);
		}, signal);
		signal?.throwIfAborted();
		return made;
	}

	/**
	 * Forced decoding: how likely each token of an answer is, given all before it.
	 * @throws as `answer`; AbortError when aborted
	 */
	async score(request: AnswerProbe, options: Control = {}): Promise<AnswerScores> {
		return this.#prober.score(request, controlOf(options));
	}

	/**
	 * How much each visual token of the last image bears on each token of an answer.
	 * @throws as `answer`; AbortError when aborted
	 */
	async influence(request: InfluenceRequest, options: Control = {}): Promise<Influence> {
		return this.#prober.influence(request, controlOf(options));
	}

	/**
	 * The words nearest to each visual token of the last image, layer by layer.
	 * @throws as `answer`; AbortError when aborted
	 */
	async lens(request: LensRequest, options: Control = {}): Promise<LensGrid> {
		return this.#prober.lens(request, controlOf(options));
	}

	/**
	 * The words whose input embeddings are nearest to vectors of the language model's width.
	 * @throws InputError for vectors of another width; AbortError when aborted
	 */
	async nearestWords(
		request: NearestWordsRequest,
		{ signal, ...options }: Control = {}
	): Promise<NearestWords> {
		const { hidden_size, vocab_size } = this.manifest.config.text_config;
		const { vectors, words = 5 } = request;
		if (vectors.length === 0 || vectors.length % hidden_size !== 0)
			throw new InputError(
				`The language model’s width is ${hidden_size}; ${vectors.length} numbers are no vectors of that width.`
			);
		const embed = (ids: readonly number[]) => this.#step(() => this.#language.embed(ids), signal);
		const spelled = (id: number) => this.#tokenizer.piece(id)?.replaceAll('▁', ' ');
		const vocabulary = Array.from({ length: vocab_size }, (_, id) => id).filter(
			(id) => spelled(id) !== undefined
		);
		const control = controlOf({ signal, ...options });
		const { ids, cosines } = await nearestIds(embed, vocabulary, vectors, hidden_size, words, control);
		const data = await embed(ids.map(([nearest]) => nearest!));
		return {
			words: ids.map((own) => own.map((id) => spelled(id)!)),
			cosines,
			embeds: { dtype: 'float32', dims: [ids.length, hidden_size], data }
		};
	}

	/**
	 * Memory bandwidth and arithmetic of the machine, as the backend reaches them; measured when first asked for.
	 * @throws AbortError when aborted
	 */
	async limits(_request: Readonly<Record<string, never>>, { signal }: Control = {}): Promise<MachineLimits> {
		const step = <T>(work: () => Promise<T>) => this.#step(work, signal);
		return (this.#limits ??= await measureLimits(this.#backend, { step }));
	}

	async dispose(): Promise<void> {
		const release = await this.#mutex.acquire();
		try {
			await this.#visual.dispose();
			await this.#language.dispose();
			await this.#backend.dispose();
		} finally {
			this.#disposed = true;
			release();
		}
	}

	/** One step of a probe. Answers that wait go before it, and the steps of probes take turns. */
	async #step<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
		const release = await this.#mutex.acquire('later', signal);
		try {
			this.#mustLive();
			return await work();
		} catch (error) {
			// After a failed run the cache may not be what its keys say.
			if (!(error instanceof InputError) && !this.#disposed) this.#language.cache.clear();
			throw error;
		} finally {
			release();
		}
	}

	#mustLive(): void {
		if (this.#disposed) throw new Error('The model was unloaded.');
	}
}

function controlOf({ signal, onProgress }: Control): ProbeControl {
	return {
		...(signal && { signal }),
		...(onProgress && { onProgress: (done: number, total: number) => onProgress({ done, total }) }),
		pause
	};
}

async function loadTokenizer(folder: ModelFolder, rows: number): Promise<TextTokenizer> {
	const { tokenizer, files } = folder.manifest;
	const settings = files.find((file) => file.path === 'tokenizer_config.json');
	const parse = async (path: string): Promise<unknown> => {
		try {
			return JSON.parse(await folder.text(path));
		} catch (error) {
			if (error instanceof InputError) throw error;
			throw new InputError(`${path} in ${folder.name} is not JSON; convert the checkpoint again.`);
		}
	};
	const parsed = {
		tokenizer_json: await parse(tokenizer),
		rows,
		...(settings && { tokenizer_config: await parse(settings.path) })
	};
	return familyOf(folder.manifest).tokenizer(parsed, folder.manifest.prompt);
}

/** Adds up bytes over the files that this load reads. */
function loadProgress(
	manifest: ModelManifest,
	projector: string,
	report: HoneybeeOptions['onProgress']
): { stage(stage: LoadProgress['stage'], what: string): void; onBytes: OnBytes } {
	const { vision, embedding, cache, language } = manifest.graphs;
	const graphs = [vision, embedding, cache, ...language, ...networksOf(manifest.projectors[projector]!)];
	const paths = new Set(graphs.flatMap(({ graph, weights }) => [graph, ...weights]));
	const total = manifest.files.filter(({ path }) => paths.has(path)).reduce((sum, { size }) => sum + size, 0);
	const bytes = new Map<string, number>();
	const loaded = () => [...bytes.values()].reduce((sum, count) => sum + count, 0);
	return {
		stage: (stage, what) => report?.({ stage, what, loaded: loaded(), total }),
		onBytes(file, count) {
			if (!paths.has(file.path)) return;
			bytes.set(file.path, count);
			report?.({ stage: 'weights', what: file.path, loaded: loaded(), total });
		}
	};
}
