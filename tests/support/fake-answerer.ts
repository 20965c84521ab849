import type { AnswerEvent, AnswerRequest, AnswerResult } from '../../src/lib/model/runtime/types.ts';
import type { Answerer, ProbeName, ProbeRequest, ProbeResult, Probes } from '../../src/lib/study/answerer.ts';
import type { Control } from '../../src/lib/study/control.ts';
import { ProbeMethods } from '../../src/lib/study/probe-methods.ts';

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

/** A model that gives the events and values that a test sets and keeps what it was asked for. */
export class FakeAnswerer extends ProbeMethods implements Answerer {
	readonly requests: AnswerRequest[] = [];
	readonly controls: (Control | undefined)[] = [];
	events: (request: AnswerRequest, control?: Control) => Iterable<AnswerEvent> | AsyncIterable<AnswerEvent>;
	readonly #probes: Partial<Probes>;

	/** @param said the text of every answer, or its events */
	constructor(said: string | FakeAnswerer['events'] = '', probes: Partial<Probes> = {}) {
		super();
		this.events =
			typeof said === 'string' ? () => [{ type: 'done' as const, result: answerResult(said) }] : said;
		this.#probes = probes;
	}

	async *answer(request: AnswerRequest, control?: Control): AsyncGenerator<AnswerEvent, void, void> {
		this.requests.push(request);
		this.controls.push(control);
		yield* this.events(request, control);
	}

	probe<N extends ProbeName>(name: N, request: ProbeRequest[N], control?: Control): Promise<ProbeResult[N]> {
		const probe = this.#probes[name];
		if (!probe) throw new Error(`The test has set no ${name}.`);
		return probe(request, control);
	}
}
