import type { HeadChoice } from '../analysis/attention-maps.ts';
import { wordAttention, wordGains } from '../analysis/influence.ts';
import type { TokenPatchMap } from '../analysis/map.ts';
import { twoHops } from '../analysis/two-hop.ts';
import { GRADIENT_STEP } from '../model/probes/language.ts';
import type { Influence, InfluenceMethod } from '../model/runtime/types.ts';
import { InputError } from '../tensor/errors.ts';
import { answerProvenance, giveAnswer, probeOf, type GivenAnswer } from './answer.ts';
import { DIRECTIONS, type Choices } from './choices.ts';
import type { Control } from './control.ts';
import { required, type Counts, type FigureStudy, type Work } from './figure-study.ts';
import { standardMethod } from './measurement.ts';
import { pictureOf } from './subject.ts';
import { columnsOfView, leftOutPhrase } from './views.ts';

/** Influence of the visual tokens of the view on an answer, and the map that carries it on to the patches. */
export interface MeasuredInfluence {
	readonly answer: GivenAnswer;
	readonly influence: Influence;
	/** As `influence.values`, of the visual tokens of all views. */
	readonly all: Influence['values'];
	readonly map: TokenPatchMap;
}

/** Two hops: words to visual tokens, visual tokens to patches. @throws as `Answerer.influence` and `measure` */
export async function measureInfluence(
	work: Pick<Work, 'answerer' | 'maps'>,
	answer: GivenAnswer,
	{ influence: method }: Pick<Choices, 'influence'>,
	control: Control
): Promise<MeasuredInfluence> {
	const answerer = required(work.answerer, 'model');
	const influence = await answerer.influence({ ...probeOf(answer), method }, control);
	const measured = await required(work.maps, 'model').get(
		answer.subject,
		{ method: standardMethod, directions: DIRECTIONS },
		control
	);
	if (measured.kind !== 'map') throw new Error('The model gave no map of its visual tokens.');
	const { view, views } = answer.subject;
	const values = columnsOfView(influence.values, view, views.length);
	return { answer, influence: { ...influence, values }, all: influence.values, map: measured.map };
}

/** @throws InputError for an answer without words */
export function requireWords(answer: GivenAnswer): GivenAnswer {
	if (answer.words.length === 0)
		throw new InputError('The answer has no words to look into; ask something else.');
	return answer;
}

/** What there is of words, layers and heads; of the latter where attention is shown. */
export function countsOf({
	answer: { words },
	influence: { method, values }
}: Pick<MeasuredInfluence, 'answer' | 'influence'>): Counts {
	const [layers = 0, heads = 0] = values.dims;
	return { word: words.length, ...(method === 'attention' && { layer: layers, head: heads }) };
}

/** The word of an answer that is shown: one chosen of a longer answer is the last of this. */
export const shownWord = ({ word = 0 }: Pick<Choices, 'word'>, words: readonly unknown[]): number =>
	Math.max(0, Math.min(word, words.length - 1));

/** A layer or head; one chosen for another model may be none here. */
const inside = (choice: number | undefined, count = 0): number | undefined =>
	choice === undefined || choice >= count ? undefined : choice;
const known = (choice: number | undefined, count?: number): HeadChoice => inside(choice, count) ?? 'mean';

/** How gains in log-probability are measured, a phrase each. */
export const gainPhrases: Readonly<Record<Exclude<InfluenceMethod, 'attention'>, string>> = {
	ablation: 'ablation, each token replaced by the mean',
	gradient: `gradient × (token − mean), central differences of ±${100 * GRADIENT_STEP} % of the way`
};

/** How influences are made, without what carries them on to patches. */
export function influencePhrase(
	{ influence: { method } }: Pick<MeasuredInfluence, 'influence'>,
	{ layer, head }: Choices
): string {
	if (method !== 'attention') return gainPhrases[method];
	const part = (what: string, choice: number | undefined) =>
		choice === undefined ? `mean over ${what}s` : `${what} ${choice}`;
	return `attention, ${part('layer', layer)}, ${part('head', head)}`;
}

/** Influence on each word, of visual tokens whose numbers are the last axis of `all`. @returns values [words, tokens] */
export function wordInfluence(
	{ answer: { words }, influence: { method } }: Pick<MeasuredInfluence, 'answer' | 'influence'>,
	all: Influence['values'],
	choices: Choices
) {
	const [layers, heads] = all.dims;
	const signed = method !== 'attention';
	return {
		values: signed
			? wordGains(all, words)
			: wordAttention(all, words, known(choices.layer, layers), known(choices.head, heads)),
		label: signed ? 'Gain' : 'Attention',
		unit: signed ? 'nats' : 'share',
		signed
	};
}

export const attentionHeadsStudy = {
	page: 'answer',
	needs: ['model', 'image', 'question'],
	choices: ['layer', 'head', 'word'],
	counts: countsOf,
	measure: async (work, _choices, control) =>
		measureInfluence(
			work,
			requireWords(await giveAnswer(work, control)),
			{ influence: 'attention' },
			control
		),
	show: ({ answer, influence, map }, choices) => {
		const { words, subject } = answer;
		if (influence.method !== 'attention')
			throw new InputError('Heads are of attention; choose attention as the influence.');
		const [layers = 0, heads = 0] = influence.values.dims;
		const word = shownWord(choices, words);
		const { tokens } = subject;
		const shares = new Float32Array(layers * heads * tokens);
		for (let layer = 0; layer < layers; layer++)
			for (let head = 0; head < heads; head++)
				shares.set(
					wordAttention(influence.values, [words[word]!], layer, head),
					(layer * heads + head) * tokens
				);
		const maps = twoHops(shares, layers * heads, map, 'energy');
		const layer = inside(choices.layer, layers);
		const head = inside(choices.head, heads);
		return {
			rows: {
				...{ word: words[word]!.word, layers, heads, maps },
				...(map.grid && { grid: map.grid }),
				...(layer !== undefined && { layer }),
				...(head !== undefined && { head }),
				image: pictureOf(subject)
			},
			provenance: answerProvenance(answer),
			method: `word ${word + 1} of ${words.length}; locality by perturbation, K = ${DIRECTIONS}`
		};
	}
} satisfies FigureStudy<MeasuredInfluence>;

export const answerInfluenceStudy = {
	page: 'answer',
	needs: ['model', 'image', 'question'],
	choices: ['influence', 'layer', 'head', 'word'],
	counts: countsOf,
	measure: async (work, choices, control) =>
		measureInfluence(work, requireWords(await giveAnswer(work, control)), choices, control),
	show: (of, choices) => {
		const { answer, influence, map } = of;
		const { words, subject } = answer;
		const { values, ...meaning } = wordInfluence(of, influence.values, choices);
		return {
			rows: {
				words: words.map(({ word }) => word),
				tokens: subject.tokens,
				influence: values,
				patches: twoHops(values, words.length, map, 'energy'),
				word: shownWord(choices, words),
				...meaning,
				...(map.grid && { grid: map.grid }),
				image: pictureOf(subject)
			},
			provenance: answerProvenance(answer),
			method: `${influencePhrase(of, choices)}; locality by perturbation, K = ${DIRECTIONS}${leftOutPhrase(subject)}`
		};
	}
} satisfies FigureStudy<MeasuredInfluence>;
