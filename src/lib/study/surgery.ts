import { alignWords, wordDeltas, type AnswerWord, type WordPair } from '../analysis/answer-diff.ts';
import type { AnswerResult, TokenEdit } from '../model/runtime/types.ts';
import { greedy } from '../model/runtime/sampling.ts';
import { InputError } from '../tensor/errors.ts';
import { answerProvenance, giveAnswer, promptOf, wordsIn, type GivenAnswer } from './answer.ts';
import type { Answerer } from './answerer.ts';
import { ask } from './ask.ts';
import type { Control } from './control.ts';
import { describeEdit, readEdits } from './edits.ts';
import { required, type FigureStudy } from './figure-study.ts';
import { oneTitleEach } from './subject.ts';
import { tokensInPrompt } from './views.ts';

/** An answer given again with changed visual tokens. */
export interface MeasuredSurgery {
	readonly answer: GivenAnswer;
	readonly edits: readonly TokenEdit[];
	readonly again: AnswerResult;
	/** Words of the answer before and of the new one, each scored without the edits and with them. */
	readonly pairs: readonly WordPair[];
}

/**
 * Answers again with the edits, and scores the old answer and the new one before and after them. The answer comes first: scoring would leave
 * the changed prompt in the cache, and `again.cached_positions` would not tell what the change let stand. @throws as `ask`
 */
export async function answerAgain(
	answerer: Answerer,
	answer: GivenAnswer,
	edits: readonly TokenEdit[],
	{ signal, onProgress }: Control
): Promise<MeasuredSurgery> {
	const total = 5;
	let done = 0;
	const step = async <T>(work: Promise<T>): Promise<T> => {
		const result = await work;
		signal?.throwIfAborted();
		onProgress?.({ done: ++done, total });
		return result;
	};
	onProgress?.({ done, total });
	const prompt = promptOf(answer);
	/** Words of one answer, without the edits and with them. */
	const deltas = async (ids: readonly number[], words: readonly AnswerWord[]) => {
		if (words.length === 0) return [];
		const probe = { ...prompt, answer: { ids } };
		const before = await step(answerer.score(probe, { signal }));
		const after = await step(answerer.score({ ...probe, edits }, { signal }));
		return wordDeltas(words, before.log_probabilities, after.log_probabilities);
	};
	const texts: string[] = [];
	const sampling = { ...greedy, max_new_tokens: Math.max(64, 2 * answer.ids.length) };
	const again = await step(
		ask(answerer, { ...prompt, edits, sampling }, { signal, onText: (text) => texts.push(text) })
	);
	const old = await deltas(answer.ids, answer.words);
	const fresh = await deltas(again.ids, wordsIn(texts, again.ids));
	return { answer, edits, again, pairs: alignWords(old, fresh) };
}

export const surgeryChangeStudy = {
	page: 'answer',
	needs: ['model', 'image', 'question'],
	choices: ['edits'],
	measure: async (work, { edits: word }, control) => {
		const subject = required(work.subject, 'image');
		// Transplants name the image they come from by the beginning of its hash.
		const images = new Map(
			(work.set?.images ?? [subject.image]).map((image) => [image.id.slice(0, 16), image])
		);
		const edits =
			word === undefined
				? [
						{
							kind: 'mean' as const,
							tokens: tokensInPrompt(subject.manifest, subject.image, subject.tokens)
						}
					]
				: readEdits(word, images);
		if (edits.length === 0)
			throw new InputError(`"${word}" names no change of visual tokens; an example is mean.3.4-delete.1.`);
		return answerAgain(required(work.answerer, 'model'), await giveAnswer(work, control), edits, control);
	},
	show: ({ answer, edits, pairs }) => ({
		rows: { pairs },
		provenance: answerProvenance(answer),
		method: edits.map((edit) => describeEdit(edit, oneTitleEach(answer.subject.manifest))).join('; ')
	})
} satisfies FigureStudy<MeasuredSurgery>;
