import { wordAttention, wordGains } from '../analysis/influence.ts';
import type { TokenPatchMap } from '../analysis/map.ts';
import { spearman } from '../analysis/statistics.ts';
import { twoHops } from '../analysis/two-hop.ts';
import type { AnswerScores, Influence } from '../model/runtime/types.ts';
import { answerProvenance, giveAnswer, probeOf, type GivenAnswer } from './answer.ts';
import { DIRECTIONS, type Choices } from './choices.ts';
import type { Control } from './control.ts';
import { required, type FigureStudy, type Work } from './figure-study.ts';
import { gainPhrases, measureInfluence, requireWords, shownWord } from './influence.ts';
import { pictureOf } from './subject.ts';
import { leftOutPhrase, tokensLeftOut } from './views.ts';

/** What every word of an answer depends on, and where the language model attends as it writes it. */
export interface MeasuredRelevance {
	readonly answer: GivenAnswer;
	/** By gradient or ablation. */
	readonly relevance: Influence;
	readonly attention: Influence;
	readonly map: TokenPatchMap;
	readonly scores: AnswerScores;
}

/** @throws as `Answerer.influence`, `Answerer.score` and `measure` */
export async function measureRelevance(
	work: Pick<Work, 'answerer' | 'maps'>,
	answer: GivenAnswer,
	{ relevance: method }: Pick<Choices, 'relevance'>,
	control: Control
): Promise<MeasuredRelevance> {
	const quiet = { signal: control.signal };
	const { influence: attention, map } = await measureInfluence(
		work,
		answer,
		{ influence: 'attention' },
		quiet
	);
	const scores = await required(work.answerer, 'model').score(probeOf(answer), quiet);
	const { influence: relevance } = await measureInfluence(work, answer, { influence: method }, control);
	return { answer, relevance, attention, map, scores };
}

export const wordRelevanceStudy = {
	page: 'answer',
	needs: ['model', 'image', 'question'],
	choices: ['relevance', 'scale', 'word'],
	counts: ({ answer: { words } }) => ({ word: words.length }),
	slow: true,
	measure: async (work, choices, control) =>
		measureRelevance(work, requireWords(await giveAnswer(work, control)), choices, control),
	show: ({ answer, relevance, attention, map, scores }, choices) => {
		const { words, subject } = answer;
		const { tokens } = subject;
		const gains = wordGains(relevance.values, words);
		const shares = wordAttention(attention.values, words);
		const leftOut = new Set(tokensLeftOut(subject));
		/** Of the tokens that the model gets: the others agree in being nothing. */
		const ofWord = (values: Float32Array, word: number) =>
			values.subarray(word * tokens, (word + 1) * tokens).filter((_, token) => !leftOut.has(token));
		const method = relevance.method === 'attention' ? 'gradient' : relevance.method;
		return {
			rows: {
				tokens,
				words: words.map(({ word, from, to }, w) => ({
					word,
					logProbability: scores.log_probabilities.subarray(from, to).reduce((sum, one) => sum + one, 0),
					agreement: spearman(ofWord(gains, w).map(Math.abs), ofWord(shares, w))
				})),
				relevance: { tokens: gains, patches: twoHops(gains, words.length, map, 'energy') },
				attention: { tokens: shares, patches: twoHops(shares, words.length, map, 'energy') },
				...(map.grid && { grid: map.grid }),
				word: shownWord(choices, words),
				scale: choices.scale,
				unit: method === 'gradient' ? 'nats per whole way' : 'nats',
				image: pictureOf(subject)
			},
			provenance: answerProvenance(answer),
			method: `relevance by ${gainPhrases[method]}; attention, mean over layers and heads; locality by perturbation, K = ${DIRECTIONS}${leftOutPhrase(subject)}`
		};
	}
} satisfies FigureStudy<MeasuredRelevance>;
