/** How VLMEvalKit puts questions, before a model's own adapter changes them (vlmeval/dataset/image_mcq.py, image_yorn.py, image_base.py). */
import { listOptions } from '../text/options.ts';
import type { PosedQuestion } from '../text/posed-question.ts';

/** The commit that is followed. */
export const VLMEVALKIT = 'open-compass/VLMEvalKit at e8e78f0';

const PICK = 'Please select the correct answer from the options above.';

/** A choice with its hint and options, anything else as the data set has it. */
export function vlmevalQuestion({ kind, text, hint, options }: PosedQuestion): string {
	if (kind !== 'choice' && options === undefined) return text;
	return [
		...(hint === undefined ? [] : [`Hint: ${hint}\n`]),
		`Question: ${text}\n`,
		...(options?.length ? [`Options:\n${listOptions(options)}\n`, `${PICK} \n`] : [])
	].join('');
}

/** A question of MMMU, which stands under its word whether it has options or not. */
export const vlmevalMmmu = (question: PosedQuestion): string =>
	vlmevalQuestion({ ...question, options: question.options ?? [] });

/** With the words for a choice that SmolVLM's and nanoVLM's adapters put in their place. */
export const asChoices = (text: string, article: 'a' | 'the'): string =>
	text.replaceAll('\nOptions:', '\nChoices:').replaceAll(PICK, `Answer with ${article} letter.`);

/** A question that both adapters want a word or two on. */
export const askedBriefly = (question: PosedQuestion): string =>
	`${vlmevalQuestion(question).trim()}\nGive a very brief answer.`;

/** A choice in both adapters' words. */
export const askedForLetter = (question: PosedQuestion): string =>
	asChoices(vlmevalQuestion(question).trim(), 'the');

/** The question before its hint, as both do for MMBench. */
export function questionFirst(text: string): string {
	const [, hint, question, choices] = /^(Hint:.*?)\nQuestion:(.*?)\nChoices:(.*)$/s.exec(text) ?? [];
	return hint === undefined ? text : `Question:${question}\n${hint}\nChoices:${choices}`;
}

/** Text around the tags of MMMU's pictures (`<image 1>`), and their numbers between: every second entry is a number. */
export const aroundTags = (text: string): string[] => text.split(/<image (\d)>/);
