/** How LLaVA-1.5's evaluation words benchmarks, and that of what came of it. */
import { letter, listOptions } from '../text/options.ts';
import type { PosedQuestion, QuestionSet, SetWording, Wording } from '../text/posed-question.ts';

const LETTER = "Answer with the option's letter from the given choices directly.";
const SHORT = 'Answer the question using a single word or phrase.';

/** Without the data set's own request for yes or no, which an instruction replaces. */
export const withoutYesNo = (text: string): string => text.replace(/\s*Please answer yes or no\.?\s*$/, '');

/** Hint, question, options and what to answer with, a line each. */
export function llavaQuestion({ kind, text, hint, options = [] }: PosedQuestion): string {
	switch (kind) {
		case 'yes-no':
			return `${withoutYesNo(text)}\n${SHORT}`;
		case 'short':
			return `${text}\n${SHORT}`;
		case 'choice':
			return [...(hint === undefined ? [] : [hint]), text, listOptions(options), LETTER].join('\n');
		case 'open':
			return text;
	}
}

/** What LLaVA's own tools leave to others: ScienceQA's text, which its file of questions holds, and MMMU. */
const elsewhere: Partial<Record<QuestionSet, SetWording>> = {
	ScienceQA: {
		source:
			'EvolvingLMMs-Lab/lmms-eval at 75571cf, lmms_eval/tasks/scienceqa/utils.py; the instruction as in llava/eval/model_vqa_science.py',
		ask: ({ hint, ...question }) => ({
			text: llavaQuestion({ ...question, ...(hint !== undefined && { hint: `Context: ${hint}` }) })
		})
	},
	MMMU: {
		source:
			"MMMU's llava1.5.yaml as in CircleRadon/TokenPacker at 771a16e, llava/eval/mmmu/eval; greedy, and the picture before the question",
		ask: ({ kind, text, options = [] }) => ({
			text:
				kind === 'choice'
					? `${text}\n\n${options.map((option, i) => `(${letter(i)}) ${option}\n`).join('')}\n\n${LETTER}`
					: `${text}\n\n${SHORT}`
		})
	}
};

/** @param source where a family's own evaluation words its questions so */
export const llavaWording =
	(source: string): Wording =>
	(set) =>
		elsewhere[set] ?? { source, ask: (question) => ({ text: llavaQuestion(question) }) };
