import { untrack } from 'svelte';
import type { StageTimings } from '../../model/runtime/types.ts';
import { sameSource, type Source } from './exchange.svelte.ts';
import type { Conversation } from '../session/conversation.svelte.ts';
import type { Models } from '../session/models.svelte.ts';

/** What the stages of one answer took. */
export interface AnswerTimes extends Source {
	readonly title: string;
	/** Milliseconds; 0 for what came from the cache. */
	readonly stages: StageTimings;
}

/** Milliseconds of rest after the last change before a question is asked again. */
const REST = 350;

/** Lets the last answer follow the projector and M chosen, and keeps the times of the answers. */
export class AnswerFollower {
	/** Whether the last question is asked again when projector or M changes. */
	on = $state(false);
	/** The last answer of each projector and M, the newest first. */
	times = $state.raw<readonly AnswerTimes[]>([]);
	readonly #models: Models;
	readonly #conversation: Conversation;

	constructor(models: Models, conversation: Conversation) {
		this.#models = models;
		this.#conversation = conversation;
		$effect(() => this.#note());
		$effect(() => this.#follow());
	}

	/** Notes the times of the last answer. */
	#note(): void {
		const exchange = this.#conversation.exchanges.at(-1);
		const { asked, result } = exchange ?? {};
		if (!asked || !result || result.stop_reason === 'cancelled') return;
		const { model, projector, projectorTitle: title, tokens } = asked;
		untrack(() => {
			const others = this.times.filter((entry) => !sameSource(entry, asked));
			this.times = [{ model, projector, title, tokens, stages: result.timings_ms }, ...others].slice(0, 12);
		});
	}

	/** Asks the last question again when what is chosen is not what it was answered with. */
	#follow(): (() => void) | undefined {
		const { projector, tokens, worker } = this.#models;
		const { busy, exchanges } = this.#conversation;
		const last = exchanges.at(-1);
		if (!this.on || worker.status !== 'ready' || busy || !last?.asked || last.status !== 'done')
			return undefined;
		if (last.asked.projector === projector && last.asked.tokens === tokens) return undefined;
		const timer = setTimeout(() => void this.#conversation.retry(last), REST);
		return () => clearTimeout(timer);
	}
}
