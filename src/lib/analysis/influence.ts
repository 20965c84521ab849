import { InputError } from '../tensor/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { AnswerWord } from './answer-diff.ts';
import type { HeadChoice } from './attention-maps.ts';

/**
 * Attention of words to visual tokens: the mean over a word's tokens, and over layers and heads where no single one is chosen.
 * @param attention [layer, head, answer, M], from the position that predicts each token of the answer
 * @returns [words, M]
 */
export function wordAttention(
	attention: Tensor<'float32'>,
	words: readonly AnswerWord[],
	layer: HeadChoice = 'mean',
	head: HeadChoice = 'mean'
): Float32Array {
	const [layers = 0, heads = 0, answer = 0, M = 0] = attention.dims;
	if (attention.dims.length !== 4)
		throw new InputError(
			`Attention of words needs [layer, head, answer, visual token], got [${attention.dims.join(', ')}].`
		);
	const ls = chosen(layer, layers, 'layer');
	const hs = chosen(head, heads, 'head');
	return overWords(words, answer, M, (out, row, count) => {
		const share = 1 / (count * ls.length * hs.length);
		for (const l of ls)
			for (const h of hs) {
				const from = ((l * heads + h) * answer + row) * M;
				for (let m = 0; m < M; m++) out[m]! += attention.data[from + m]! * share;
			}
	});
}

/**
 * What visual tokens do for words: the sum over a word's tokens, since log-probabilities add up.
 * @param gains by ablation or gradient, [answer, M], nats
 * @returns [words, M]
 */
export function wordGains(gains: Tensor<'float32'>, words: readonly AnswerWord[]): Float32Array {
	const [answer = 0, M = 0] = gains.dims;
	if (gains.dims.length !== 2)
		throw new InputError(`Gains of words need [answer, visual token], got [${gains.dims.join(', ')}].`);
	return overWords(words, answer, M, (out, row) => {
		for (let m = 0; m < M; m++) out[m]! += gains.data[row * M + m]!;
	});
}

function overWords(
	words: readonly AnswerWord[],
	answer: number,
	M: number,
	add: (out: Float32Array, row: number, count: number) => void
): Float32Array {
	const out = new Float32Array(words.length * M);
	words.forEach(({ from, to }, w) => {
		if (from < 0 || to > answer)
			throw new InputError(`A word has tokens ${from} to ${to - 1} of an answer that has ${answer}.`);
		for (let row = from; row < to; row++) add(out.subarray(w * M, (w + 1) * M), row, to - from);
	});
	return out;
}

function chosen(choice: HeadChoice, count: number, what: string): number[] {
	if (choice === 'mean') return Array.from({ length: count }, (_, i) => i);
	if (!(choice >= 0 && choice < count))
		throw new InputError(`There is no ${what} ${choice}; choose one of 0 to ${count - 1}.`);
	return [choice];
}
