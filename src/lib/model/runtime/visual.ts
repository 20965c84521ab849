import { Lru } from '../../bytes/lru.ts';
import type { Tensor as OrtTensor } from 'onnxruntime-common';
import { InputError } from '../../tensor/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { gridSide } from '../config.ts';
import { preprocess } from '../image/preprocess.ts';
import type { RgbImage } from '../image/rgb.ts';
import type { ModelManifest, ProjectorEntry } from '../manifest.ts';
import type { ProjectorRun } from '../probes/locality.ts';
import { poolingMatrix } from '../projectors/pooling.ts';
import type { Backend } from './backend.ts';
import { disposeAll, GraphSession, toFloats, toTensor } from './graph-session.ts';
import type { ModelFolder, OnBytes } from './model-folder.ts';
import type { TraceRecorder } from './trace-recorder.ts';
import type { ImageInput } from './types.ts';

/** Encoded bytes to pixels; the browser and Node have their own. @throws InputError when it is no usable image. */
export type ImageDecoder = (bytes: Uint8Array, name: string) => Promise<RgbImage>;

/** A projector at a number of visual tokens. */
export interface ProjectorChoice {
	readonly name: string;
	readonly entry: ProjectorEntry;
	/** M */
	readonly tokens: number;
	/** M + K: positions that an image takes in the prompt. */
	readonly perImage: number;
}

/** Features of one image: [N, E] for every layer that some projector reads. */
type Features = ReadonlyMap<number, Float32Array>;

/** Images whose features are kept; one of 576 patches takes 2.4 MB. */
const KEPT_IMAGES = 8;
const KEPT_EMBEDS = 32;

/** Vision tower and projectors, with what they computed last. */
export class VisualModel {
	readonly #backend: Backend;
	readonly #folder: ModelFolder;
	readonly #decode: ImageDecoder;
	readonly #projectors = new Map<string, Promise<GraphSession>>();
	readonly #features = new Lru<string, Features>(KEPT_IMAGES);
	readonly #embeds = new Lru<string, Float32Array>(KEPT_EMBEDS);
	#vision: Promise<GraphSession> | undefined;

	constructor(backend: Backend, folder: ModelFolder, decode: ImageDecoder) {
		this.#backend = backend;
		this.#folder = folder;
		this.#decode = decode;
	}

