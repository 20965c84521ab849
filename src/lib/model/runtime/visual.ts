import type { GridShape } from '../../analysis/grid.ts';
import { tokenPatchMap } from '../../analysis/map.ts';
import { Lru } from '../../bytes/lru.ts';
import type { Tensor as OrtTensor } from 'onnxruntime-common';
import { InputError } from '../../tensor/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { attentionDistances, attentionToClass } from '../../analysis/tower-attention.ts';
import { readModelFile, withOutputs } from '../../onnx/model-file.ts';
import { familyOf } from '../families/registry.ts';
import { NEWLINE, wholeOf, type ImageProcessor, type Size, type View } from '../image/processor.ts';
import type { ImageDecoder, RgbImage } from '../image/rgb.ts';
import { transparencyOf, type Transparency } from '../image/transparency.ts';
import { gridSide } from '../config.ts';
import { networksOf, type ModelManifest } from '../manifest.ts';
import { inImageOrder, patchGrid } from '../patch-grid.ts';
import { attentionValue } from '../vision/encoder-layer.ts';
import type { LocalityMaps, Projector, ProjectorGradient, ProjectorRun } from '../probes/locality.ts';
import { squaresOutput, tokenGradientGraph, vectorFeeds } from '../probes/token-gradients.ts';
import { NEWLINE_OUTPUT } from '../projectors/definition.ts';
import { projectorOf } from '../projectors/registry.ts';
import { towerOf, type Tower } from '../vision/towers.ts';
import type { Backend, SessionRequest } from './backend.ts';
import { disposeAll, GraphSession, toFloats, toTensor } from './graph-session.ts';
import type { ModelFolder, OnBytes } from './model-folder.ts';
import { pause } from './pause.ts';
import type { Sources } from './prompt.ts';
import type { TraceRecorder } from './trace-recorder.ts';
import type { Control, ImageInput, TowerAttention, TowerAttentionRequest } from './types.ts';
import { embedsKey, rowOf, type ProjectorChoice, type VisualSource } from './visual-rows.ts';

/** Features of one image: [N, E] of each view, for every layer that some projector reads. */
type Features = ReadonlyMap<number, readonly Float32Array[]>;

/** Images whose features are kept; one of 576 patches takes 2.4 MB. */
const KEPT_IMAGES = 8;
const KEPT_EMBEDS = 32;
const KEPT_SIZES = 256;
/** Attention that is held at once; a layer of CLIP ViT-L/14-336 takes 21 MB. */
const ATTENTION_BYTES = 256 * 2 ** 20;

interface EncodeOptions {
	readonly recorder?: TraceRecorder | undefined;
	readonly signal?: AbortSignal | undefined;
}

/** Vision tower and projectors, with what they computed last. */
export class VisualModel implements Sources {
	readonly #backend: Backend;
	readonly #folder: ModelFolder;
	readonly #decode: ImageDecoder;
	readonly #transparency: Transparency;
	readonly #projectors = new Map<string, Promise<GraphSession>>();
	readonly #features = new Lru<string, Features>(KEPT_IMAGES);
	readonly #embeds = new Lru<string, Float32Array>(KEPT_EMBEDS);
	readonly #processor: ImageProcessor;
	readonly #tower: Tower;
	/** Sizes of images, for families whose number of views depends on it. */
	readonly #sizes = new Lru<string, Size>(KEPT_SIZES);
	/** The image that was decoded last. */
	#decoded: { readonly id: string; readonly image: RgbImage } | undefined;
	#vision: Promise<GraphSession> | undefined;
	/** The derivatives that were asked for last; another projector's, or another output's, take its place. */
	#gradients: { readonly key: string; readonly session: Promise<GraphSession> } | undefined;

	/** @param transparency of transparent pictures; the model folder's own choice when absent */
	constructor(backend: Backend, folder: ModelFolder, decode: ImageDecoder, transparency?: Transparency) {
		this.#backend = backend;
		this.#folder = folder;
		this.#decode = decode;
		this.#transparency = transparency ?? transparencyOf(folder.manifest.image);
		this.#processor = familyOf(folder.manifest).imageProcessor(folder.manifest.image);
		this.#tower = towerOf(folder.manifest.config.vision_config);
	}

