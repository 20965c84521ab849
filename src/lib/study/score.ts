import { scoreWords, type AnswerScore } from '../analysis/answer-scores.ts';
import { eosTokenIds } from '../model/config.ts';
import type { ModelManifest } from '../model/manifest.ts';
import type { AnswerProbe, AnswerResult, AnswerScores } from '../model/runtime/types.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import { questionRequest, type Seen } from './question.ts';

/** An answer that is to be scored. */
export interface WrittenAnswer {
	/** Name of the model that wrote it; only the same model has the same ids. */
	readonly model: string;
	readonly text: string;
	/** Without the end token. */
	readonly ids: readonly number[];
}

/** An answer as it is scored; undefined when there is nothing in it. */
export function writtenAnswer(
	result: AnswerResult,
	{ name, config }: ModelManifest
): WrittenAnswer | undefined {
	const { text } = result;
	if (text.trim() === '') return undefined;
	const ends = eosTokenIds(config.text_config);
	return { model: name, text, ids: result.ids.filter((id) => !ends.includes(id)) };
}

/**
 * Forced decoding: how likely each token of an answer is to a model, given image, question and all tokens before it.
 * @param model name of the one that scores
 * @throws as `Answerer.score`
 */
export async function scoreAnswer(
	answerer: Pick<Answerer, 'score'>,
	model: string,
	seen: Seen,
	question: string,
	written: Pick<WrittenAnswer, 'model' | 'text' | 'ids'>,
	control: Control = {}
): Promise<AnswerScores> {
	control.signal?.throwIfAborted();
	const answer: AnswerProbe['answer'] =
		written.model === model ? { ids: written.ids } : { text: written.text };
	const scores = await answerer.score({ ...questionRequest(seen, question), answer }, control);
	control.signal?.throwIfAborted();
	return scores;
}

/** Words with their scores. */
export const wordsOf = ({ pieces, log_probabilities }: AnswerScores): AnswerScore =>
	scoreWords(pieces, log_probabilities);

/** Natural logarithm of the probability of a whole text as the answer, nats. @throws as `Answerer.score` */
export async function logProbabilityOf(
	answerer: Pick<Answerer, 'score'>,
	seen: Seen,
	question: string,
	text: string,
	control: Control = {}
): Promise<number> {
	control.signal?.throwIfAborted();
	const request = { ...questionRequest(seen, question), answer: { text } };
	const { log_probabilities } = await answerer.score(request, control);
	return log_probabilities.reduce((sum, value) => sum + value, 0);
}
