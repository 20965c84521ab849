import { answerWords, type AnswerWord } from '../analysis/answer-diff.ts';
import type { AnswerProbe, Turn } from '../model/runtime/types.ts';
import { greedy } from '../model/runtime/sampling.ts';
import { ask } from './ask.ts';
import type { Control } from './control.ts';
import { required, type Work } from './figure-study.ts';
import type { Subject } from './subject.ts';

/** Asked where no question is given. */
export const GENERAL_QUESTION = 'Describe the image.';

/** An answer that is looked into. */
export interface GivenAnswer {
	/** The projector at M that gave it, and the last image it is about. */
	readonly subject: Subject;
	/** The conversation up to the question. */
	readonly turns: readonly Turn[];
	readonly ids: readonly number[];
	readonly words: readonly AnswerWord[];
}

/** The question last asked, as figures name it beside what they are of; which one, where it was asked after others. */
export function questionPhrase(turns: readonly Pick<Turn, 'question'>[]): string {
	const question = turns.at(-1)?.question.replace(/\s+/g, ' ').trim() ?? '';
	return `${turns.length > 1 ? `question ${turns.length}: ` : ''}“${question}”`;
}

/** Where the numbers of a figure of an answer come from, one line: the question is part of it. */
export const answerProvenance = ({ subject, turns }: Pick<GivenAnswer, 'subject' | 'turns'>): string =>
	`${subject.provenance} · ${questionPhrase(turns)}`;

/** The request that it answers. */
export function promptOf({ subject, turns }: Pick<GivenAnswer, 'subject' | 'turns'>) {
	const { projector, tokens } = subject.request;
	return { projector, ...(tokens !== undefined && { tokens }), turns };
}

export const probeOf = (answer: GivenAnswer): AnswerProbe => ({
	...promptOf(answer),
	answer: { ids: answer.ids }
});

/** Words of a whole answer. @param texts after each token, whole @param ids of the answer */
export const wordsIn = (texts: readonly string[], ids: readonly number[]): readonly AnswerWord[] =>
	answerWords(texts.slice(0, ids.length));

/** Asks the question about the subject's image, greedily. @throws as `ask` */
export async function giveAnswer(work: Work, control: Control): Promise<GivenAnswer> {
	const subject = required(work.subject, 'image');
	const question = work.question ?? GENERAL_QUESTION;
	const turns: Turn[] = [{ question, images: [subject.request.image] }];
	const texts: string[] = [];
	const { ids } = await ask(
		required(work.answerer, 'model'),
		{ ...promptOf({ subject, turns }), sampling: greedy },
		{ signal: control.signal, onText: (text) => texts.push(text) }
	);
	return { subject, turns, ids, words: wordsIn(texts, ids) };
}
