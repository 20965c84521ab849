import { describe, expect, it } from 'vitest';
import { definitionOf, explained, glossary } from '../../../src/lib/viz/glossary.ts';
import { figures } from '../../../src/lib/viz/registry.ts';

const texts = figures.flatMap(({ readingAid, method }) => [readingAid, method]);

describe('the glossary', () => {
	it('leaves every text of every figure as it is', () => {
		for (const text of texts)
			expect(
				explained(text)
					.map((piece) => piece.text)
					.join('')
			).toBe(text);
	});

	it('explains the first mention of a word, the longer word first', () => {
		expect(explained('Shares inside the home cell; drift, and Drift again.')).toEqual([
			{ text: 'Shares', word: 'shares' },
			{ text: ' inside the ' },
			{ text: 'home cell', word: 'home cell' },
			{ text: '; ' },
			{ text: 'drift', word: 'drift' },
			{ text: ', and Drift again.' }
		]);
	});

	it('knows a word in the plural and none inside another word', () => {
		expect(explained('home cells').filter(({ word }) => word)).toEqual([
			{ text: 'home cells', word: 'home cell' }
		]);
		expect(explained('discovery, widespread, at home').filter(({ word }) => word)).toEqual([
			{ text: 'home', word: 'home' }
		]);
	});

	it('leaves words of everyday use alone in texts', () => {
		expect(explained('It lies near the edge, outside, twice.')).toEqual([
			{ text: 'It lies near the edge, outside, twice.' }
		]);
	});

	it('names each word once, and figures use words of it', () => {
		const words = glossary.map(({ word }) => word);
		expect(new Set(words).size).toBe(words.length);
		for (const word of words) expect(definitionOf(word)).toMatch(/\.$/);
		const used = new Set(texts.flatMap((text) => explained(text).flatMap(({ word }) => word ?? [])));
		expect([...used]).toEqual(expect.arrayContaining(['home cell', 'drift', 'cover', 'habit']));
	});
});
