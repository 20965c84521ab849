import type { AnswerRequest, SamplingOptions } from '../../model/runtime/types.ts';
import type { LoadedModel } from '../../../workers/model/api.ts';
import type { Records } from '../../browser/records.ts';
import { greedy } from '../../model/runtime/sampling.ts';
import { Exchange, sameSource, type Source } from '../chat/exchange.svelte.ts';
import { exchangeOf, recordOf, type ExchangeRecord } from '../chat/exchange-record.ts';
import { earlierOf, turnsOf, withImage } from '../chat/turns.ts';
import { sentence } from '../../bytes/sentence.ts';
import type { ModelClient } from './client.ts';
import type { SessionImage } from './images.ts';
import type { Images } from './images.svelte.ts';
import type { ModelUser, Models } from './models.svelte.ts';

/** Where the conversation outlives the page; without it, it does not. */
export interface ConversationKeeping {
	readonly exchanges: Records<ExchangeRecord>;
	readonly keepImage: (image: SessionImage) => Promise<void>;
	readonly keptImage: (id: string) => Promise<SessionImage | undefined>;
}

export interface ConversationParts {
	/** Of the worker in which `models` loads. */
	readonly client: Pick<ModelClient, 'answer'>;
	readonly models: Models;
	readonly images: Images;
	readonly keeping?: ConversationKeeping | undefined;
}

/** Kept between visits; the oldest go first. */
const MOST = 200;

/** Questions about images and the model's answers. It outlives the worker and the page: both times it goes on with what was cut off. */
export class Conversation implements ModelUser {
	exchanges = $state.raw<readonly Exchange[]>([]);
	draft = $state('');
	promptError = $state<string | undefined>();
	/** Earlier questions go along with the next one, as far as they are `earlier`. */
	together = $state(false);
	sampling = $state<SamplingOptions>({ ...greedy });
	/** What was kept is here again, as far as it can be. */
	restored = $state(false);
	/** Why the conversation will not outlive the page, a sentence. */
	keepError = $state<string | undefined>();

	readonly #client: ConversationParts['client'];
	readonly #models: Models;
	readonly #images: Images;
	readonly #keeping: ConversationKeeping | undefined;
	#current: Exchange | undefined;
	/** The exchange whose answer ended with its worker; it is asked again when the model is back. */
	#cut: Exchange | undefined;
	/** Stops the answer being written, and nothing else that the model does. */
	#stopping: AbortController | undefined;
	/** Answers begun so far. */
	#runs = 0;

	constructor({ client, models, images, keeping }: ConversationParts) {
		this.#client = client;
		this.#models = models;
		this.#images = images;
		this.#keeping = keeping;
		models.attach(this);
	}

	get busy(): boolean {
		return this.exchanges.some((exchange) => exchange.open);
	}

	/** What answers are computed by now. */
	get source(): Source | undefined {
		const { manifest, projector, tokens } = this.#models;
		return manifest === undefined || projector === undefined || tokens === undefined
			? undefined
			: { model: manifest.name, projector, tokens };
	}

