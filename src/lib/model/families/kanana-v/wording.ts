import { listOptions } from '../../text/options.ts';
import type { PosedQuestion, QuestionSet, SetWording, Wording } from '../../text/posed-question.ts';
import { VLMEVALKIT, vlmevalMmmu, vlmevalQuestion } from '../vlmeval-wording.ts';

const CARD = 'by the model card of Kanana-1.5-v-3b';
const LMMS = 'EvolvingLMMs-Lab/lmms-eval at 75571cf, lmms_eval/tasks';
const LETTER = "Answer with the option's letter from the given choices directly.";

function mmbench({ text, hint, options = [] }: PosedQuestion): string {
	const asked = hint === undefined ? text : `${hint} ${text}`;
	return `${asked} There are several options:\n${listOptions(options)}\n\n${LETTER}`;
}

/** The model card names the harness of each; of the data sets that it does not name there is no published wording. */
const sets: Partial<Record<QuestionSet, SetWording>> = {
	MMMU: {
		source: `${VLMEVALKIT}, vlmeval/dataset/image_mcq.py, ${CARD}; the picture before the question`,
		ask: (question) => ({ text: vlmevalMmmu(question) })
	},
	ScienceQA: {
		source: `${VLMEVALKIT}, vlmeval/dataset/image_mcq.py, ${CARD}`,
		ask: (question) => ({ text: vlmevalQuestion(question) })
	},
	MMBench: {
		source: `${LMMS}/mmbench, ${CARD}`,
		ask: (question) => ({ text: mmbench(question) })
	},
	'SEED-Bench': {
		source: `${LMMS}/seedbench, ${CARD}`,
		ask: ({ text, options = [] }) => ({ text: `${text}\n${listOptions(options)}\n${LETTER}` })
	}
};

export const wording: Wording = (set) => sets[set];
