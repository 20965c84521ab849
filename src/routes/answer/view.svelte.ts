import { untrack } from 'svelte';
import type { HeadChoice } from '$lib/analysis/attention-maps.ts';
import type { InfluenceMethod, TokenEdit } from '$lib/model/runtime/types.ts';
import { promptOf, type GivenAnswer } from '$lib/study/answer.ts';
import { standardChoices, type Choices } from '$lib/study/choices.ts';
import { measureRelevance, wordRelevanceStudy, type MeasuredRelevance } from '$lib/study/relevance.ts';
import {
	attentionHeadsStudy,
	answerInfluenceStudy,
	measureInfluence,
	type MeasuredInfluence
} from '$lib/study/influence.ts';
import { beyond, type Counts } from '$lib/study/figure-study.ts';
import { hasPlaces, influenceTogetherStudy } from '$lib/study/together.ts';
import { logitLensStudy, type MeasuredLens } from '$lib/study/lens.ts';
import type { MeasuredMaps } from '$lib/study/measurement.ts';
import { answerAgain, type MeasuredSurgery } from '$lib/study/surgery.ts';
import type { Exchange } from '$lib/workbench/chat/exchange.svelte.ts';
import { readable, wordsOf } from '$lib/workbench/chat/words.ts';
import { getLocalityCache } from '$lib/workbench/figures/locality-cache.ts';
import { PageSelection } from '$lib/workbench/figures/selection.svelte.ts';
import { Study } from '$lib/workbench/figures/study.svelte.ts';
import { subjectOf, type Subject } from '$lib/workbench/figures/subject.ts';
import { pageState, Visit } from '$lib/workbench/frame/page-states.svelte.ts';
import type { Session } from '$lib/workbench/session/session.ts';

/** What is computed of an exchange, with the exchange itself. */
type Of<Measured> = Measured & { readonly exchange: Exchange };

export type Redone = Of<MeasuredSurgery>;

/** State of the answer page: which exchange and word are looked at, how, and what was computed of it. */
export class AnswerView {
	method = $state<InfluenceMethod>('attention');
	/** How the relevance of all words is measured, and how it is coloured. */
	relevanceBy = $state<Choices['relevance']>('gradient');
	scale = $state<Choices['scale']>('own');
	layer = $state<HeadChoice>('mean');
	head = $state<HeadChoice>('mean');
	/** Shown layer of the lens; the last when absent. */
	lensLayer = $state<number | undefined>();
	edits = $state.raw<readonly TokenEdit[]>([]);
	/** Why an edit that a link asks for is not among them, a sentence. */
	editsProblem = $state<string | undefined>();
	/** How strongly the map covers the image. */
	opacity = $state(0.7);
	readonly visit = new Visit();
	readonly selection = new PageSelection();
	readonly looks = new Study<Of<MeasuredInfluence>>(16);
	readonly relevance = new Study<Of<MeasuredRelevance>>(8);
	readonly redone = new Study<Redone>(8);
	readonly lens = new Study<Of<MeasuredLens>>(8);
	/** Id of the chosen exchange; the last one when absent. */
	#chosen = $state<number | undefined>();
	readonly #session: Session;
	readonly #maps: MeasuredMaps;

	constructor(session: Session, maps: MeasuredMaps) {
		this.#session = session;
		this.#maps = maps;
		$effect(() => {
			if (this.visit.now) this.follow();
			else this.looks.cancel();
		});
	}