	get #manifest(): ModelManifest {
		return this.#folder.manifest;
	}

	/** Loads the graphs that an answer through this projector needs. */
	async load(projector: string, onBytes?: OnBytes, onSession?: (name: string) => void): Promise<void> {
		onSession?.('vision tower');
		await this.#visionSession(onBytes);
		onSession?.(`projector ${projector}`);
		const { entry } = this.choose(projector);
		for (const view of networksOf(entry).keys()) await this.#projectorSession(projector, onBytes, view);
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
		if (entry.tokens_by === 'picture') {
			const own = { name, entry, tokens: entry.num_query_tokens };
			return M === entry.num_query_tokens ? own : { ...own, asked: M };
		}
		if (M !== entry.num_query_tokens) {
			if (entry.tokens_by === 'fixed')
				throw new InputError(
					`The projector "${name}" gives ${entry.num_query_tokens} visual tokens and cannot give ${M}; leave the number out.`
				);
			const square = entry.tokens_by === 'squares';
			if (!(
				Number.isInteger(M) &&
				M >= 1 &&
				M <= entry.most_tokens &&
				(!square || Number.isInteger(Math.sqrt(M)))
			))
				throw new InputError(
					`The projector "${name}" cannot give ${M} visual tokens; choose a ${square ? 'square' : 'whole'} number from 1 to ${entry.most_tokens}.`
				);
		}
		return { name, entry, tokens: M };
	}

	/** Finds out what views each image makes, where that depends on the image. */
	async measure(images: readonly ImageInput[]): Promise<void> {
		for (const image of images)
			if (this.#mustMeasure(image)) {
				const { width, height } = await this.#pixelsOf(image);
				this.#sizes.set(image.id, { width, height });
			}
	}

	/** Whether `measure` has something to find out. */
	mustMeasure(images: readonly ImageInput[]): boolean {
		return images.some((image) => this.#mustMeasure(image));
	}

	#mustMeasure(image: ImageInput): boolean {
		return !this.#sameViews && this.#sizes.get(image.id) === undefined;
	}

	/** Whether all images have the same views, but for what of them these show. */
	get #sameViews(): boolean {
		return this.#processor.fixedViews !== undefined && !this.#tower.anySize;
	}

	/** The image's views, as a prompt may name them. @throws Error when it must be measured first */
	views(image: ImageInput): readonly Omit<View, 'region'>[] {
		if (this.#sameViews) return this.#processor.views({ width: 1, height: 1 });
		const size = this.#sizes.get(image.id);
		if (!size) throw new Error(`Image ${image.name} is to be counted before it was measured.`);
		return this.#processor.views(size);
	}

	/** Where an image's visual tokens come from, and in which order they enter the prompt. @throws Error when it must be measured first */
	source(image: ImageInput, choice: ProjectorChoice): VisualSource {
		const views = this.views(image);
		const M = this.#tokens(choice, views[0] ?? {});
		const perView = M + choice.entry.num_eos_tokens;
		const seen = views.length * perView;
		const { layout } = this.#processor;
		const places = layout?.(this.#sizes.get(image.id)!, M);
		return {
			...{ image, choice, M, perView, tokens: views.length * M },
			rows: seen + (choice.entry.config.image_newline ? 1 : 0),
			layout: places
				? places.map((place) => (place === NEWLINE ? seen : rowOf({ M, perView }, place)))
				: Array.from({ length: seen }, (_, row) => row)
		};
	}

	/** M of a view. */
	#tokens({ name, entry, tokens, asked }: ProjectorChoice, view: Pick<View, 'grid'>): number {
		const M = projectorOf(entry.config).tokensOf?.(this.#grid(view));
		if (M !== undefined && asked !== undefined && asked !== M)
			throw new InputError(
				`The projector "${name}" makes ${M} visual tokens of a picture of this size and cannot give ${asked}; leave the number out.`
			);
		return M ?? tokens;
	}

	#grid(view: Pick<View, 'grid'>): GridShape {
		return patchGrid(this.#manifest.config.vision_config, view);
	}

	async #pixelsOf(image: ImageInput): Promise<RgbImage> {
		if (image.pixels) return image.pixels;
		if (this.#decoded?.id !== image.id)
			this.#decoded = {
				id: image.id,
				image: await this.#decode(image.bytes, image.name, this.#transparency)
			};
		return this.#decoded.image;
	}

	hasFeatures(image: ImageInput): boolean {
		return this.#features.get(image.id) !== undefined;
	}

	/**
	 * Runs the vision tower on every view and keeps the image's features; with a recorder also when they are known. Aborted, it keeps
	 * nothing.
	 */
	async encode(
		image: ImageInput,
		choice: ProjectorChoice,
		{ recorder, signal }: EncodeOptions = {}
	): Promise<void> {
		if (this.hasFeatures(image) && !recorder) return;
		const pixels = this.#processor.pixels(await this.#pixelsOf(image));
		this.#decoded = undefined;
		recorder?.add('pixel_values', pixels);
		const vision = await this.#visionSession();
		const layers = [
			...new Set(Object.values(this.#manifest.projectors).flatMap((projector) => projector.feature_layers))
		];
		const traced = recorder
			? vision
					.outputsNamed(['vision.'])
					.filter((name) => !name.startsWith('vision.features.') && recorder.wants(name))
			: [];
		const [count = 0, ...shape] = pixels.dims;
		const size = pixels.data.length / count;
		const features = new Map(layers.map((layer): [number, Float32Array[]] => [layer, []]));
		const views = this.views(image);
		// One image at a time: the attention of many at once takes more memory than there may be.
		for (let view = 0; view < count; view++) {
			if (view > 0) await pause();
			if (signal?.aborted) return;
			const one = pixels.data.subarray(view * size, (view + 1) * size);
			const more = this.#tower.anySize?.feeds(this.#grid(views[view] ?? {})) ?? {};
			const outputs = await vision.run(
				{
					pixel_values: new this.#backend.Tensor('float32', one, [1, ...shape]),
					...this.#feedsOf(more)
				},
				[...layers.map(featuresName), ...traced]
			);
			for (const name of traced) recorder!.add(name, await toTensor(outputs[name]!));
			const read = choice.entry.feature_layers;
			recorder?.add('vision.features', await toTensor(outputs[featuresName(read.at(-1)!)]!));
			if (read.length > 1)
				for (const layer of read)
					recorder?.add(featuresName(layer), await toTensor(outputs[featuresName(layer)]!));
			for (const [layer, all] of features) all.push(await toFloats(outputs[featuresName(layer)]!));
			disposeAll(Object.values(outputs));
		}
		this.#features.set(
			image.id,
			new Map([...features].map(([layer, all]) => [layer, joinCrops(all, views)]))
		);
	}

	/**
	 * Attention inside the vision tower, layer by layer, from the stored graph: what it computes on its way is made its output. That graph is
	 * held only as long.
	 * @throws InputError for a layer or view that is not there
	 */
	async attention(
		{ image, view, layers, whole = false }: TowerAttentionRequest,
		{ signal, onProgress }: Control = {}
	): Promise<TowerAttention> {
		const { vision_config } = this.#manifest.config;
		// Its patches are in an order of their own, and figures of them know square grids only.
		if (this.#tower.anySize)
			throw new InputError(
				`The vision tower of ${this.#manifest.name} takes pictures of any size; its attention cannot be read here.`
			);
		const files = this.#manifest.graphs.vision;
		const known = attentionLayers(await this.#folder.read(files.graph));
		if (known.length === 0)
			throw new InputError(
				`The vision tower of ${this.#manifest.name} has no attention that can be read; convert the checkpoint again.`
			);
		const wanted = layers ?? known;
		const unknown = wanted.find((layer) => !known.includes(layer));
		if (unknown !== undefined)
			throw new InputError(`The vision tower computes no layer ${unknown}; there are 0 to ${known.at(-1)}.`);
		const { data, dims } = this.#processor.pixels(await this.#pixelsOf(image));
		this.#decoded = undefined;
		const [views = 0, ...shape] = dims;
		const chosen = view ?? wholeOf(this.views(image));
		if (!(chosen >= 0 && chosen < views))
			throw new InputError(`The picture has no view ${chosen}; there are 0 to ${views - 1}.`);
		const size = data.length / views;
		const pixels = data.subarray(chosen * size, (chosen + 1) * size);
		const { classTokens } = this.#tower;
		const heads = vision_config.num_attention_heads;
		const side = gridSide(vision_config);
		const positions = classTokens + side * side;
		const L = wanted.length;
		const distance = new Float32Array(L * heads);
		const toClass = new Float32Array(L * heads);
		const all = new Float32Array(whole ? L * heads * positions ** 2 : 0);
		// One that is asked for stands beside many that are not: so many outputs at once as there is room for.
		const together = Math.max(1, Math.floor(ATTENTION_BYTES / (4 * heads * positions ** 2)));
		for (let from = 0; from < L; from += together) {
			signal?.throwIfAborted();
			const part = wanted.slice(from, from + together);
			const names = part.map(attentionValue);
			const session = await GraphSession.create(this.#backend, {
				folder: this.#folder,
				files,
				rewrite: (graph) => withOutputs(graph, names)
			});
			try {
				const outputs = await session.run(
					{ pixel_values: new this.#backend.Tensor('float32', pixels, [1, ...shape]) },
					names
				);
				for (const [i, name] of names.entries()) {
					const weights = await toFloats(outputs[name]!);
					const at = { heads, classTokens, side };
					distance.set(attentionDistances(weights, at), (from + i) * heads);
					toClass.set(attentionToClass(weights, at), (from + i) * heads);
					if (whole) all.set(weights, (from + i) * weights.length);
				}
				disposeAll(Object.values(outputs));
			} finally {
				await session.release();
			}
			onProgress?.({ done: from + part.length, total: L });
		}
		const rows = whole ? [L, heads, positions, positions] : [0, heads, positions, positions];
		return {
			layers: [...wanted],
			...{ classTokens, patches: side * side, distance, toClass },
			attention: { dtype: 'float32', dims: rows, data: all }
		};
	}

	/** Drops what is kept of an image and of its visual tokens through this projector. */
	forget(image: ImageInput, choice: ProjectorChoice): void {
		this.#features.delete(image.id);
		this.#embeds.delete(embedsKey(image, choice));
	}

	hasEmbeds(image: ImageInput, choice: ProjectorChoice): boolean {
		return this.#embeds.get(embedsKey(image, choice)) !== undefined;
	}

	/** `visual_embeds` [rows, hidden] of an image that was encoded: view by view, then the newline where the projector has one. */
	async project(image: ImageInput, choice: ProjectorChoice, recorder?: TraceRecorder): Promise<Float32Array> {
		const key = embedsKey(image, choice);
		const known = this.#embeds.get(key);
		if (known && !recorder) return known;
		const { hidden_size } = this.#manifest.config.text_config;
		const { perView } = this.source(image, choice);
		const views = this.views(image);
		const expected = perView * hidden_size;
		const newline = choice.entry.config.image_newline ? [NEWLINE_OUTPUT] : [];
		const embeds = new Float32Array(views.length * expected + newline.length * hidden_size);
		for (const [view, seen] of views.entries()) {
			const session = await this.#projectorSession(choice.name, undefined, view);
			const traced = recorder ? session.outputsNamed(['proj.']).filter((name) => recorder.wants(name)) : [];
			const tensors = this.#projectorTensors(choice, this.features(image, choice, view), 1, seen);
			const feeds = this.#feedsOf(tensors);
			const outputs = await session.run(feeds, ['visual_embeds', ...newline, ...traced]);
			for (const name of traced) recorder!.add(name, await toTensor(outputs[name]!));
			const whole = await toTensor(outputs.visual_embeds!);
			recorder?.add('visual_embeds', whole);
			if (whole.data.length !== expected)
				throw new Error(
					`The projector ${choice.name} gave [${whole.dims.join(', ')}], expected were ${expected} values.`
				);
			embeds.set(whole.data as Float32Array, view * expected);
			for (const name of newline) embeds.set(await toFloats(outputs[name]!), views.length * expected);
		}
		this.#embeds.set(key, embeds);
		return embeds;
	}

	/** `visual_features` [N, E] that a projector reads, of one view of an image that was encoded. */
	features(image: ImageInput, choice: ProjectorChoice, view = 0): Float32Array {
		const layers = choice.entry.feature_layers.map((layer) => {
			const known = this.#features.get(image.id)?.get(layer)?.[view];
			if (!known) throw new Error(`Image ${image.name} is to be projected before it was seen.`);
			return known;
		});
		const [first] = layers;
		if (layers.length === 1) return first!;
		const { rows, columns } = this.#grid(this.views(image)[view]!);
		return joinChannels(layers, rows * columns);
	}

	/**
	 * A projector on any features of a view, for probes.
	 * @param view of an image that was measured
	 * @param index which of its views that is
	 */
	projector(choice: ProjectorChoice, view: Pick<View, 'grid'>, index: number): Projector {
		return {
			run: this.#projectorRun(choice, view, index),
			gradient: this.#projectorGradient(choice, view, index)
		};
	}

	#projectorRun(choice: ProjectorChoice, view: Pick<View, 'grid'>, index: number): ProjectorRun {
		return async (features, batch, wanted) => {
			const session = await this.#projectorSession(choice.name, undefined, index);
			const feeds = this.#feedsOf(this.#projectorTensors(choice, features, batch, view));
			const outputs = await session.run(feeds, wanted);
			const tensors: Record<string, Tensor> = {};
			for (const name of wanted) tensors[name] = await toTensor(outputs[name]!);
			return tensors;
		};
	}

	#projectorGradient(choice: ProjectorChoice, view: Pick<View, 'grid'>, index: number): ProjectorGradient {
		return async (features, output, shape, vectors) => {
			const tensors = this.#projectorTensors(choice, features, 1, view);
			const session = await this.#gradientSession(choice, index, output, tensors);
			const feeds = this.#feedsOf({ ...tensors, ...vectorFeeds(shape, vectors) });
			const { [squaresOutput]: squares } = await session.run(feeds, [squaresOutput]);
			return toFloats(squares!);
		};
	}

	/** The derivatives of an output, for inputs of these shapes. */
	async #gradientSession(
		choice: ProjectorChoice,
		view: number,
		output: string,
		inputs: Readonly<Record<string, Tensor>>
	): Promise<GraphSession> {
		const files = this.#networkOf(choice.name, view);
		// Whole numbers among the inputs are sizes: the graph is made for them.
		const sizes = Object.entries(inputs).map(([name, { dtype, dims, data }]) =>
			[name, ...dims, ...(dtype === 'float32' ? [] : data)].join()
		);
		const key = [files.graph, output, ...sizes].join('|');
		if (this.#gradients?.key !== key) {
			await this.#releaseGradients();
			const rewrite = (graph: Uint8Array) => tokenGradientGraph(graph, output, inputs);
			const session = this.#create({ files, rewrite }, () => {
				if (this.#gradients?.session === session) this.#gradients = undefined;
			});
			this.#gradients = { key, session };
		}
		return this.#gradients.session;
	}

	async #releaseGradients(): Promise<void> {
		const held = this.#gradients;
		this.#gradients = undefined;
		await held?.session.then(
			(session) => session.release(),
			() => undefined
		);
	}

	/** Maps over a view's patches, which the projector was given in the tower's order, as maps over the picture. */
	mapsOnImage(maps: LocalityMaps, view: Pick<View, 'grid'>): LocalityMaps {
		if (!this.#tower.anySize) return maps;
		const { vision_config } = this.#manifest.config;
		const grid = this.#grid(view);
		return Object.fromEntries(
			Object.entries(maps).map(([name, { dtype, dims, data }]) => {
				const patches = dims.at(-1)!;
				const map = tokenPatchMap(data.length / patches, patches, data);
				return [name, { dtype, dims, data: inImageOrder(vision_config, grid, map).data }];
			})
		);
	}

	#projectorTensors(
		choice: ProjectorChoice,
		features: Float32Array,
		batch: number,
		view: Pick<View, 'grid'>
	): Record<string, Tensor> {
		const grid = this.#grid(view);
		const N = grid.rows * grid.columns;
		const dims = [batch, N, features.length / (batch * N)];
		return {
			visual_features: { dtype: 'float32', dims, data: features },
			...projectorOf(choice.entry.config).feeds?.(this.#tokens(choice, view), grid)
		};
	}

	#feedsOf(tensors: Readonly<Record<string, Tensor>>): Record<string, OrtTensor> {
		const { Tensor } = this.#backend;
		return Object.fromEntries(
			Object.entries(tensors).map(([name, { dtype, data, dims }]) => [
				name,
				new Tensor(dtype as 'float32', data as Float32Array, dims)
			])
		);
	}

	async dispose(): Promise<void> {
		await this.#releaseGradients();
		const sessions = [...this.#projectors.values(), ...(this.#vision ? [this.#vision] : [])];
		this.#projectors.clear();
		this.#vision = undefined;
		for (const session of await Promise.allSettled(sessions))
			if (session.status === 'fulfilled') await session.value.release();
	}

	#visionSession(onBytes?: OnBytes): Promise<GraphSession> {
		return (this.#vision ??= this.#create({ files: this.#manifest.graphs.vision, onBytes }, () => {
			this.#vision = undefined;
		}));
	}

	/** @param view whose network is wanted, where each has one */
	#networkOf(name: string, view: number): SessionRequest['files'] {
		const networks = networksOf(this.choose(name).entry);
		return networks[Math.min(view, networks.length - 1)]!;
	}

	/** @param view whose network is wanted, where each has one */
	#projectorSession(name: string, onBytes?: OnBytes, view = 0): Promise<GraphSession> {
		const files = this.#networkOf(name, view);
		const key = files.graph;
		const known = this.#projectors.get(key);
		if (known) return known;
		const session = this.#create({ files, onBytes }, () => this.#projectors.delete(key));
		this.#projectors.set(key, session);
		return session;
	}

	#create(request: Omit<SessionRequest, 'folder'>, forget: () => void): Promise<GraphSession> {
		const session = GraphSession.create(this.#backend, { folder: this.#folder, ...request });
		session.catch(forget);
		return session;
	}
}

