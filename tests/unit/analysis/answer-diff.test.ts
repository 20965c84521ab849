import { describe, expect, it } from 'vitest';
import {
	alignWords,
	answerWords,
	diffWords,
	markDifferences,
	wordDeltas
} from '../../../src/lib/analysis/answer-diff.ts';

describe('difference of answers', () => {
	const written = (a: string, b: string) =>
		diffWords(a, b).map(
			({ kind, words }) => `${{ same: '', removed: '−', added: '+' }[kind]}${words.join(' ')}`
		);

	it('keeps the longest common run of words', () => {
		expect(written('the red cat sits on a mat', 'a red cat on the mat')).toEqual([
			'−the',
			'+a',
			'red cat',
			'−sits',
			'on',
			'−a',
			'+the',
			'mat'
		]);
	});

	it('handles equal, empty and wholly different answers', () => {
		expect(written('yes', 'yes')).toEqual(['yes']);
		expect(written('', '')).toEqual([]);
		expect(written('', ' new  words\n')).toEqual(['+new words']);
		expect(written('a b', 'c')).toEqual(['−a b', '+c']);
	});

	it('contains both answers whole', () => {
		const [a, b] = ['x a b c y a', 'a x c b y y'];
		const parts = diffWords(a, b);
		const side = (skip: string) => parts.flatMap(({ kind, words }) => (kind === skip ? [] : words)).join(' ');
		expect([side('added'), side('removed')]).toEqual([a, b]);
		expect(parts.flatMap(({ kind, words }) => (kind === 'same' ? words : [])).length).toBe(3);
	});

	it('marks in every column what others do not have', () => {
		const marked = markDifferences(['a red car', 'a blue car', 'a red car .']).map((column) =>
			column.map(({ word, differs }) => (differs ? `*${word}` : word)).join(' ')
		);
		expect(marked).toEqual(['a *red car', 'a *blue car', 'a *red car *.']);
	});
});

describe('words of an answer', () => {
	const words = (texts: string[]) => answerWords(texts).map(({ word, from, to }) => `${word} ${from}-${to}`);

	it('group tokens, white space with the word after it', () => {
		expect(words(['The', 'The ca', 'The cat', 'The cat ', 'The cat 1', 'The cat 12.'])).toEqual([
			'The 0-1',
			'cat 1-3',
			'12. 3-6'
		]);
	});

	it('wait for the last byte of a character, and give the end token to the last word', () => {
		expect(words(['A', 'A \uFFFD', 'A \uFFFD', 'A é', 'A é'])).toEqual(['A 0-1', 'é 1-5']);
	});

	it('cover every token exactly once', () => {
		const groups = answerWords([' ', ' x', ' x\n', ' x\n\n', ' x\n\ny', ' x\n\nyz']);
		expect(groups).toEqual([
			{ word: 'x', from: 0, to: 2 },
			{ word: 'yz', from: 2, to: 6 }
		]);
		expect(answerWords([])).toEqual([]);
		expect(answerWords([' '])).toEqual([]);
	});

	it('share a token that holds two words', () => {
		expect(words(['a b', 'a b c'])).toEqual(['a 0-1', 'b 0-1', 'c 1-2']);
	});

	it('sum log-probabilities', () => {
		const deltas = wordDeltas(answerWords(['no', 'no wa', 'no way']), [-1, -0.5, -0.25], [-2, -0.25, -0.25]);
		expect(deltas.map(({ word, before, after, delta }) => [word, before, after, delta])).toEqual([
			['no', -1, -2, -1],
			['way', -0.75, -0.5, 0.25]
		]);
		expect(() => wordDeltas([], [1], [])).toThrow(/same answer, got 1 and 0/);
	});
});

describe('words of two answers side by side', () => {
	const scored = (text: string) =>
		text
			.split(' ')
			.filter(Boolean)
			.map((word, i) => ({ word, from: i, to: i + 1, before: -1, after: -2 - i, delta: -1 - i }));
	const aligned = (before: string, after: string) =>
		alignWords(scored(before), scored(after)).map(
			({ before, after, index }) => `${index ?? ''}:${before?.word ?? '–'} ${after?.word ?? '–'}`
		);

	it('pairs equal words, and others in their order between them', () => {
		expect(aligned('a red cat sits', 'a big blue dog sits here')).toEqual([
			'0:a a',
			'1:red big',
			'2:cat blue',
			':– dog',
			'3:sits sits',
			':– here'
		]);
		expect(aligned('top center', 'center')).toEqual(['0:top –', '1:center center']);
		expect(aligned('one', '')).toEqual(['0:one –']);
		expect(aligned('', 'one')).toEqual([':– one']);
	});

	it('keeps each word’s own scores', () => {
		const [first, second] = alignWords(scored('x y'), scored('y'));
		expect(first?.before?.delta).toBe(-1);
		expect([second?.before?.delta, second?.after?.delta]).toEqual([-2, -1]);
	});
});
