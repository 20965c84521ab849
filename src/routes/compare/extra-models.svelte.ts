import type { BackendChoice, LoadedModel, WorkerState } from '../../workers/model/api.ts';
import { createModelClient, type ModelClient } from '$lib/workbench/session/client.ts';
import type { ModelListing } from '$lib/workbench/session/model-list.ts';

/** A model in a worker of its own, as long as a column shows it. */
export class ExtraModel {
	readonly listing: ModelListing;
	readonly client: ModelClient;
	state = $state.raw<WorkerState>({ status: 'idle' });
	readonly #unsubscribe: () => void;

	constructor(listing: ModelListing, client: ModelClient, backend: BackendChoice) {
		this.listing = listing;
		this.client = client;
		this.#unsubscribe = client.subscribe((state) => (this.state = state));
		this.load(backend);
	}

	get loaded(): LoadedModel | undefined {
		return this.state.status === 'ready' ? this.state.model : undefined;
	}

	load(backend: BackendChoice): void {
		// The client's state says what failed.
		void this.client.load({ location: this.listing.location, backend }).catch(() => undefined);
	}

	dispose(): void {
		this.#unsubscribe();
		this.client.dispose();
	}
}

/** Workers beside the session's own. */
export const mostExtra = 2;

/** Models that columns show beside the session's: each has its worker and its memory, and goes with its last column. */
export class ExtraModels {
	all = $state.raw<readonly ExtraModel[]>([]);
	readonly #createClient: () => ModelClient;

	constructor(createClient: () => ModelClient = createModelClient) {
		this.#createClient = createClient;
	}

	get(name: string): ExtraModel | undefined {
		return this.all.find(({ listing }) => listing.name === name);
	}

	/** Weights of the models here, bytes. */
	get weights(): number {
		return this.all.reduce((sum, { loaded }) => sum + (loaded?.manifest.memory.weights ?? 0), 0);
	}

	/** Keeps just these models: starts what is missing, ends what no column shows any more. The first ones win when they are too many. */
	keep(listings: readonly ModelListing[], backend: BackendChoice): void {
		const wanted = listings.slice(0, mostExtra);
		const gone = this.all.filter(({ listing }) => !wanted.some(({ name }) => name === listing.name));
		for (const extra of gone) extra.dispose();
		const added = wanted.filter(({ name }) => this.get(name) === undefined);
		if (gone.length === 0 && added.length === 0) return;
		this.all = [
			...this.all.filter((extra) => !gone.includes(extra)),
			...added.map((listing) => new ExtraModel(listing, this.#createClient(), backend))
		];
	}

	dispose(): void {
		for (const extra of this.all) extra.dispose();
		this.all = [];
	}
}
