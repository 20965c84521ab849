import type { AnswerRequest, SamplingOptions } from '../../model/runtime/types.ts';
import type { LoadedModel } from '../../../workers/model/api.ts';
import { greedy } from '../../model/runtime/sampling.ts';
import { Exchange } from '../chat/exchange.svelte.ts';
import { type Context, turnsOf } from '../chat/turns.ts';
import { sentence } from '../../bytes/sentence.ts';
import type { ModelClient } from './client.ts';
import type { Images } from './images.svelte.ts';
import type { ModelUser, Models } from './models.svelte.ts';

export interface ConversationParts {
	/** Of the worker in which `models` loads. */
	readonly client: Pick<ModelClient, 'answer'>;
	readonly models: Models;
	readonly images: Images;
}

/** Questions about images and the model's answers. It outlives the worker: after a crash it is still here, and goes on with what was cut off. */
export class Conversation implements ModelUser {
	exchanges = $state.raw<readonly Exchange[]>([]);
	draft = $state('');
	promptError = $state<string | undefined>();
	context = $state<Context>('image');
	sampling = $state<SamplingOptions>({ ...greedy });

	readonly #client: ConversationParts['client'];
	readonly #models: Models;
	readonly #images: Images;
	#current: Exchange | undefined;
	/** The exchange whose answer ended with its worker; it is asked again when the model is back. */
	#cut: Exchange | undefined;
	/** Stops the answer being written, and nothing else that the model does. */
	#stopping: AbortController | undefined;
	#nextId = 1;
	/** Answers begun so far. */
	#runs = 0;

	constructor({ client, models, images }: ConversationParts) {
		this.#client = client;
		this.#models = models;
		this.#images = images;
		models.attach(this);
	}

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
		if (this.#models.ready === undefined) {
			this.promptError =
				this.#models.list?.length === 0 ? 'There is no model to ask yet.' : 'Choose a model first.';
			return;
		}
		const image = this.#images.current;
		if (image) this.#images.hold(image);
		const exchange = new Exchange(this.#nextId++, question, image);
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
	stop(): void {
		const exchange = this.#current;
		if (exchange === undefined) return;
		if (exchange.status === 'waiting') exchange.drop();
		else this.#stopping?.abort();
	}

	clear(): void {
		if (this.busy) return;
		for (const { image } of this.exchanges) if (image) this.#images.release(image);
		this.exchanges = [];
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

	async #run(exchange: Exchange): Promise<void> {
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
			const request = this.#request(exchange, model);
			for await (const event of this.#client.answer(request, { signal: stopping.signal })) {
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
		const { projector, projectorEntry: entry, tokens } = this.#models;
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
}
