import { describe, expect, it } from 'vitest';
import { scoreWords } from '../../../src/lib/analysis/answer-scores.ts';
import { cellAcross } from '../../../src/lib/analysis/correspondence.ts';
import { sideBySide } from '../../../src/lib/viz/panels.ts';

describe('scores of words', () => {
	it('add up the tokens of each word; perplexity is per token', () => {
		const score = scoreWords(['A', ' red', ' c', 'ar', '.'], [-0.5, -1, -2, -0.25, -0.25]);
		expect(score.words).toEqual([
			{ word: 'A', logProbability: -0.5, tokens: 1 },
			{ word: 'red', logProbability: -1, tokens: 1 },
			{ word: 'car.', logProbability: -2.5, tokens: 3 }
		]);
		expect(score.total).toBe(-4);
		expect(score.perplexity).toBeCloseTo(Math.exp(0.8), 12);
	});

	it('count a token that holds two words once, so that words add up to the whole', () => {
		const { words, total } = scoreWords(['Yes. It', ' is'], [-1, -2]);
		expect(words.map(({ word }) => word)).toEqual(['Yes.', 'It', 'is']);
		expect(words.reduce((sum, { logProbability }) => sum + logProbability, 0)).toBe(total);
	});

	it('refuse what does not fit', () => {
		expect(() => scoreWords([], [])).toThrow(/0 tokens with 0 scores/);
		expect(() => scoreWords(['a'], [-1, -2])).toThrow(/1 tokens with 2 scores/);
	});
});

describe('cells across grids', () => {
	it('are the same on equal grids, squares or not', () => {
		expect([cellAcross(7, 10, 10), cellAcross(0, 9, 9)]).toEqual([7, 0]);
	});

	it('lie at the same place on others', () => {
		expect(Array.from({ length: 4 }, (_, cell) => cellAcross(cell, 4, 16))).toEqual([5, 7, 13, 15]);
		expect(Array.from({ length: 16 }, (_, cell) => cellAcross(cell, 16, 4))).toEqual([
			...[0, 0, 1, 1, 0, 0, 1, 1],
			...[2, 2, 3, 3, 2, 2, 3, 3]
		]);
	});

	it('are none beyond the grid or without one', () => {
		expect([cellAcross(9, 9, 9), cellAcross(-1, 9, 9), cellAcross(2, 10, 9), cellAcross(2, 9, 10)]).toEqual(
			Array(4).fill(undefined)
		);
	});
});

describe('panels', () => {
	it('stand in rows of equal length', () => {
		expect([1000, 700, 450, 100].map((width) => sideBySide(4, width).across)).toEqual([4, 2, 2, 1]);
		expect(sideBySide(3, 700).across).toBe(3);
		const { width, place } = sideBySide(4, 450);
		expect(width).toBe(215);
		expect(place(3, 50)).toEqual({ x: 235, y: 50 });
	});
});
