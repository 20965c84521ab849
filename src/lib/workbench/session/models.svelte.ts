import {
	backendChoices,
	type BackendChoice,
	type LoadedModel,
	type WorkerState
} from '../../../workers/model/api.ts';
import { gridSide } from '../../model/config.ts';
import type { ModelManifest, ProjectorEntry } from '../../model/manifest.ts';
import { sentence } from '../../bytes/sentence.ts';
import type { ModelClient } from './client.ts';
import type { ModelListing } from './model-list.ts';
import { isNumber, isString, type Memory, oneOf, recall, remember } from './storage.ts';
import { tokenChoices } from '../../study/tokens.ts';

export interface ModelsParts {
	readonly client: ModelClient;
	readonly memory: Memory;
	readonly listModels: () => Promise<readonly ModelListing[]>;
	/** Backend forced by the page's address, before the remembered one. */
	readonly forcedBackend?: BackendChoice;
	/** What the page's address asks for; `memory` answers with it until something is chosen. */
	readonly linked?: LinkedChoice;
}

/** What a link asks for of the models. */
export interface LinkedChoice {
	readonly model?: string;
	readonly projector?: string;
	/** M */
	readonly tokens?: number;
}

/** What asks the loaded model, and is told when it goes and when it is back. */
export interface ModelUser {
	/** Another model, or this one on another backend, is about to be loaded. */
	release(): void;
	/** The worker is gone. @param message why, a sentence */
	lost(message: string): void;
	/** The model is there again, in another worker. */
	back(): void;
}

/**
 * The models there are, the one chosen and how it is run: projector, M, backend. It is loaded and restarted here, by its client; what was
 * chosen outlives the worker.
 */
export class Models {
	/** Undefined until it has been read. */
	list = $state.raw<readonly ModelListing[] | undefined>();
	listError = $state<string | undefined>();
	/** Name of the chosen model. */
	chosen = $state<string | undefined>();
	/** Name of the model that a link asks for and that is not here: none is chosen in its place. */
	missing = $state<string | undefined>();
	/** What of a link is shown otherwise than it asks for, a sentence, until something is chosen. */
	fallback = $state<string | undefined>();
	worker = $state.raw<WorkerState>({ status: 'idle' });
	/** The chosen model's manifest; stays while its worker restarts. */
	manifest = $state.raw<ModelManifest | undefined>();
	loaded = $state.raw<LoadedModel | undefined>();
	projector = $state<string | undefined>();
	backendChoice = $state<BackendChoice>('auto');

	/** Chosen M by projector, where it is not the projector's own. */
	#tokens = $state<Record<string, number>>({});
	readonly #parts: ModelsParts;
	readonly #users: ModelUser[] = [];
	readonly #unsubscribe: () => void;
	#ready: Promise<LoadedModel> | undefined;
	/** Number of the newest choice: one that waits for the list gives way to it, and so does the first one at the start. */
	#choice = 0;
	/** Until the first model is there. */
	#linked: LinkedChoice | undefined;

	constructor(parts: ModelsParts) {
		this.#parts = parts;
		this.backendChoice =
			parts.forcedBackend ?? recall(parts.memory, 'backend', oneOf(...backendChoices), 'auto');
		this.#linked = parts.linked;
		this.worker = parts.client.state;
		this.#unsubscribe = parts.client.subscribe((state) => this.#follow(state));
	}

