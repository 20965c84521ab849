import type {
	AnswerEvent,
	AnswerRequest,
	AnswerResult,
	BackendInfo,
	Turn
} from '../../model/runtime/types.ts';
import type { SessionImage } from '../session/images.ts';

export type Stage = Extract<AnswerEvent, { type: 'stage' }>['stage'];

/** What an exchange was asked with; stays with its answer as provenance. */
export interface Asked {
	readonly model: string;
	readonly projector: string;
	readonly projectorTitle: string;
	readonly tokens: number;
	readonly backend: BackendInfo | undefined;
	/** The conversation as the model saw it. */
	readonly turns: readonly Turn[];
	readonly sampling: AnswerRequest['sampling'];
}

/** One question and its answer. `waiting` covers the load of the model when it is asked before that is done. */
export class Exchange {
	readonly id: number;
	readonly question: string;
	readonly image: SessionImage | undefined;
	asked = $state.raw<Asked | undefined>();
	status = $state<'waiting' | 'running' | 'done' | 'failed'>('waiting');
	stage = $state<Stage | undefined>();
	/** The answer so far; only ever what the model wrote. */
	text = $state('');
	/** The same after each token, for what looks at single words. */
	texts = $state.raw<readonly string[]>([]);
	result = $state.raw<AnswerResult | undefined>();
	error = $state<string | undefined>();

	constructor(id: number, question: string, image: SessionImage | undefined) {
		this.id = id;
		this.question = question;
		this.image = image;
	}

	get open(): boolean {
		return this.status === 'waiting' || this.status === 'running';
	}

	/** Whether a later question may build on it. */
	get answered(): boolean {
		return this.status === 'done' && this.text.length > 0;
	}

	begin(): void {
		this.status = 'waiting';
		this.stage = undefined;
		this.text = '';
		this.texts = [];
		this.result = undefined;
		this.error = undefined;
		this.asked = undefined;
	}

	run(asked: Asked): void {
		this.asked = asked;
		this.status = 'running';
	}

	take(event: AnswerEvent): void {
		if (event.type === 'stage') this.stage = event.stage;
		else if (event.type === 'token') {
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
		this.status = 'failed';
		this.error = 'Stopped before the model answered.';
	}

	fail(message: string): void {
		this.status = 'failed';
		this.error = message;
	}
}
