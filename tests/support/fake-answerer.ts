import type { AnswerEvent, AnswerRequest, AnswerResult } from '../../src/lib/model/runtime/types.ts';
import type { Answerer } from '../../src/lib/study/answerer.ts';
import type { Control } from '../../src/lib/study/control.ts';

type Probes = Omit<Answerer, 'answer'>;

/** A result of an answer, as a backend would give it. */
export function answerResult(text: string, more: Partial<AnswerResult> = {}): AnswerResult {
	return {
		text,
		ids: [...text].map((letter) => letter.charCodeAt(0)),
		prompt_ids: [1, -1, 3],
		timings_ms: { vision: 1, projector: 2, prefill: 3, decode: 4 },
		tokens_per_second: 10,
		cached_positions: 0,
		stop_reason: 'eos',
		backend: 'node',
		dtype: 'fp32',
		...more
	};
}

/** A model of six methods: it gives the events and values that a test sets, and keeps what it was asked for. */
export class FakeAnswerer implements Answerer {
	readonly requests: AnswerRequest[] = [];
	readonly controls: (Control | undefined)[] = [];
	events: (request: AnswerRequest, control?: Control) => Iterable<AnswerEvent> | AsyncIterable<AnswerEvent>;
	readonly #probes: Partial<Probes>;

	/** @param said the text of every answer, or its events */
	constructor(said: string | FakeAnswerer['events'] = '', probes: Partial<Probes> = {}) {
		this.events =
			typeof said === 'string' ? () => [{ type: 'done' as const, result: answerResult(said) }] : said;
		this.#probes = probes;
	}

	async *answer(request: AnswerRequest, control?: Control): AsyncGenerator<AnswerEvent, void, void> {
		this.requests.push(request);
		this.controls.push(control);
		yield* this.events(request, control);
	}

	readonly trace: Probes['trace'] = (...args) => this.#probe('trace')(...args);
	readonly locality: Probes['locality'] = (...args) => this.#probe('locality')(...args);
	readonly score: Probes['score'] = (...args) => this.#probe('score')(...args);
	readonly influence: Probes['influence'] = (...args) => this.#probe('influence')(...args);
	readonly lens: Probes['lens'] = (...args) => this.#probe('lens')(...args);

	#probe<K extends keyof Probes>(name: K): Probes[K] {
		const probe = this.#probes[name];
		if (!probe) throw new Error(`The test has set no ${name}.`);
		return probe as Probes[K];
	}
}