	/** What would go along with a question asked now. */
	get earlier(): readonly Exchange[] {
		const { source } = this;
		return source === undefined ? [] : earlierOf(this.exchanges, this.#images.current, source);
	}

	/** Brings back what was asked before the page was loaded. The samples must be there. */
	async start(): Promise<void> {
		try {
			const records = (await this.#keeping?.exchanges.all()) ?? [];
			await this.#keeping?.exchanges.remove(records.slice(0, -MOST).map(({ id }) => id));
			const before = await this.#restore(records.slice(-MOST));
			for (const { image } of before) if (image) this.#images.hold(image);
			this.exchanges = [...before, ...this.exchanges];
		} catch (error) {
			this.#notKept(error);
		} finally {
			this.restored = true;
		}
	}

	/**
	 * Asks about the current image with the projector and M chosen, or with others. Resolves when the answer is whole, stopped or failed.
	 */
	async ask(
		text: string,
		other: { readonly image?: SessionImage; readonly projector?: string; readonly tokens?: number } = {}
	): Promise<void> {
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
		if (this.#models.ready === undefined) {
			this.promptError =
				this.#models.list?.length === 0 ? 'There is no model to ask yet.' : 'Choose a model first.';
			return;
		}
		const image = other.image ?? this.#images.current;
		if (image) this.#images.hold(image);
		const id = Math.max(Date.now(), (this.exchanges.at(-1)?.id ?? 0) + 1);
		const exchange = new Exchange(id, question, image, { together: this.together });
		this.exchanges = [...this.exchanges, exchange];
		this.draft = '';
		if (image && !this.#images.samples?.includes(image)) void this.#keeping?.keepImage(image);
		this.#keep(exchange);
		await this.#run(exchange, other);
	}

	/** The picture that an exchange is about, where it is at hand. */
	imageOf({ image, picture }: Exchange): SessionImage | undefined {
		return image ?? this.#images.all.find(({ id }) => id === picture?.id);
	}

	/**
	 * Asks the same question about the same image again, with the projector and M chosen now; what went along goes along again. A model
	 * that is not running is started first.
	 */
	async retry(exchange: Exchange): Promise<void> {
		if (this.busy || this.#models.ready === undefined) return;
		if (exchange.image === undefined && exchange.picture) {
			const image = this.imageOf(exchange);
			if (image === undefined) return;
			this.#images.hold(image);
			exchange.image = image;
		}
		if (this.#models.worker.status === 'failed') {
			exchange.begin();
			const restarted = this.#models.restart();
			this.#current = exchange;
			await restarted;
			if (!exchange.open) return;
		}
		await this.#run(exchange);
	}

	/** Stops the answer being written; what there is of it stays. */
	stop(): void {
		const exchange = this.#current;
		if (exchange === undefined) return;
		if (exchange.status === 'waiting') exchange.drop();
		else this.#stopping?.abort();
	}

	/** Puts the exchanges of a file among those that are here, by when they were asked. @returns how many are new */
	async open(records: readonly ExchangeRecord[]): Promise<number> {
		const fresh = records.filter(({ id }) => !this.exchanges.some((exchange) => exchange.id === id));
		const exchanges = await this.#restore(fresh);
		for (const { image } of exchanges) if (image) this.#images.hold(image);
		this.exchanges = [...this.exchanges, ...exchanges].sort((a, b) => a.id - b.id);
		for (const exchange of exchanges) this.#keep(exchange);
		return exchanges.length;
	}

	/** Forgets the conversation, here and in the browser's storage. */
	clear(): void {
		if (this.busy) return;
		for (const { image } of this.exchanges) if (image) this.#images.release(image);
		const ids = this.exchanges.map(({ id }) => id);
		this.exchanges = [];
		this.#keeping?.exchanges.remove(ids).catch((error: unknown) => this.#notKept(error));
	}

	// ---- the model goes and comes ------------------------------------------------------------------------------

	release(): void {
		this.stop();
	}

	/** Ends the open exchange without waiting for a worker that may be gone. */
	lost(message: string): void {
		const exchange = this.#current;
		if (exchange?.open) {
			exchange.fail(message);
			this.#cut = exchange;
		}
		this.#current = undefined;
	}

	/** Asks again what was cut off, the conversation before it included, unless something else was asked since. */
	back(): void {
		const cut = this.#cut;
		if (cut === undefined) return;
		this.#cut = undefined;
		if (!this.busy && cut.status === 'failed' && this.exchanges.at(-1) === cut) void this.#run(cut);
	}

	// ---- inside ------------------------------------------------------------------------------------------------

	async #run(exchange: Exchange, by: Partial<Omit<Source, 'model'>> = {}): Promise<void> {
		const run = ++this.#runs;
		/** What a dead worker's stream still brings belongs to no answer. */
		const live = () => exchange.open && run === this.#runs;
		exchange.begin();
		const stopping = new AbortController();
		this.#current = exchange;
		this.#stopping = stopping;
		try {
			const model = await this.#models.ready;
			if (model === undefined || !live()) return;
			const request = this.#request(exchange, model, by);
			for await (const event of this.#client.answer(request, { signal: stopping.signal })) {
				if (!live()) return;
				exchange.take(event);
			}
			if (live()) exchange.fail('The answer ended before it was whole; ask again.');
		} catch (error) {
			if (live()) exchange.fail(sentence(error));
		} finally {
			if (run === this.#runs) this.#current = undefined;
			this.#keep(exchange);
		}
	}

	#request(
		exchange: Exchange,
		{ manifest, backend }: LoadedModel,
		by: Partial<Omit<Source, 'model'>>
	): AnswerRequest {
		const { projector = this.#models.projector, tokens = this.#models.tokens } = by;
		const entry = projector === undefined ? undefined : manifest.projectors[projector];
		if (projector === undefined || entry === undefined || tokens === undefined)
			throw new Error('This model has no such projector; choose another one.');
		const source: Source = { model: manifest.name, projector, tokens };
		const before = this.exchanges.slice(0, this.exchanges.indexOf(exchange));
		const known =
			exchange.asked && sameSource(exchange.asked, source)
				? withImage(exchange.asked.turns, exchange.image)
				: undefined;
		const earlier = exchange.together ? earlierOf(before, exchange.picture, source) : [];
		const turns = known ?? turnsOf(earlier, exchange);
		const sampling = $state.snapshot(this.sampling);
		const projectors = Object.keys(manifest.projectors);
		const { knows } = manifest.provenance;
		exchange.run({
			...{ ...source, projectorTitle: entry.title, projectors, backend, turns, sampling },
			...(knows !== undefined && exchange.image && exchange.image.scene === undefined && { beyond: knows })
		});
		return {
			projector,
			...(tokens === entry.num_query_tokens ? {} : { tokens }),
			turns,
			sampling
		};
	}

	/** Exchanges as they were, with the pictures that are still at hand. */
	async #restore(records: readonly ExchangeRecord[]): Promise<Exchange[]> {
		// eslint-disable-next-line svelte/prefer-svelte-reactivity -- gone when this function ends
		const ids = new Set(records.flatMap(({ picture }) => picture?.id ?? []));
		const found = await Promise.all(
			[...ids].map(async (id) => {
				const known = this.#images.all.find((image) => image.id === id);
				return [id, known ?? (await this.#keeping?.keptImage(id))] as const;
			})
		);
		// eslint-disable-next-line svelte/prefer-svelte-reactivity -- gone when this function ends
		const images = new Map(found);
		return records.map((record) => exchangeOf(record, record.picture && images.get(record.picture.id)));
	}

	/** Keeps an exchange as it is now, unless it was cleared away. */
	#keep(exchange: Exchange): void {
		if (!this.exchanges.includes(exchange)) return;
		this.#keeping?.exchanges.put(recordOf(exchange)).catch((error: unknown) => this.#notKept(error));
	}

	#notKept(error: unknown): void {
		this.keepError = `A reload loses this conversation: ${sentence(error)}`;
	}
}
