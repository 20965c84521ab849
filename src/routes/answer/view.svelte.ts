import { untrack } from 'svelte';
import type {
	AnswerProbe,
	AnswerResult,
	Influence,
	InfluenceMethod,
	LensGrid,
	TokenEdit
} from '$lib/model/runtime/types.ts';
import { alignWords, wordDeltas, type AnswerWord, type WordPair } from '$lib/analysis/answer-diff.ts';
import type { HeadChoice } from '$lib/analysis/attention-maps.ts';
import { wordAblation, wordAttention } from '$lib/analysis/influence.ts';
import type { TokenPatchMap } from '$lib/analysis/map.ts';
import { twoHops } from '$lib/analysis/two-hop.ts';
import { greedy } from '$lib/model/sampling.ts';
import type { InfluenceRows } from '$lib/viz/answer-influence.ts';
import type { Exchange } from '$lib/workbench/chat/exchange.svelte.ts';
import type { LocalityCache } from '../locality/cache.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import type { Session } from '$lib/workbench/session/session.svelte.ts';
import type { Control } from '$lib/study/control.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf, type Subject } from '$lib/workbench/figures/subject.ts';
import { readable, wordsOf } from '$lib/workbench/chat/words.ts';

/** K of the locality map that carries influence on to the patches. */
const DIRECTIONS = 4;

/** What one exchange's influence figure is drawn from. */
interface Looked {
	readonly exchange: Exchange;
	readonly subject: Subject;
	readonly influence: Influence;
	readonly map: TokenPatchMap;
}

/** An answer given again with changed visual tokens. */
export interface Redone {
	readonly exchange: Exchange;
	readonly subject: Subject;
	readonly edits: readonly TokenEdit[];
	readonly answer: AnswerResult;
	/** Words of the answer before and of the new one, each scored without the edits and with them. */
	readonly pairs: readonly WordPair[];
}

interface Read {
	readonly exchange: Exchange;
	readonly subject: Subject;
	readonly grid: LensGrid;
}

/** A choice of a link for another model may be none here. */
function known(choice: HeadChoice, count = 0): HeadChoice {
	return choice === 'mean' || choice < count ? choice : 'mean';
}

/** State of the answer page: which exchange and word are looked at, how, and what was computed of it. */
export class AnswerView {
	method = $state<InfluenceMethod>('attention');
	layer = $state<HeadChoice>('mean');
	head = $state<HeadChoice>('mean');
	/** Shown layer of the lens; the last when absent. */
	lensLayer = $state<number | undefined>();
	edits = $state.raw<readonly TokenEdit[]>([]);
	readonly selection = new PageSelection();
	readonly looks = new Study<Looked>(16);
	readonly redone = new Study<Redone>(8);
	readonly lens = new Study<Read>(8);
	/** Id of the chosen exchange; the last one when absent. */
	#chosen = $state<number | undefined>();
	readonly #session: Session;
	readonly #cache: LocalityCache;

	constructor(session: Session, cache: LocalityCache) {
		this.#session = session;
		this.#cache = cache;
	}

