import { sentence } from '../../bytes/sentence.ts';
import { createContext } from 'svelte';
import type { AnswerRequest, SamplingOptions } from '../../model/runtime/types.ts';
import type { BackendChoice, LoadedModel, WorkerState } from '../../../workers/model/api.ts';
import { gridSide } from '../../model/config.ts';
import type { ModelManifest, ProjectorEntry } from '../../model/manifest.ts';
import { greedy } from '../../model/runtime/sampling.ts';
import type { ModelClient } from './client.ts';
import { Exchange } from '../chat/exchange.svelte.ts';
import type { SessionImage } from './images.ts';
import type { ModelListing } from './models.ts';
import { isNumber, isString, type Memory, oneOf, recall, remember } from './storage.ts';
import { tokenChoices } from '../../study/tokens.ts';
import { type Context, turnsOf } from '../chat/turns.ts';

export interface SessionParts {
	readonly client: ModelClient;
	readonly memory: Memory;
	readonly listModels: () => Promise<readonly ModelListing[]>;
	readonly openImage: (file: Blob, name: string) => Promise<SessionImage>;
	readonly sampleScenes: () => Promise<readonly SessionImage[]>;
	/** Backend forced by the page's address, before the remembered one. */
	readonly forcedBackend?: BackendChoice;
}

/** A page that shows something about one word of an answer. */
export interface WordReader {
	/** Of the exchange with this id, the word that is shown. */
	readonly lit: { readonly exchange: number; readonly word: number } | undefined;
	read(exchange: Exchange, word: number): void;
}

/**
 * Everything the page shows and every action it offers: the model and how it is run, the images, the conversation.
 * It talks to the model only through its client, and outlives the worker: after a crash the conversation is still here.
 */
export class Session {
	/** Undefined until the list has been read. */
	models = $state.raw<readonly ModelListing[] | undefined>();
	modelsError = $state<string | undefined>();
	/** Name of the chosen model. */
	model = $state<string | undefined>();
	worker = $state.raw<WorkerState>({ status: 'idle' });
	/** The chosen model's manifest; stays while its worker restarts. */
	manifest = $state.raw<ModelManifest | undefined>();
	loaded = $state.raw<LoadedModel | undefined>();
	projector = $state<string | undefined>();
	backendChoice = $state<BackendChoice>('auto');

	/** Images put in, the newest first; `scenes` are the samples. */
	images = $state.raw<readonly SessionImage[]>([]);
	scenes = $state.raw<readonly SessionImage[] | undefined>();
	scenesError = $state<string | undefined>();
	image = $state.raw<SessionImage | undefined>();
	imageError = $state<string | undefined>();

	exchanges = $state.raw<readonly Exchange[]>([]);
	/** What reads single words of answers, while such a page is open. */
	wordReader = $state.raw<WordReader | undefined>();
	draft = $state('');
	promptError = $state<string | undefined>();
	context = $state<Context>('image');
	sampling = $state<SamplingOptions>({ ...greedy });

	/** Chosen M by projector, where it is not the projector's own. */
	#tokens = $state<Record<string, number>>({});
	#parts: SessionParts;
	#ready: Promise<LoadedModel> | undefined;
	#current: Exchange | undefined;
	/** The exchange whose answer ended with its worker; it is asked again when the model is back. */
	#cut: Exchange | undefined;
	/** Stops the answer being written, and nothing else that the model does. */
	#stopping: AbortController | undefined;
	#composed: SessionImage | undefined;
	#nextId = 1;
	/** Answers begun so far. */
	#runs = 0;
	#unsubscribe: () => void;

	constructor(parts: SessionParts) {
		this.#parts = parts;
		this.backendChoice =
			parts.forcedBackend ?? recall(parts.memory, 'backend', oneOf('auto', 'webgpu', 'wasm'), 'auto');
		this.worker = parts.client.state;
		this.#unsubscribe = parts.client.subscribe((state) => this.#follow(state));
	}

