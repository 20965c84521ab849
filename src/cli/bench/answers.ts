import type { ModelManifest } from '../../lib/model/manifest.ts';
import type { ImageInput, StageTimings, Turn } from '../../lib/model/runtime/types.ts';
import { greedy } from '../../lib/model/runtime/sampling.ts';
import type { Answerer } from '../../lib/study/answerer.ts';
import { ask } from '../../lib/study/ask.ts';

/** One answer as a user meets it; milliseconds. */
export interface TimedAnswer {
	readonly question: string;
	/** From the question to the first token. */
	readonly first_token_ms: number;
	readonly stages_ms: StageTimings;
	readonly tokens: number;
	/** Prompt positions taken from the cache. */
	readonly cached_positions: number;
	readonly prompt_positions: number;
}

/** A whole model on one backend. */
export interface AnswersResult {
	readonly backend: string;
	readonly description: string;
	readonly load_ms: number;
	/** The first answer pays for everything; the others are about the same image. */
	readonly answers: readonly TimedAnswer[];
	/** Bytes; absent where the system does not tell. */
	readonly peak_memory?: number;
	/** Kernels that the GPU is given for each decoded token. */
	readonly dispatches_per_token?: number;
}

const questions = ['Describe the image in detail.', 'What is on the left?', 'Is there a dog in the image?'];

/** Asks the questions one after the other in one conversation about one image. */
export async function measureAnswers(
	model: Pick<Answerer, 'answer'>,
	manifest: ModelManifest,
	image: ImageInput
): Promise<TimedAnswer[]> {
	const projector = Object.keys(manifest.projectors)[0]!;
	const turns: Turn[] = [];
	const timed: TimedAnswer[] = [];
	for (const question of questions) {
		const begin = performance.now();
		let first = 0;
		const turn = { question, images: turns.length ? [] : [image] };
		const request = { projector, turns: [...turns, turn], sampling: { ...greedy, max_new_tokens: 24 } };
		const { text, ids, prompt_ids, timings_ms, cached_positions } = await ask(model, request, {
			onText: () => (first ||= performance.now() - begin)
		});
		turns.push({ ...turn, answer: text, answer_ids: ids });
		timed.push({
			question,
			first_token_ms: first,
			stages_ms: timings_ms,
			tokens: ids.length,
			cached_positions,
			prompt_positions: prompt_ids.length
		});
	}
	return timed;
}