	/** Answers that can be looked into. */
	readonly exchanges = $derived.by(() => this.#session.exchanges.filter(readable));
	readonly exchange = $derived.by(
		() => this.exchanges.find(({ id }) => id === this.#chosen) ?? this.exchanges.at(-1)
	);
	readonly words = $derived.by(() => (this.exchange ? wordsOf(this.exchange) : []));
	/** What the chosen answer was made with, where that model is loaded. */
	readonly subject = $derived.by((): Subject | undefined => {
		const { exchange } = this;
		const { asked, image } = exchange ?? {};
		if (!asked || !image || this.#session.loaded?.manifest.name !== asked.model) return undefined;
		return subjectOf(this.#session, { projector: asked.projector, tokens: asked.tokens, image });
	});
	/** Names exchange and subject; results are kept by it. A retried exchange has another answer. */
	readonly key = $derived.by(() => {
		const { exchange, subject } = this;
		return exchange && subject
			? [subject.key, exchange.id, exchange.result?.ids.join(',')].join('|')
			: undefined;
	});
	readonly word = $derived.by(() => Math.min(this.selection.now.word ?? 0, this.words.length - 1));

	/** Rows of the influence figure; of the exchange before while the new one is computed. */
	readonly rows = $derived.by((): InfluenceRows | undefined => {
		const { value } = this.looks;
		if (!value) return undefined;
		const { influence, map, subject } = value;
		const words = wordsOf(value.exchange);
		const byAblation = influence.method === 'ablation';
		const values = byAblation
			? wordAblation(influence.values, words)
			: wordAttention(
					influence.values,
					words,
					known(this.layer, influence.values.dims[0]),
					known(this.head, influence.values.dims[1])
				);
		return {
			words: words.map(({ word }) => word),
			tokens: subject.tokens,
			influence: values,
			patches: twoHops(values, words.length, map, 'energy'),
			word: Math.max(0, Math.min(this.selection.now.word ?? 0, words.length - 1)),
			label: byAblation ? 'Gain' : 'Attention',
			unit: byAblation ? 'nats' : 'share',
			signed: byAblation,
			image: { href: subject.image.url, name: subject.image.name }
		};
	});
	readonly phrase = $derived.by(() => {
		if (this.looks.value?.influence.method === 'ablation')
			return `ablation, each token replaced by the mean; locality by perturbation, K = ${DIRECTIONS}`;
		const part = (what: string, choice: HeadChoice) =>
			choice === 'mean' ? `mean over ${what}s` : `${what} ${choice}`;
		return `attention, ${part('layer', this.layer)}, ${part('head', this.head)}; locality by perturbation, K = ${DIRECTIONS}`;
	});

	/** Chooses an answer, and a word of it. */
	choose(exchange: Exchange, word = 0): void {
		if (this.exchange !== exchange) this.edits = [];
		this.#chosen = exchange.id;
		this.selection.choose({ word });
	}

	/** Chooses an answer, and leaves what else is chosen. */
	reopen(exchange: Exchange): void {
		this.#chosen = exchange.id;
	}

	/** Computes what the influence figure shows; call it in an effect. */
	follow(): void {
		const { exchange, subject, key, method } = this;
		if (!exchange || !subject || !key) return;
		untrack(
			() =>
				void this.looks.run(`${key}|${method}`, async (control) => {
					const { client } = this.#session;
					const influence = await client.influence({ ...this.#probe(exchange, subject), method }, control);
					const measured = await this.#cache.get(
						subject,
						{ method: 'perturbation', directions: DIRECTIONS },
						control
					);
					if (measured.kind !== 'map') throw new Error('The model gave no map of its visual tokens.');
					return { exchange, subject, influence, map: measured.map };
				})
		);
	}

	/** Answers again with the edits, and scores the old answer before and after them. */
	answerAgain(): void {
		const { exchange, subject, key, edits } = this;
		if (!exchange || !subject || !key || edits.length === 0) return;
		const named = edits.map((edit) =>
			edit.kind === 'transplant' ? { ...edit, from: { ...edit.from, image: edit.from.image.id } } : edit
		);
		void this.redone.run(`${key}|${JSON.stringify(named)}`, async (control) => {
			const total = 5;
			let done = 0;
			const step = async <T>(work: Promise<T>): Promise<T> => {
				const result = await work;
				control.signal?.throwIfAborted();
				control.onProgress?.({ done: ++done, total });
				return result;
			};
			control.onProgress?.({ done, total });
			const prompt = this.#prompt(exchange, subject);
			/** Words of one answer, without the edits and with them. */
			const deltas = async (ids: readonly number[], words: readonly AnswerWord[]) => {
				if (words.length === 0) return [];
				const { client } = this.#session;
				const probe = { ...prompt, answer: { ids } };
				const before = await step(client.score(probe));
				const after = await step(client.score({ ...probe, edits }));
				return wordDeltas(words, before.log_probabilities, after.log_probabilities);
			};
			const old = await deltas(exchange.result?.ids ?? [], wordsOf(exchange));
			const { result, texts } = await step(this.#answer(exchange, subject, edits, control));
			const fresh = await deltas(result.ids, wordsOf({ result, texts }));
			return { exchange, subject, edits, answer: result, pairs: alignWords(old, fresh) };
		});
	}

	/** Reads every visual token at every layer of the language model. */
	readTokens(): void {
		const { exchange, subject, key } = this;
		if (!exchange || !subject || !key) return;
		void this.lens.run(key, async (control) => ({
			exchange,
			subject,
			grid: await this.#session.client.lens(this.#prompt(exchange, subject), control)
		}));
	}

	async #answer(
		exchange: Exchange,
		subject: Subject,
		edits: readonly TokenEdit[],
		{ signal }: Control
	): Promise<{ readonly result: AnswerResult; /** After each token, whole. */ readonly texts: string[] }> {
		const sampling = {
			...greedy,
			max_new_tokens: Math.max(64, 2 * (exchange.result?.ids.length ?? 0))
		};
		const events = this.#session.client.answer(
			{ ...this.#prompt(exchange, subject), edits, sampling },
			{ signal }
		);
		const texts: string[] = [];
		for await (const event of events) {
			if (event.type === 'token') texts.push(event.text);
			if (event.type !== 'done') continue;
			signal?.throwIfAborted();
			return { result: event.result, texts };
		}
		throw new Error('The answer ended before it was whole; answer again.');
	}

	#prompt({ asked }: Exchange, { request }: Subject) {
		const { projector, tokens } = request;
		return { projector, ...(tokens !== undefined && { tokens }), turns: asked?.turns ?? [] };
	}

	#probe(exchange: Exchange, subject: Subject): AnswerProbe {
		return { ...this.#prompt(exchange, subject), answer: { ids: exchange.result?.ids ?? [] } };
	}
}
