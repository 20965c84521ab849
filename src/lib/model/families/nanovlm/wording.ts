import type { PosedQuestion, QuestionSet, WordedQuestion, Wording } from '../../text/posed-question.ts';
import {
	aroundTags,
	asChoices,
	askedBriefly,
	askedForLetter,
	questionFirst,
	VLMEVALKIT,
	vlmevalMmmu,
	vlmevalQuestion
} from '../vlmeval-wording.ts';

const ANSWER = '\nAnswer:';
const source = `${VLMEVALKIT}, vlmeval/vlm/nanovlm.py`;

const choice = (question: PosedQuestion): string => askedForLetter(question) + ANSWER;

/** Pictures stand before the question; where it has tags of them, lines end. */
function mmmu(question: PosedQuestion): string {
	const parts = aroundTags(vlmevalMmmu(question)).filter((_, i) => i % 2 === 0);
	const joined = parts.map((part) => part.trim()).join('\n');
	const text = `Question: ${asChoices(joined.replaceAll('Question:', ''), 'the').trim()}`;
	return text.includes('A.') && text.includes('B.') ? text + ANSWER : text;
}

const sets: Partial<Record<QuestionSet, (question: PosedQuestion) => string>> = {
	MME: askedBriefly,
	POPE: askedBriefly,
	'MM-Vet': askedBriefly,
	MMBench: (question) => questionFirst(asChoices(vlmevalQuestion(question).trim(), 'a')) + ANSWER,
	'SEED-Bench': choice,
	ScienceQA: choice,
	MMMU: mmmu
};

/** As VLMEvalKit's adapter asks nanoVLM: "Answer:" ends the question of a choice, and POPE is answered briefly, too. */
export const wording: Wording = (set) => ({
	source,
	ask: (question): WordedQuestion => ({
		text: (sets[set] ?? ((one) => vlmevalQuestion(one).trim()))(question)
	})
});
