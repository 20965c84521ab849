import type { AnswerRequest, AnswerResult, ImageInput } from '$lib/model/runtime/types.ts';
import { stageCosts, type StageCost } from '$lib/benchmarks/cost.ts';
import type { TargetChoice } from '$lib/benchmarks/run/target.ts';
import type { ModelManifest } from '$lib/model/manifest.ts';
import { greedy } from '$lib/model/runtime/sampling.ts';
import type { ModelClient } from '$lib/workbench/session/client.ts';
import type { Control } from '$lib/study/control.ts';

/** Stages that are timed, with their words in figures. */
export const stages = {
	vision: 'Vision tower',
	projector: 'Projector',
	prefill: 'Prefill',
	decode_per_token: 'Decoding, a token',
	whole: 'Whole answer'
} as const;
export type TimedStage = keyof typeof stages;

/** Warm times of one projector at one M, in the order they were taken. */
export interface Timing extends TargetChoice {
	readonly ms: Readonly<Record<TimedStage, readonly number[]>>;
	/** Operations that the cost model counts for the same prompt. */
	readonly operations: StageCost;
}

/** Warm runs of each projector and M; the issue of a figure's error bars. */
export const WARM_RUNS = 5;
const NEW_TOKENS = 16;

/**
 * Times of one answer, stage by stage. Rounds go over all targets, the first of them to warm up; nothing but the first token of the
 * prompt comes out of a cache.
 */
export async function measureLatency(
	client: ModelClient,
	manifest: ModelManifest,
	targets: readonly TargetChoice[],
	{ image, question }: { readonly image: ImageInput; readonly question: string },
	{ signal, onProgress }: Control
): Promise<Timing[]> {
	const total = targets.length * (WARM_RUNS + 1);
	const taken = targets.map(() => new Array<AnswerResult>());
	let done = 0;
	for (let round = 0; round <= WARM_RUNS; round++)
		for (const [i, target] of targets.entries()) {
			onProgress?.({ done, total });
			await flush(client, target, signal);
			const result = await answer(
				client,
				{
					...target,
					// Another name each time: features and visual tokens of a known image are not computed again.
					turns: [{ question, images: [{ ...image, id: `${image.id} ${round} ${i}` }] }],
					sampling: { ...greedy, max_new_tokens: NEW_TOKENS }
				},
				signal
			);
			if (round > 0) taken[i]!.push(result);
			done++;
		}
	return targets.map((target, i) => timing(manifest, target, taken[i]!));
}

/** Another prompt, so that the cache of keys and values holds nothing of the one that is measured. */
function flush(
	client: ModelClient,
	target: TargetChoice,
	signal: AbortSignal | undefined
): Promise<AnswerResult> {
	return answer(
		client,
		{
			...target,
			turns: [{ question: '', images: [] }],
			raw_prompt: 'x',
			sampling: { ...greedy, max_new_tokens: 1 }
		},
		signal
	);
}

async function answer(
	client: ModelClient,
	request: AnswerRequest,
	signal: AbortSignal | undefined
): Promise<AnswerResult> {
	for await (const event of client.answer(request, { signal }))
		if (event.type === 'done') {
			if (event.result.stop_reason !== 'cancelled') return event.result;
			signal?.throwIfAborted();
			throw new Error('The measurement was stopped by something else; measure again.');
		}
	throw new Error('The answer ended without a result.');
}

function timing(manifest: ModelManifest, target: TargetChoice, results: readonly AnswerResult[]): Timing {
	const of = (stage: keyof AnswerResult['timings_ms']) => results.map(({ timings_ms }) => timings_ms[stage]);
	const { num_eos_tokens, config } = manifest.projectors[target.projector]!;
	const prompt = results[0]!.prompt_ids.length;
	return {
		...target,
		ms: {
			vision: of('vision'),
			projector: of('projector'),
			prefill: of('prefill'),
			decode_per_token: results
				.filter(({ ids }) => ids.length > 1)
				.map(({ timings_ms, ids }) => timings_ms.decode / (ids.length - 1)),
			whole: results.map(
				({ timings_ms: { vision, projector, prefill, decode } }) => vision + projector + prefill + decode
			)
		},
		operations: stageCosts({
			vision_config: manifest.config.vision_config,
			text_config: manifest.config.text_config,
			projector_config: config,
			tokens: target.tokens,
			text_tokens: prompt - target.tokens - num_eos_tokens
		})
	};
}