/** Layers whose attention a stored graph computes. */
function attentionLayers(graph: Uint8Array): number[] {
	const made = new Set(readModelFile(graph).nodes.flatMap(({ outputs }) => outputs));
	const layers: number[] = [];
	while (made.has(attentionValue(layers.length))) layers.push(layers.length);
	return layers;
}

const featuresName = (layer: number) => `vision.features.${layer}`;

/** Features of the tower's images as those of views, in which crops of a picture lie side by side: [N, E] each. */
function joinCrops(
	images: readonly Float32Array[],
	views: readonly Pick<View, 'crops' | 'grid'>[]
): Float32Array[] {
	let at = 0;
	return views.map(({ crops, grid }) => {
		if (!crops || !grid) return images[at++]!;
		const own = images.slice(at, (at += crops.rows * crops.columns));
		const [rows, columns] = [grid.rows / crops.rows, grid.columns / crops.columns];
		const E = own[0]!.length / (rows * columns);
		const joined = new Float32Array(grid.rows * grid.columns * E);
		own.forEach((features, i) => {
			const [top, left] = [Math.floor(i / crops.columns) * rows, (i % crops.columns) * columns];
			for (let row = 0; row < rows; row++)
				joined.set(
					features.subarray(row * columns * E, (row + 1) * columns * E),
					((top + row) * grid.columns + left) * E
				);
		});
		return joined;
	});
}

/** Features [N, E] of several layers as [N, sum of E]. */
function joinChannels(layers: readonly Float32Array[], N: number): Float32Array {
	const width = layers.reduce((sum, { length }) => sum + length / N, 0);
	const joined = new Float32Array(N * width);
	let at = 0;
	for (const layer of layers) {
		const E = layer.length / N;
		for (let n = 0; n < N; n++) joined.set(layer.subarray(n * E, (n + 1) * E), n * width + at);
		at += E;
	}
	return joined;
}
