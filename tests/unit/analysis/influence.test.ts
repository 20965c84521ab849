import { describe, expect, it } from 'vitest';
import { wordGains, wordAttention } from '../../../src/lib/analysis/influence.ts';
import { tensor } from '../../../src/lib/tensor/tensor.ts';

const words = [
	{ word: 'red', from: 0, to: 1 },
	{ word: 'apple', from: 1, to: 3 }
];

describe('influence on words', () => {
	// 2 layers, 2 heads, 3 tokens of the answer, 2 visual tokens; value = 1000·layer + 100·head + 10·answer + m
	const values = [0, 1].flatMap((l) =>
		[0, 1].flatMap((h) => [0, 1, 2].flatMap((a) => [0, 1].map((m) => 1000 * l + 100 * h + 10 * a + m)))
	);
	const attention = tensor('float32', [2, 2, 3, 2], Float32Array.from(values));

	it('attention is the mean over the word’s tokens, at one layer and head or over all', () => {
		expect([...wordAttention(attention, words, 1, 0)]).toEqual([1000, 1001, 1015, 1016]);
		expect([...wordAttention(attention, words)]).toEqual([550, 551, 565, 566]);
		expect([...wordAttention(attention, words, 'mean', 1)]).toEqual([600, 601, 615, 616]);
	});

	it('ablation adds up over the word’s tokens', () => {
		const ablation = tensor('float32', [3, 2], Float32Array.of(1, -1, 2, 3, 4, 5));
		expect([...wordGains(ablation, words)]).toEqual([1, -1, 6, 8]);
	});

	it('refuses what is not there', () => {
		expect(() => wordAttention(attention, words, 2)).toThrow('no layer 2');
		expect(() => wordAttention(attention, [{ word: 'x', from: 2, to: 4 }])).toThrow('an answer that has 3');
		expect(() => wordGains(attention, words)).toThrow('need [answer, visual token]');
	});
});
