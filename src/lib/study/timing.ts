import type { AnswerResult } from '../model/runtime/types.ts';
import { greedy } from '../model/runtime/sampling.ts';
import type { Answerer } from './answerer.ts';
import { ask } from './ask.ts';
import type { Control } from './control.ts';
import { questionRequest, type Seen } from './question.ts';

/** Runs that count, after one that warms up. */
export const TIMED_RUNS = 5;

/** Only the first tokens of an answer are timed: what one token takes does not depend on how many follow. */
export const TIMED_TOKENS = 16;

/** Asked where no question is given. */
export const TIMED_QUESTION = 'Describe the image.';

/** One projector at its M, asked one question about one image. */
export interface TimedTarget extends Seen {
	readonly answerer: Pick<Answerer, 'answer'>;
	readonly question: string;
}

/** Stages that are timed; `first_token` is vision, projector and prefill, `whole` that and decoding. */
export const timedStages = [
	'vision',
	'projector',
	'prefill',
	'first_token',
	'decode_per_token',
	'whole'
] as const;
export type TimedStage = (typeof timedStages)[number];

/** Warm times of one target. */
export interface WarmTimes {
	/** Milliseconds of every run, in the order they were taken; an answer of one token has no decoding. */
	readonly ms: Readonly<Record<TimedStage, readonly number[]>>;
	readonly prompt_positions: number;
}

/**
 * Times the answers of several targets, everything warm and nothing taken from a cache (`AnswerRequest.cold`). Rounds go over all targets,
 * the first of them to warm up: what else the machine does falls on all alike.
 * @returns in the order of the targets
 * @throws as `ask`
 */
export async function timeStages(
	targets: readonly TimedTarget[],
	{ signal, onProgress }: Control = {}
): Promise<WarmTimes[]> {
	const taken = targets.map(() => new Array<AnswerResult>());
	const total = targets.length * (TIMED_RUNS + 1);
	let done = 0;
	onProgress?.({ done, total });
	for (let round = 0; round <= TIMED_RUNS; round++)
		for (const [i, target] of targets.entries()) {
			const result = await timedAnswer(target, { signal });
			if (round > 0) taken[i]!.push(result);
			onProgress?.({ done: ++done, total });
		}
	return taken.map(timesOf);
}

function timedAnswer(target: TimedTarget, control: Control): Promise<AnswerResult> {
	const { answerer, question, ...seen } = target;
	const sampling = { ...greedy, max_new_tokens: TIMED_TOKENS };
	return ask(answerer, { ...questionRequest(seen, question), sampling, cold: true }, control);
}

function timesOf(results: readonly AnswerResult[]): WarmTimes {
	const times = results.map(({ timings_ms: { vision, projector, prefill, decode }, ids }) => {
		const first_token = vision + projector + prefill;
		return {
			...{ vision, projector, prefill, first_token, whole: first_token + decode },
			// The first token comes out of the prefill.
			decode_per_token: ids.length > 1 ? decode / (ids.length - 1) : undefined
		};
	});
	const ms = Object.fromEntries(
		timedStages.map((stage) => [stage, times.map((run) => run[stage]).filter((time) => time !== undefined)])
	) as Record<TimedStage, number[]>;
	return { ms, prompt_positions: results[0]?.prompt_ids.length ?? 0 };
}
