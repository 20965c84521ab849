import { strToU8 } from 'fflate';
import { commands } from 'vitest/browser';
import { describe, expect, it } from 'vitest';
import { exportFile } from '../../../src/lib/viz/export/files.ts';
import { latexFigure, latexTable } from '../../../src/lib/viz/export/latex.ts';
import type { Typeset } from '../../support/outside.ts';
import { context, items, keep } from './items.ts';

declare module 'vitest/browser' {
	interface BrowserCommands {
		/** Sets `<name>.tex` of a folder in pdfLaTeX (`vitest.config.ts`). */
		typeset: (folder: string, name: string) => Promise<Typeset>;
	}
}

const packages = '\\usepackage{booktabs,longtable,graphicx}';

async function set(name: string, start: string, parts: readonly string[]): Promise<Typeset> {
	const document = [start, packages, '\\begin{document}', ...parts, '\\end{document}', ''].join('\n');
	await keep(`${name}.tex`, strToU8(document));
	return commands.typeset('test-results/export', name);
}

const text = async (bytes: Promise<Uint8Array>) => new TextDecoder().decode(await bytes);

describe('LaTeX', () => {
	it('sets the table and the figure of every figure, and all fits the page', async () => {
		const parts: string[] = [];
		for (const item of items) {
			await keep(`${item.figure.id}.pdf`, await exportFile(item, 'pdf', context));
			for (const format of ['figure.tex', 'table.tex'] as const)
				parts.push(await text(exportFile(item, format, context)), '\\clearpage');
		}
		const { complaints, pages, text: set1 } = await set('every-figure', '\\documentclass{article}', parts);
		expect(complaints).toEqual([]);
		expect(pages).toBeGreaterThanOrEqual(2 * items.length);
		const words = set1.replace(/\s+/g, ' ');
		for (const { figure } of items) expect(words).toContain(`${figure.title}.`);

		// In a paper of two columns, where no longtable may stand.
		const short = parts.filter((part) => !part.includes('longtable'));
		expect(short.length).toBeGreaterThan(3 * items.length);
		const paper = await set('two-columns', '\\documentclass[twocolumn]{article}', short);
		expect(paper.complaints).toEqual([]);
	});

	const hostile = [
		'a_b & c% #1 $x$ ~home x^2 \\input{/etc/passwd} {open',
		'[4pt] *starred* --dashes-- <tag> |bar| "quoted" `tick`',
		'é ł Å ß α Ω − × ≤ → ▁the 10⁹ M₂ … “so” ½',
		'蜜蜂 \u{1F41D} Привет ﷽ \u200B\u202E\u0007',
		'two\n\nlines\tand\r\nmore',
		`${'unbroken'.repeat(30)}`,
		'\\',
		'}',
		''
	];

	it.each([
		['a table', 1],
		['a table over several pages', 12]
	])('sets hostile words in %s as they stand', async (_, times) => {
		const rows = Array.from({ length: times }, () =>
			hostile.flatMap((word, i) => [
				[word, i, NaN],
				[`${i}`, -1.5e-30, -Infinity]
			])
		).flat();
		const caption = {
			id: 'hostile',
			title: hostile[0]!,
			readingAid: hostile.slice(1, 5).join(' '),
			provenance: hostile[5]!
		};
		const columns = [hostile[1]!, hostile[0]!, hostile[3]!];
		const parts = [
			latexTable({ columns, rows }, caption),
			latexFigure(`${items[0]!.figure.id}.pdf`, true, caption)
		];
		const { complaints, text: words } = await set(`hostile-${times}`, '\\documentclass{article}', parts);
		expect(complaints).toEqual([]);
		const found = words.replace(/\s+/g, '');
		for (const one of ['b&c%#1$x$', '{open', '[4pt]', '<tag>', '|bar|', 'U+1F41D', '10−30', '−∞'])
			expect(found, one).toContain(one);
	});
});
