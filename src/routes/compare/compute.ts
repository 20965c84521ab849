import type {
	AnswerProbe,
	AnswerRequest,
	AnswerResult,
	AnswerScores,
	StageTimings
} from '$lib/model/runtime/types.ts';
import type { TokenMatrix } from '$lib/analysis/token-similarity.ts';
import { greedy } from '$lib/model/runtime/sampling.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';
import type { Control } from '$lib/study/control.ts';
import type { Subject } from '$lib/workbench/figures/subject.ts';

/** Only the first tokens of an answer are timed: what one token takes does not depend on how many follow. */
const TIMED_TOKENS = 16;

/** Runs of the model that a time is the median of, after one that is not counted. */
export const timedRuns = 5;

/** The one question about the one image, without what was said before. */
export function questionRequest(subject: Subject, question: string): Omit<AnswerRequest, 'sampling'> {
	const { image, ...choice } = subject.request;
	return { ...choice, turns: [{ question, images: [image] }] };
}

/** A greedy answer; `onText` gets it as it grows. @throws AbortError when stopped, InputError when it cannot be asked */
export async function answerOf(
	client: ModelClient,
	request: AnswerRequest,
	signal: AbortSignal | undefined,
	onText: (text: string) => void = () => undefined
): Promise<AnswerResult> {
	signal?.throwIfAborted();
	for await (const event of client.answer(request, { signal })) {
		if (event.type === 'token') onText(event.text);
		if (event.type !== 'done') continue;
		signal?.throwIfAborted();
		return event.result;
	}
	throw new Error('The answer ended before it was whole; ask again.');
}

/** `visual_embeds` without its eos tokens [M, hidden]. */
export async function visualTokens(
	client: ModelClient,
	subject: Subject,
	signal: AbortSignal | undefined
): Promise<TokenMatrix> {
	const { visual_embeds } = await client.trace({ ...subject.request, names: ['visual_embeds'] });
	signal?.throwIfAborted();
	if (visual_embeds?.dtype !== 'float32') throw new Error('The model gave no float32 visual tokens.');
	const width = visual_embeds.dims.at(-1)!;
	const data = (visual_embeds.data as Float32Array).slice(0, subject.tokens * width);
	return { tokens: subject.tokens, width, data };
}

/** Milliseconds of every stage in each of several runs, all caches empty and everything warm. */
export interface TimedStages extends Record<keyof StageTimings, readonly number[]> {
	/** Milliseconds from the image to the first token. */
	readonly first: readonly number[];
	/** Prompt positions computed in each run. */
	readonly positions: number;
}

/**
 * Times the same answer again and again, each time with nothing from a cache. Columns that are timed together take turns run by run: what
 * else the machine does falls on all of them. Decoding is per token.
 */
export async function timeStages(
	client: ModelClient,
	subject: Subject,
	question: string,
	{ signal, onProgress }: Control,
	runs = timedRuns
): Promise<TimedStages> {
	const request = {
		...questionRequest(subject, question),
		sampling: { ...greedy, max_new_tokens: TIMED_TOKENS },
		cold: true
	};
	const times = { vision: [], projector: [], prefill: [], decode: [], first: [] } as Record<
		keyof StageTimings | 'first',
		number[]
	>;
	let positions = 0;
	for (let run = 0; run <= runs; run++) {
		const result = await answerOf(client, request, signal);
		onProgress?.({ done: run + 1, total: runs + 1 });
		if (run === 0) continue;
		const { vision, projector, prefill, decode } = result.timings_ms;
		positions = result.prompt_ids.length - result.cached_positions;
		times.vision.push(vision);
		times.projector.push(projector);
		times.prefill.push(prefill);
		times.first.push(vision + projector + prefill);
		if (result.ids.length > 1) times.decode.push(decode / (result.ids.length - 1));
	}
	return { ...times, positions };
}

/** An answer that is to be scored. */
export interface Written {
	/** Column that wrote it. */
	readonly writer: number;
	/** The model that wrote it; only the same model has the same ids. */
	readonly model: string;
	readonly text: string;
	/** Without the end token. */
	readonly ids: readonly number[];
}

/** Forced decoding: how likely each token of an answer is to this column. */
export async function scoreAnswer(
	client: ModelClient,
	subject: Subject,
	question: string,
	{ model, text, ids }: Written,
	signal: AbortSignal | undefined
): Promise<AnswerScores> {
	const answer: AnswerProbe['answer'] = model === subject.manifest.name ? { ids } : { text };
	const scores = await client.score({ ...questionRequest(subject, question), answer });
	signal?.throwIfAborted();
	return scores;
}
