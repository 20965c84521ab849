import { IMAGE_PLACEHOLDER } from '../../text/prompts.ts';
import type {
	PosedQuestion,
	QuestionSet,
	SetWording,
	WordedQuestion,
	Wording
} from '../../text/posed-question.ts';
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

const ANSWER = ' Answer:';
const source = `${VLMEVALKIT}, vlmeval/vlm/smolvlm.py`;

const brief = (question: PosedQuestion): WordedQuestion => ({ text: askedBriefly(question) });
const choice = (question: PosedQuestion): WordedQuestion => ({
	text: askedForLetter(question),
	begins: ANSWER
});

/** MMMU's pictures stand within the question, first each with its number, then by number where the question has a tag. */
function mmmu(question: PosedQuestion, pictures: number): WordedQuestion {
	const numbers = Array.from({ length: pictures }, (_, i) => i + 1);
	const parts = aroundTags(vlmevalMmmu(question));
	const tagged =
		parts.length > 1 || pictures === 0
			? parts
			: ['', ...numbers.flatMap((number) => [`${number}`, '']).slice(0, -1), parts[0]!];
	const body = tagged.map((part, i) =>
		i % 2 === 1 ? ` <image ${part}> ` : asChoices(part.trim().replaceAll('Question:', ''), 'the').trim()
	);
	const shown = numbers.map((number) => `<image ${number}>:${IMAGE_PLACEHOLDER}\n`).join('');
	const text = `Question: ${shown}${body.join('')}`;
	return { text, ...(text.includes('A.') && text.includes('B.') && { begins: ANSWER }) };
}

const sets: Partial<Record<QuestionSet, SetWording['ask']>> = {
	MME: brief,
	'MM-Vet': brief,
	MMBench: (question) => ({
		text: questionFirst(asChoices(vlmevalQuestion(question).trim(), 'a')),
		begins: ANSWER
	}),
	'SEED-Bench': choice,
	ScienceQA: choice,
	MMMU: mmmu
};

/** As VLMEvalKit's adapter asks SmolVLM and SmolVLM2: choices end in "Answer:", the rest is asked as it stands or for a very brief answer. */
export const wording: Wording = (set) => ({
	source,
	ask: sets[set] ?? ((question) => ({ text: vlmevalQuestion(question).trim() }))
});
