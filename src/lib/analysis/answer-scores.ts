import { InputError } from '../tensor/errors.ts';
import { answerWords } from './answer-diff.ts';

/** Forced decoding of one answer by one model, word by word. */
export interface WordScore {
	readonly word: string;
	/** Sum of the log-probabilities of the word's tokens, nats. */
	readonly logProbability: number;
	readonly tokens: number;
}

export interface AnswerScore {
	readonly words: readonly WordScore[];
	/** Sum over all tokens, nats. */
	readonly total: number;
	readonly tokens: number;
	/** exp(−total / tokens): 1 for an answer that is certain; per token of the model that scores. */
	readonly perplexity: number;
}

/**
 * @param pieces what each token of the answer adds to its text; joined they are the answer
 * @param logProbabilities of each of these tokens, nats
 * @throws InputError when there is nothing to score or the two do not fit
 */
export function scoreWords(pieces: readonly string[], logProbabilities: ArrayLike<number>): AnswerScore {
	if (pieces.length === 0 || pieces.length !== logProbabilities.length)
		throw new InputError(
			`An answer of ${pieces.length} tokens with ${logProbabilities.length} scores cannot be shown; ask and score again.`
		);
	let soFar = '';
	const texts = pieces.map((piece) => (soFar += piece));
	const counted = new Set<number>();
	const words = answerWords(texts).map(({ word, from, to }) => {
		let sum = 0;
		let tokens = 0;
		// A token that two words share counts with the first.
		for (let i = from; i < to; i++)
			if (!counted.has(i)) {
				counted.add(i);
				sum += logProbabilities[i]!;
				tokens++;
			}
		return { word, logProbability: sum, tokens };
	});
	let total = 0;
	for (let i = 0; i < logProbabilities.length; i++) total += logProbabilities[i]!;
	return { words, total, tokens: pieces.length, perplexity: Math.exp(-total / pieces.length) };
}
