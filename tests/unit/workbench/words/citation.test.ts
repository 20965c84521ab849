import { describe, expect, it } from 'vitest';
import { citation, paper } from '../../../../src/lib/workbench/words/citation.ts';

describe('how a page or figure is cited', () => {
	const cited = {
		version: '1.2.3',
		title: 'Home & drift, 50 %',
		provenance: 'honeybee_mini · C-Abstractor, M = 36',
		url: 'https://example.org/locality?projector=c-abs&tokens=36',
		date: new Date('2026-03-04T12:00:00Z')
	};

	it('names version, provenance, address and day, and the paper below', () => {
		const text = citation(cited);
		expect(text).toContain('@misc{honeybee-workbench-2026-03-04,');
		expect(text).toContain('Version 1.2.3; honeybee\\_mini');
		expect(text).toContain('\\url{https://example.org/locality?projector=c-abs&tokens=36}');
		expect(text).toContain('seen 2026-03-04');
		expect(text).toContain(paper.bibtex);
	});

	it('keeps TeX’s own signs out of the words', () => {
		expect(citation(cited)).toContain('Home \\& drift, 50 \\%');
	});

	it('has balanced braces', () => {
		const text = citation(cited).replace(/\\[{}]/g, '');
		expect(text.split('{').length).toBe(text.split('}').length);
	});
});