	/** Reads the list of models and loads the one that the link asks for or that was used last. */
	async start(): Promise<void> {
		const choice = this.#choice;
		await this.#readList();
		this.list ??= [];
		// What was chosen meanwhile is not undone.
		if (choice !== this.#choice) return;
		const linked = this.#linked?.model;
		if (linked !== undefined && !this.#has(linked)) {
			this.missing = linked;
			return;
		}
		const last = recall(this.#parts.memory, 'model', isString, '');
		const name = this.#has(last) ? last : this.list[0]?.name;
		if (name !== undefined) await this.choose(name);
	}

	/** The chosen model, being loaded or loaded. Rejects where it cannot be; undefined until one is chosen. */
	get ready(): Promise<LoadedModel> | undefined {
		return this.#ready;
	}

	/** The chosen model's line of the list. */
	get listing(): ModelListing | undefined {
		return this.list?.find((model) => model.name === this.chosen);
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

	/** @param name of the list, which is read again for a model that was added since; one that is not here is `missing` */
	async choose(name: string): Promise<void> {
		const choice = ++this.#choice;
		if (!this.#has(name)) {
			await this.#readList();
			if (choice !== this.#choice) return;
		}
		if (!this.#has(name)) {
			this.#miss(name);
			return;
		}
		if (name !== this.chosen) this.#forget();
		this.missing = this.fallback = undefined;
		this.chosen = name;
		remember(this.#parts.memory, 'model', name);
		await this.#load();
	}

	/**
	 * Chooses what a link asks for. A model that is not here is `missing`, and none is shown in its place; a projector or M that the model
	 * does not offer changes nothing, and `fallback` says so.
	 */
	async follow({ model, projector, tokens }: LinkedChoice): Promise<void> {
		if (model !== undefined && model !== this.chosen) {
			await this.choose(model);
			// It is not here, or another was chosen while it was waited for: the rest of the link is not for that one.
			if (this.chosen !== model) return;
		}
		this.#followProjector({ projector, tokens });
	}

	chooseProjector(name: string): void {
		this.fallback = undefined;
		this.projector = name;
		remember(this.#parts.memory, `projector.${this.chosen}`, name);
	}

	chooseTokens(tokens: number): void {
		if (this.projector === undefined) return;
		this.fallback = undefined;
		this.#tokens[this.projector] = tokens;
		remember(this.#parts.memory, `tokens.${this.chosen}.${this.projector}`, tokens);
	}

	async chooseBackend(choice: BackendChoice): Promise<void> {
		this.backendChoice = choice;
		remember(this.#parts.memory, 'backend', choice);
		await this.#load();
		this.#back();
	}

	/** A new worker and the same model in it. */
	async restart(): Promise<void> {
		const { client } = this.#parts;
		this.#lost('The model was restarted before the answer was whole; ask again.');
		try {
			await client.restart();
			if (client.state.status !== 'ready') await this.#load();
			else this.#ready = Promise.resolve(client.state.model);
		} catch {
			// The client's state says what failed.
		}
		this.#back();
	}

	/** Reads the list of models again, after one was added or deleted. */
	async relist(): Promise<void> {
		await this.#readList();
		const { missing } = this;
		if (missing !== undefined && this.#has(missing)) await this.choose(missing);
	}

	/** Tells `user` of the loaded model's comings and goings from now on. */
	attach(user: ModelUser): void {
		this.#users.push(user);
	}

	dispose(): void {
		this.#unsubscribe();
		this.#parts.client.dispose();
	}

	#has(name: string): boolean {
		return this.list?.some((model) => model.name === name) ?? false;
	}

	/** The list as it was stays where it cannot be read. */
	async #readList(): Promise<void> {
		try {
			this.list = await this.#parts.listModels();
			this.listError = undefined;
		} catch (error) {
			this.listError = sentence(error);
		}
	}

	/** None is shown in place of a model that is not here. */
	#miss(model: string): void {
		for (const user of this.#users) user.release();
		this.#forget();
		this.chosen = this.loaded = this.fallback = this.#ready = undefined;
		this.missing = model;
	}

	async #load(): Promise<void> {
		const { listing } = this;
		if (listing === undefined) return;
		for (const user of this.#users) user.release();
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
		if (state.status === 'failed') this.#lost(state.message);
		if (state.status !== 'ready' || this.chosen === undefined) return;
		this.loaded = state.model;
		this.manifest = state.model.manifest;
		this.#recallChoices(state.model.manifest);
		const linked = this.#linked;
		this.#linked = undefined;
		if (linked && (linked.model === undefined || linked.model === this.chosen)) this.#followProjector(linked);
	}

	#forget(): void {
		this.manifest = undefined;
		this.projector = undefined;
		this.#tokens = {};
	}

	#followProjector({ projector, tokens }: Omit<LinkedChoice, 'model'>): void {
		this.fallback = undefined;
		const { manifest } = this;
		if (projector === undefined || manifest === undefined) return;
		const other = () => `${this.projectorEntry?.title}, M = ${this.tokens}, is shown`;
		if (!this.projectorNames.includes(projector)) {
			this.fallback = `The link asks for the projector “${projector}”, which ${manifest.name} does not have: ${other()}. Choose another at the model.`;
			return;
		}
		if (projector !== this.projector) this.chooseProjector(projector);
		if (tokens === undefined || tokens === this.tokens) return;
		if (this.tokenChoices.includes(tokens)) this.chooseTokens(tokens);
		else
			this.fallback = `The link asks for ${tokens} visual tokens, which the ${this.projectorEntry?.title} of ${manifest.name} does not offer: ${other()}. Choose another M at the model.`;
	}

	/** The projector and M used last with this model, as far as it still offers them. */
	#recallChoices(manifest: ModelManifest): void {
		const names = Object.keys(manifest.projectors);
		const { memory } = this.#parts;
		if (this.projector === undefined || !names.includes(this.projector)) {
			const last = recall(memory, `projector.${this.chosen}`, isString, '');
			this.projector = names.includes(last) ? last : names[0];
		}
		for (const [name, entry] of Object.entries(manifest.projectors)) {
			const tokens = recall(memory, `tokens.${this.chosen}.${name}`, isNumber, entry.num_query_tokens);
			if (tokenChoices(entry, gridSide(manifest.config.vision_config)).includes(tokens))
				this.#tokens[name] = tokens;
		}
	}

	#lost(message: string): void {
		for (const user of this.#users) user.lost(message);
	}

	#back(): void {
		if (this.worker.status === 'ready') for (const user of this.#users) user.back();
	}
}