	/** Reads the list of models, loads the one used last, and puts in a sample scene. */
	async start(): Promise<void> {
		await Promise.all([this.#startModel(), this.#startScenes()]);
	}

	/** The loaded model's worker; for what pages compute themselves (`study.svelte.ts`). */
	get client(): ModelClient {
		return this.#parts.client;
	}

	// ---- model -------------------------------------------------------------------------------------------------

	get listing(): ModelListing | undefined {
		return this.models?.find((model) => model.name === this.model);
	}

	get projectorEntry(): ProjectorEntry | undefined {
		return this.projector === undefined ? undefined : this.manifest?.projectors[this.projector];
	}

	get projectorNames(): string[] {
		return Object.keys(this.manifest?.projectors ?? {});
	}

	/** M: visual tokens of each image. */
	get tokens(): number | undefined {
		const entry = this.projectorEntry;
		if (entry === undefined || this.projector === undefined) return undefined;
		return this.#tokens[this.projector] ?? entry.num_query_tokens;
	}

	get tokenChoices(): number[] {
		const entry = this.projectorEntry;
		if (entry === undefined || this.manifest === undefined) return [];
		return tokenChoices(entry, gridSide(this.manifest.config.vision_config));
	}

	async chooseModel(name: string): Promise<void> {
		if (name !== this.model) {
			this.manifest = undefined;
			this.projector = undefined;
			this.#tokens = {};
		}
		this.model = name;
		remember(this.#parts.memory, 'model', name);
		await this.#load();
	}

	/** Reads the list of models again, after one was added or deleted. */
	async relist(): Promise<void> {
		try {
			this.models = await this.#parts.listModels();
			this.modelsError = undefined;
		} catch (error) {
			this.modelsError = sentence(error);
		}
	}

	chooseProjector(name: string): void {
		this.projector = name;
		remember(this.#parts.memory, `projector.${this.model}`, name);
	}

	chooseTokens(tokens: number): void {
		if (this.projector === undefined) return;
		this.#tokens[this.projector] = tokens;
		remember(this.#parts.memory, `tokens.${this.model}.${this.projector}`, tokens);
	}

	async chooseBackend(choice: BackendChoice): Promise<void> {
		this.backendChoice = choice;
		remember(this.#parts.memory, 'backend', choice);
		await this.#load();
		this.#goOn();
	}

	/** A new worker and the same model in it; images and conversation stay, and an answer that was cut off is asked for again. */
	async restart(): Promise<void> {
		this.#interrupt();
		try {
			await this.#parts.client.restart();
			if (this.#parts.client.state.status !== 'ready') await this.#load();
			else this.#ready = Promise.resolve(this.#parts.client.state.model);
		} catch {
			// The client's state says what failed.
		}
		this.#goOn();
	}

	// ---- images ------------------------------------------------------------------------------------------------

	/** Puts in the files given by drop, paste or picker; the last good one becomes the image. */
	async putFiles(files: readonly File[]): Promise<void> {
		this.imageError = undefined;
		for (const file of files) {
			try {
				this.putImage(await this.#parts.openImage(file, file.name));
			} catch (error) {
				this.imageError = sentence(error);
			}
		}
	}

	/** Makes `image` the one that is asked about and keeps it in the history. */
	putImage(image: SessionImage): void {
		this.imageError = undefined;
		const known = this.images.find(({ id }) => id === image.id);
		if (this.scenes?.includes(image) || known === image) {
			this.image = image;
			return;
		}
		if (known !== undefined) URL.revokeObjectURL(image.url);
		else this.images = [image, ...this.images];
		this.image = known ?? image;
	}

	/** Makes the scene being composed the image; in the history it takes the place of how it was before. */
	putComposed(image: SessionImage): void {
		this.imageError = undefined;
		const known = [...this.images, ...(this.scenes ?? [])].find(({ id }) => id === image.id);
		if (known !== undefined) {
			if (known !== image) URL.revokeObjectURL(image.url);
			this.image = known;
			return;
		}
		const before = this.#composed;
		this.images = [image, ...this.images.filter((other) => other !== before)];
		// The conversation still shows what it was asked about.
		if (before !== undefined && this.exchanges.every((exchange) => exchange.image !== before))
			URL.revokeObjectURL(before.url);
		this.#composed = image;
		this.image = image;
	}

	// ---- conversation ------------------------------------------------------------------------------------------

	get busy(): boolean {
		return this.exchanges.some((exchange) => exchange.open);
	}

	/** Asks about the current image. Resolves when the answer is whole, stopped or failed. */
	async ask(text: string): Promise<void> {
		const question = text.trim();
		this.promptError = undefined;
		if (question === '') {
			this.promptError = 'Type a question first.';
			return;
		}
		if (this.busy) {
			this.promptError = 'An answer is still being written; wait for it or stop it first.';
			return;
		}
		if (this.#ready === undefined) {
			this.promptError =
				this.models?.length === 0 ? 'There is no model to ask yet.' : 'Choose a model first.';
			return;
		}
		const exchange = new Exchange(this.#nextId++, question, this.image);
		this.exchanges = [...this.exchanges, exchange];
		this.draft = '';
		await this.#run(exchange);
	}

	/** Asks the same question about the same image again, with the projector and M chosen now. */
	async retry(exchange: Exchange): Promise<void> {
		if (this.busy) return;
		await this.#run(exchange);
	}

	/** Stops the answer being written; what there is of it stays. */
	async stop(): Promise<void> {
		const exchange = this.#current;
		if (exchange === undefined) return;
		if (exchange.status === 'waiting') exchange.drop();
		else this.#stopping?.abort();
	}

	clear(): void {
		if (!this.busy) this.exchanges = [];
	}

	dispose(): void {
		this.#unsubscribe();
		for (const image of [...this.images, ...(this.scenes ?? [])]) URL.revokeObjectURL(image.url);
		this.#parts.client.dispose();
	}

	// ---- inside ------------------------------------------------------------------------------------------------

	async #startModel(): Promise<void> {
		try {
			this.models = await this.#parts.listModels();
		} catch (error) {
			this.models = [];
			this.modelsError = sentence(error);
			return;
		}
		const names = this.models.map((model) => model.name);
		const last = recall(this.#parts.memory, 'model', isString, '');
		const name = names.includes(last) ? last : names[0];
		if (name !== undefined) await this.chooseModel(name);
	}

	async #startScenes(): Promise<void> {
		try {
			this.scenes = await this.#parts.sampleScenes();
		} catch (error) {
			this.scenes = [];
			this.scenesError = sentence(error);
		}
		this.image ??= this.scenes[0];
	}

	async #load(): Promise<void> {
		const listing = this.listing;
		if (listing === undefined) return;
		await this.stop();
		const projector = recall(this.#parts.memory, `projector.${listing.name}`, isString, '');
		this.#ready = this.#parts.client.load({
			location: listing.location,
			backend: this.backendChoice,
			...(projector === '' ? {} : { projector })
		});
		try {
			await this.#ready;
		} catch {
			// The client's state says what failed.
		}
	}

	#follow(state: WorkerState): void {
		this.worker = state;
		if (state.status === 'failed') this.#interrupt(state.message);
		if (state.status !== 'ready') return;
		this.loaded = state.model;
		this.manifest = state.model.manifest;
		this.#recallChoices(state.model.manifest);
	}

	/** The projector and M used last with this model, as far as it still offers them. */
	#recallChoices(manifest: ModelManifest): void {
		const names = Object.keys(manifest.projectors);
		const { memory } = this.#parts;
		if (this.projector === undefined || !names.includes(this.projector)) {
			const last = recall(memory, `projector.${this.model}`, isString, '');
			this.projector = names.includes(last) ? last : names[0];
		}
		for (const [name, entry] of Object.entries(manifest.projectors)) {
			const tokens = recall(memory, `tokens.${this.model}.${name}`, isNumber, entry.num_query_tokens);
			if (tokenChoices(entry, gridSide(manifest.config.vision_config)).includes(tokens))
				this.#tokens[name] = tokens;
		}
	}

	async #run(exchange: Exchange): Promise<void> {
		const run = ++this.#runs;
		/** What a dead worker's stream still brings belongs to no answer. */
		const live = () => exchange.open && run === this.#runs;
		exchange.begin();
		const stopping = new AbortController();
		this.#current = exchange;
		this.#stopping = stopping;
		try {
			const model = await this.#ready;
			if (model === undefined || !live()) return;
			const request = this.#request(exchange, model);
			for await (const event of this.#parts.client.answer(request, { signal: stopping.signal })) {
				if (!live()) return;
				exchange.take(event);
			}
			if (live()) exchange.fail('The answer ended before it was whole; ask again.');
		} catch (error) {
			if (live()) exchange.fail(sentence(error));
		} finally {
			if (run === this.#runs) this.#current = undefined;
		}
	}

	#request(exchange: Exchange, { manifest, backend }: LoadedModel): AnswerRequest {
		const { projector, projectorEntry: entry, tokens } = this;
		if (projector === undefined || entry === undefined || tokens === undefined)
			throw new Error('This model has no projector; convert its checkpoint again.');
		const turns = turnsOf(this.exchanges, exchange, this.context, manifest.name);
		const sampling = $state.snapshot(this.sampling);
		const { title: projectorTitle } = entry;
		exchange.run({ model: manifest.name, projector, projectorTitle, tokens, backend, turns, sampling });
		return {
			projector,
			...(tokens === entry.num_query_tokens ? {} : { tokens }),
			turns,
			sampling
		};
	}

	/** Ends the open exchange without waiting for a worker that may be gone. */
	#interrupt(message = 'The model was restarted before the answer was whole; ask again.'): void {
		const exchange = this.#current;
		if (exchange?.open) {
			exchange.fail(message);
			this.#cut = exchange;
		}
		this.#current = undefined;
	}

	/** Asks again what was cut off, the conversation before it included, unless something else was asked since. */
	#goOn(): void {
		const cut = this.#cut;
		if (cut === undefined || this.worker.status !== 'ready') return;
		this.#cut = undefined;
		if (!this.busy && cut.status === 'failed' && this.exchanges.at(-1) === cut) void this.#run(cut);
	}
}

export const [getSession, setSession] = createContext<Session>();
