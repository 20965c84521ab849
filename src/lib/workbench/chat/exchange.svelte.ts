import type {
	AnswerEvent,
	AnswerRequest,
	AnswerResult,
	BackendInfo,
	Turn
} from '../../model/runtime/types.ts';
import type { SessionImage } from '../session/images.ts';

export type Stage = Extract<AnswerEvent, { type: 'stage' }>['stage'];

/** What an answer is computed by. */
export interface Source {
	readonly model: string;
	readonly projector: string;
	/** M */
	readonly tokens: number;
}

/** What an exchange was asked with; stays with its answer as provenance. */
export interface Asked extends Source {
	readonly projectorTitle: string;
	/** All projectors of the model, which colours go by. */
	readonly projectors: readonly string[];
	readonly backend: BackendInfo | undefined;
	/** What the model says of itself, when the picture is none of those that it knows. */
	readonly beyond?: string;
	/** The conversation as the model saw it: the earlier questions that went along, then this one. */
	readonly turns: readonly Turn[];
	readonly sampling: AnswerRequest['sampling'];
}

export const sameSource = (a: Source, b: Source): boolean =>
	a.model === b.model && a.projector === b.projector && a.tokens === b.tokens;

/** What names a picture when it is not at hand. */
export type Picture = Pick<SessionImage, 'id' | 'name'>;

/** One question and its answer. `waiting` covers the load of the model when it is asked before that is done. */
export class Exchange {
	/** Milliseconds since 1970 when it was asked; no two are the same. */
	readonly id: number;
	readonly question: string;
	/** What it is about, also when the picture itself is not at hand. */
	readonly picture: Picture | undefined;
	/** Whether earlier questions were to go along. */
	readonly together: boolean;
	/** The picture, where it is at hand. */
	image = $state.raw<SessionImage | undefined>();
	/** Of the answer that is shown. */
	asked = $state.raw<Asked | undefined>();
	status = $state<'waiting' | 'running' | 'done' | 'failed'>('waiting');
	stage = $state<Stage | undefined>();
	/** The answer so far; only ever what the model wrote. While it is asked again: what it wrote before, until its first new word. */
	text = $state('');
	/** The same after each token, for what looks at single words. */
	texts = $state.raw<readonly string[]>([]);
	result = $state.raw<AnswerResult | undefined>();
	error = $state<string | undefined>();
	/** Of the answer that is being computed, until its first word takes the place of the one before. */
	#next = $state.raw<Asked | undefined>();

	constructor(
		id: number,
		question: string,
		image: SessionImage | undefined,
		more: { readonly together?: boolean; readonly picture?: Picture | undefined } = {}
	) {
		this.id = id;
		this.question = question;
		this.image = image;
		this.picture = more.picture ?? image;
		this.together = more.together ?? false;
	}

	get open(): boolean {
		return this.status === 'waiting' || this.status === 'running';
	}

	/** A whole answer, on which a later question may build. */
	get answered(): boolean {
		return !this.open && this.result !== undefined && this.text.length > 0;
	}

	/** What is shown was written before, and stands until the first new word. */
	get stale(): boolean {
		return this.text !== '' && (this.status === 'waiting' || (this.open && this.#next !== undefined));
	}

	begin(): void {
		this.status = 'waiting';
		this.stage = undefined;
		this.error = undefined;
		this.#next = undefined;
	}

	run(asked: Asked): void {
		this.status = 'running';
		this.#next = asked;
		if (this.text === '') this.#turnOver();
	}

	take(event: AnswerEvent): void {
		if (event.type === 'stage') {
			this.stage = event.stage;
			return;
		}
		this.#turnOver();
		if (event.type === 'token') {
			this.text = event.text;
			this.texts = [...this.texts, event.text];
		} else {
			this.result = event.result;
			this.text = event.result.text;
			this.status = 'done';
		}
	}

	/** Stopped before the model began. */
	drop(): void {
		this.fail('Stopped before the model answered.');
	}

	fail(message: string): void {
		this.status = 'failed';
		this.error = message;
		this.#next = undefined;
	}

	/** The new answer takes the place of the one before. */
	#turnOver(): void {
		if (this.#next === undefined) return;
		this.asked = this.#next;
		this.#next = undefined;
		this.text = '';
		this.texts = [];
		this.result = undefined;
	}
}