	get #manifest(): ModelManifest {
		return this.#folder.manifest;
	}

	/** Loads the graphs that an answer through this projector needs. */
	async load(projector: string, onBytes?: OnBytes, onSession?: (name: string) => void): Promise<void> {
		onSession?.('vision tower');
		await this.#visionSession(onBytes);
		onSession?.(`projector ${projector}`);
		await this.#projectorSession(projector, onBytes);
	}

	/**
	 * The projector at M tokens, or at its own M.
	 * @throws InputError when there is none of that name or it cannot give that M.
	 */
	choose(name: string, tokens?: number): ProjectorChoice {
		const entry = this.#manifest.projectors[name];
		if (!entry)
			throw new InputError(
				`The model ${this.#manifest.name} has no projector "${name}"; it has ${Object.keys(this.#manifest.projectors).join(', ')}.`
			);
		const M = tokens ?? entry.num_query_tokens;
		if (M !== entry.num_query_tokens) {
			const patches = gridSide(this.#manifest.config.vision_config) ** 2;
			if (!entry.flexible)
				throw new InputError(
					`The projector "${name}" gives ${entry.num_query_tokens} visual tokens and cannot give ${M}; leave the number out.`
				);
			if (!(M >= 1 && M <= patches && Number.isInteger(Math.sqrt(M))))
				throw new InputError(
					`The projector "${name}" cannot give ${M} visual tokens; choose a square number from 1 to ${patches}.`
				);
		}
		return { name, entry, tokens: M, perImage: M + entry.num_eos_tokens };
	}

	hasFeatures(image: ImageInput): boolean {
		return this.#features.get(image.id) !== undefined;
	}

	/** Runs the vision tower and keeps the image's features; with a recorder also when they are known. */
	async encode(image: ImageInput, choice: ProjectorChoice, recorder?: TraceRecorder): Promise<void> {
		if (this.hasFeatures(image) && !recorder) return;
		const decoded = image.pixels ?? (await this.#decode(image.bytes, image.name));
		const pixels = preprocess([decoded], this.#manifest.image);
		recorder?.add('pixel_values', pixels);
		const vision = await this.#visionSession();
		const layers = [
			...new Set(Object.values(this.#manifest.projectors).map((projector) => projector.feature_layer))
		];
		const names = layers.map((layer) => `vision.features.${layer}`);
		const traced = recorder
			? vision
					.outputsNamed(['vision.'])
					.filter((name) => !name.startsWith('vision.features.') && recorder.wants(name))
			: [];
		const input = new this.#backend.Tensor('float32', pixels.data, pixels.dims);
		const outputs = await vision.run({ pixel_values: input }, [...names, ...traced]);
		for (const name of traced) recorder!.add(name, await toTensor(outputs[name]!));
		const own = outputs[`vision.features.${choice.entry.feature_layer}`]!;
		recorder?.add('vision.features', await toTensor(own));
		const features = new Map<number, Float32Array>();
		for (const layer of layers) features.set(layer, await toFloats(outputs[`vision.features.${layer}`]!));
		this.#features.set(image.id, features);
		disposeAll(Object.values(outputs));
	}

	/** Drops what is kept of an image and of its visual tokens through this projector. */
	forget(image: ImageInput, choice: ProjectorChoice): void {
		this.#features.delete(image.id);
		this.#embeds.delete(embedsKey(image, choice));
	}

	hasEmbeds(image: ImageInput, choice: ProjectorChoice): boolean {
		return this.#embeds.get(embedsKey(image, choice)) !== undefined;
	}

	/** `visual_embeds` [perImage, hidden] of an image that was encoded. */
	async project(image: ImageInput, choice: ProjectorChoice, recorder?: TraceRecorder): Promise<Float32Array> {
		const key = embedsKey(image, choice);
		const known = this.#embeds.get(key);
		if (known && !recorder) return known;
		const features = this.features(image, choice);
		const session = await this.#projectorSession(choice.name);
		const traced = recorder ? session.outputsNamed(['proj.']).filter((name) => recorder.wants(name)) : [];
		const outputs = await this.#runProjector(session, choice, features, 1, ['visual_embeds', ...traced]);
		for (const name of traced) recorder!.add(name, await toTensor(outputs[name]!));
		const whole = await toTensor(outputs.visual_embeds!);
		recorder?.add('visual_embeds', whole);
		const embeds = whole.data as Float32Array;
		const expected = choice.perImage * this.#manifest.config.text_config.hidden_size;
		if (embeds.length !== expected)
			throw new Error(
				`The projector ${choice.name} gave [${whole.dims.join(', ')}], expected were ${expected} values.`
			);
		this.#embeds.set(key, embeds);
		return embeds;
	}

	/** `visual_features` [N, E] that a projector reads, of an image that was encoded. */
	features(image: ImageInput, choice: ProjectorChoice): Float32Array {
		const features = this.#features.get(image.id)?.get(choice.entry.feature_layer);
		if (!features) throw new Error(`Image ${image.name} is to be projected before it was seen.`);
		return features;
	}

	/** A projector on any features [batch, N, E], for probes that change them; gives the named graph outputs. */
	projectorRun(choice: ProjectorChoice): ProjectorRun {
		return async (features, batch, wanted) => {
			const session = await this.#projectorSession(choice.name);
			const outputs = await this.#runProjector(session, choice, features, batch, wanted);
			const tensors: Record<string, Tensor> = {};
			for (const name of wanted) tensors[name] = await toTensor(outputs[name]!);
			return tensors;
		};
	}

	#runProjector(
		session: GraphSession,
		choice: ProjectorChoice,
		features: Float32Array,
		batch: number,
		wanted: readonly string[]
	): Promise<Record<string, OrtTensor>> {
		const { Tensor } = this.#backend;
		const side = gridSide(this.#manifest.config.vision_config);
		const N = side * side;
		const M = choice.tokens;
		return session.run(
			{
				visual_features: new Tensor('float32', features, [batch, N, features.length / (batch * N)]),
				...(session.hasInput('pooling_matrix') && {
					pooling_matrix: new Tensor('float32', poolingMatrix(side, Math.sqrt(M)), [M, N])
				})
			},
			wanted
		);
	}

	async dispose(): Promise<void> {
		const sessions = [...this.#projectors.values(), ...(this.#vision ? [this.#vision] : [])];
		this.#projectors.clear();
		this.#vision = undefined;
		for (const session of await Promise.allSettled(sessions))
			if (session.status === 'fulfilled') await session.value.release();
	}

	#visionSession(onBytes?: OnBytes): Promise<GraphSession> {
		return (this.#vision ??= this.#create(this.#manifest.graphs.vision, onBytes, () => {
			this.#vision = undefined;
		}));
	}

	#projectorSession(name: string, onBytes?: OnBytes): Promise<GraphSession> {
		const known = this.#projectors.get(name);
		if (known) return known;
		const session = this.#create(this.choose(name).entry, onBytes, () => this.#projectors.delete(name));
		this.#projectors.set(name, session);
		return session;
	}

	#create(
		files: Parameters<Backend['createSession']>[0]['files'],
		onBytes: OnBytes | undefined,
		forget: () => void
	): Promise<GraphSession> {
		const session = GraphSession.create(this.#backend, { folder: this.#folder, files, onBytes });
		session.catch(forget);
		return session;
	}
}

/** Names an image's `visual_embeds`. */
export const embedsKey = (image: ImageInput, { name, tokens }: ProjectorChoice): string =>
	`${image.id}/${name}/${tokens}`;