	/** Answers that can be looked into. */
	readonly exchanges = $derived.by(() => this.#session.conversation.exchanges.filter(readable));
	readonly exchange = $derived.by(
		() => this.exchanges.find(({ id }) => id === this.#chosen) ?? this.exchanges.at(-1)
	);
	readonly words = $derived.by(() => (this.exchange ? wordsOf(this.exchange) : []));
	/** What the chosen answer was made with, where that model is loaded. */
	readonly subject = $derived.by((): Subject | undefined => {
		const { exchange } = this;
		const { asked, image } = exchange ?? {};
		if (!asked || !image || this.#session.models.loaded?.manifest.name !== asked.model) return undefined;
		return subjectOf(this.#session, { projector: asked.projector, tokens: asked.tokens, image });
	});
	/** Names exchange and subject; results are kept by it. A retried exchange has another answer. */
	readonly key = $derived.by(() => {
		const { exchange, subject } = this;
		return exchange && subject
			? [subject.key, exchange.id, exchange.result?.ids.join(',')].join('|')
			: undefined;
	});
	/** The answer as studies take it. */
	readonly given = $derived.by((): GivenAnswer | undefined => {
		const { exchange, subject } = this;
		if (!exchange || !subject) return undefined;
		return {
			subject,
			turns: exchange.asked?.turns ?? [],
			ids: exchange.result?.ids ?? [],
			words: wordsOf(exchange)
		};
	});
	readonly word = $derived.by(() => Math.min(this.selection.now.word ?? 0, this.words.length - 1));

	/** Why something else is shown than a link asks for, a sentence: there is no such word, layer or head. */
	readonly beyond = $derived.by(() => {
		const { words } = this;
		const word = this.selection.now.word;
		const counts = (): Counts => ({
			word: words.length,
			...(this.method === 'attention' && this.#heads)
		});
		const { layer, head } = this.choices;
		const problem = words.length > 0 ? beyond({ counts }, undefined, { word, layer, head }) : undefined;
		if (problem === undefined) return undefined;
		return `${problem} Shown is ${word !== undefined && word >= words.length ? 'the last word' : 'the mean'}.`;
	});
	readonly #heads = $derived.by((): Counts => {
		const { num_hidden_layers: layer, num_attention_heads: head } =
			this.#session.models.manifest?.config.text_config ?? {};
		return layer !== undefined && head !== undefined ? { layer, head } : {};
	});

	/** As figures are made with now. */
	readonly choices = $derived.by((): Choices => {
		const { method, layer, head, lensLayer, relevanceBy, scale } = this;
		return {
			...standardChoices,
			influence: method,
			relevance: relevanceBy,
			scale,
			...(layer !== 'mean' && { layer }),
			...(head !== 'mean' && { head }),
			...(lensLayer !== undefined && { lens: lensLayer })
		};
	});
	/** The influence figure; of the exchange before while the new one is computed. */
	readonly looked = $derived.by(() => {
		const { value } = this.looks;
		return value && answerInfluenceStudy.show(value, { ...this.choices, word: this.selection.now.word });
	});
	/** The attention of every head, where the influence shown is attention. */
	readonly headed = $derived.by(() => {
		const { value } = this.looks;
		return value?.influence.method === 'attention'
			? attentionHeadsStudy.show(value, { ...this.choices, word: this.selection.now.word })
			: undefined;
	});
	/** The relevance of all words; of what it was measured for last. */
	readonly related = $derived.by(() => {
		const { value } = this.relevance;
		return value && wordRelevanceStudy.show(value, { ...this.choices, word: this.selection.now.word });
	});
	/** The relevance shown is of something else than chosen now. */
	readonly relevanceStale = $derived.by(
		() => this.relevance.value !== undefined && this.relevance.valueKey !== `${this.key}|${this.relevanceBy}`
	);
	/** The same of all views on the whole picture, where it is cut into tiles and tokens have places. */
	readonly together = $derived.by(() => {
		const { value } = this.looks;
		if (!value || value.answer.subject.views.length < 2 || !hasPlaces(value.answer.subject)) return undefined;
		return influenceTogetherStudy.show(value, { ...this.choices, word: this.selection.now.word });
	});
	/** The answer with edits, where it is of the answer looked into. */
	readonly outcome = $derived.by(() => {
		const { value, valueKey } = this.redone;
		return this.key !== undefined && valueKey?.startsWith(`${this.key}|`) ? value : undefined;
	});
	readonly read = $derived.by(() => this.lens.value && logitLensStudy.show(this.lens.value, this.choices));

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

	/** The influence shown is of something else than chosen now. */
	readonly stale = $derived.by(
		() => this.looks.value !== undefined && this.looks.valueKey !== `${this.key}|${this.method}`
	);

	/** Computes what the influence figure shows, and again when that changes. */
	follow(): void {
		const { exchange, given, key, method, choices } = this;
		if (!exchange || !given || !key) return;
		const work = { answerer: this.#session.client, maps: this.#maps };
		untrack(
			() =>
				void this.looks.run(`${key}|${method}`, async (control) => ({
					exchange,
					...(await measureInfluence(work, given, choices, control))
				}))
		);
	}

	/** Measures what every word depends on. */
	relate(): void {
		const { exchange, given, key, relevanceBy, choices } = this;
		if (!exchange || !given || !key) return;
		const work = { answerer: this.#session.client, maps: this.#maps };
		void this.relevance.run(`${key}|${relevanceBy}`, async (control) => ({
			exchange,
			...(await measureRelevance(work, given, choices, control))
		}));
	}

	/** Answers again with the edits, and scores the old answer before and after them. */
	answerAgain(): void {
		const { exchange, given, key, edits } = this;
		if (!exchange || !given || !key || edits.length === 0) return;
		const named = edits.map((edit) =>
			edit.kind === 'transplant' ? { ...edit, from: { ...edit.from, image: edit.from.image.id } } : edit
		);
		void this.redone.run(`${key}|${JSON.stringify(named)}`, async (control) => ({
			exchange,
			...(await answerAgain(this.#session.client, given, edits, control))
		}));
	}

	/** Reads every visual token at every layer of the language model. */
	readTokens(): void {
		const { exchange, given, key } = this;
		if (!exchange || !given || !key) return;
		void this.lens.run(key, async (control) => ({
			exchange,
			subject: given.subject,
			turns: given.turns,
			grid: await this.#session.client.lens(promptOf(given), control)
		}));
	}
}

/** Kept from one visit to the next, with edits and what was computed. */
export const getAnswerView = pageState(({ session }) => new AnswerView(session, getLocalityCache()));
