import type { AnswerRequest, AnswerResult, ImageInput } from '../model/runtime/types.ts';
import { greedy } from '../model/sampling.ts';
import type { Answerer } from './answerer.ts';
import { ask } from './ask.ts';
import type { Control } from './control.ts';

/** Runs that count, after one that warms up. */
export const TIMED_RUNS = 5;

/** Only the first tokens of an answer are timed: what one token takes does not depend on how many follow. */
export const TIMED_TOKENS = 16;

/** Shares no beginning with a prompt of the template. */
const FLUSH_PROMPT = 'x';

/** One projector at its M, asked one question about one image. */
export interface TimedTarget {
	readonly answerer: Pick<Answerer, 'answer'>;
	readonly projector: string;
	/** M; the projector's own when absent. */
	readonly tokens?: number;
	readonly image: ImageInput;
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
	/** Those of them that came out of the cache all the same, such as the one that every prompt begins with. */
	readonly cached_positions: number;
}

let renamed = 0;

/**
 * Times the answers of several targets, everything warm and nothing taken from a cache: every run names the image anew, so that neither
 * its features nor its visual tokens are known, and another prompt comes before it, so that the cache of keys and values holds nothing
 * of this one. Rounds go over all targets, the first of them to warm up: what else the machine does falls on all alike.
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

async function timedAnswer(target: TimedTarget, control: Control): Promise<AnswerResult> {
	const { answerer, projector, tokens, image, question } = target;
	const choice = { projector, ...(tokens === undefined ? {} : { tokens }) };
	const sampling = { ...greedy, max_new_tokens: TIMED_TOKENS };
	const flush: AnswerRequest = {
		...choice,
		turns: [],
		raw_prompt: FLUSH_PROMPT,
		sampling: { ...sampling, max_new_tokens: 1 }
	};
	await ask(answerer, flush, control);
	const named = { ...image, id: `${image.id} timed ${++renamed}` };
	return ask(answerer, { ...choice, turns: [{ question, images: [named] }], sampling }, control);
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
	return {
		ms,
		prompt_positions: results[0]?.prompt_ids.length ?? 0,
		cached_positions: results[0]?.cached_positions ?? 0
	};
}
