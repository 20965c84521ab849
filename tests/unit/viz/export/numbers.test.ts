import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { latexFigure, latexTable } from '../../../../src/lib/viz/export/latex.ts';
import { escapeLatex } from '../../../../src/lib/viz/export/latex-text.ts';
import { csvText, jsonText, npyBytes } from '../../../../src/lib/viz/export/numbers.ts';

const table = {
	columns: ['projector', 'M', "value (patches'), ×"],
	rows: [
		['c-abs, "new"', 36, -0.5],
		['d-abs', 144, NaN],
		['Résampler', 9, 1.25e-7]
	]
};
const caption = { id: 'sweep', title: 'A & B', readingAid: '100 % of M_1.', provenance: 'mini · wasm' };

const folder = 'tests/fixtures/npy';

/** A cell of `tables.json`: JSON has no words for some numbers. */
type Cell = string | number | { readonly float: string };
const tables = Object.entries(
	JSON.parse(readFileSync(`${folder}/tables.json`, 'utf8')) as Record<
		string,
		{ columns: string[]; rows: Cell[][] }
	>
);

/** Names of the fields of a structured NumPy file, which has none that must be escaped. */
function fieldsOf(bytes: Uint8Array): string[] {
	const header = new TextDecoder('latin1').decode(bytes).split('\n')[0]!;
	return [...header.matchAll(/\('([^']*)', '<[fU]\d+'\)/g)].map(([, name]) => name!);
}

describe('numbers', () => {
	it('writes CSV with quoting and empty cells', () => {
		expect(csvText(table)).toBe(
			'projector,M,"value (patches\'), ×"\n"c-abs, ""new""",36,-0.5\nd-abs,144,\nRésampler,9,1.25e-7\n'
		);
	});

	it('writes JSON with null where there is no number', () => {
		const about = { figure: 'f', title: 't', provenance: 'p', method: 'm' };
		const value = JSON.parse(jsonText(table, about)) as { rows: unknown[][]; figure: string };
		expect(value.figure).toBe('f');
		expect(value.rows[1]).toEqual(['d-abs', 144, null]);
	});

	it.each(tables)('writes the table “%s” byte for byte as NumPy saves it', (name, { columns, rows }) => {
		const cells = rows.map((row) =>
			row.map((cell) => (typeof cell === 'object' ? Number(cell.float) : cell))
		);
		const bytes = npyBytes({ columns, rows: cells });
		const theirs = new Uint8Array(readFileSync(`${folder}/${name}.npy`));
		expect(bytes.length).toBe(theirs.length);
		expect(bytes.findIndex((byte, i) => byte !== theirs[i])).toBe(-1);
	});

	it('gives fields of the same name names of their own', () => {
		const fields = (...columns: string[]) => fieldsOf(npyBytes({ columns, rows: [columns.map(() => 1)] }));
		expect(fields('a', 'a', '')).toEqual(['a', 'a 2', 'column']);
		expect(fields('a', 'a', 'a 2', 'a')).toEqual(['a', 'a 3', 'a 2', 'a 4']);
	});

	it('writes a header that is too long for version 1.0 in version 3.0', () => {
		const columns = Array.from({ length: 300 }, (_, i) => `${i} ${'x'.repeat(250)}`);
		const bytes = npyBytes({ columns, rows: [] });
		expect(bytes[6]).toBe(3);
		expect(new DataView(bytes.buffer).getUint32(8, true)).toBe(bytes.length - 12);
		expect(fieldsOf(bytes)).toEqual(columns);
	});
});

// That LaTeX sets all of it is tested with pdfLaTeX itself (tests/browser/export/latex.test.ts).
describe('LaTeX', () => {
	it('escapes what LaTeX would read as commands', () => {
		expect(escapeLatex('50 % of a_b & {c} \\ − √M')).toBe(
			'50 \\% of a\\_b \\& \\{c\\} \\textbackslash{} $-$ $\\surd$M'
		);
		// Options of a row, ligatures, shorthands, an empty line.
		expect(escapeLatex('[2pt] --x "a"\n\nb<c')).toBe('{[}2pt] -{}-x \\char34{}a\\char34{} b\\textless{}c');
	});

	it('keeps the letters that pdfLaTeX has, and says the others by their code', () => {
		expect(escapeLatex('Ångström, naïve, Łódź')).toBe('Ångström, naïve, Łódź');
		expect(escapeLatex('▁β 10⁻⁹ 10¹² x₂')).toBe(
			'\\textvisiblespace{}$\\beta$ 10$^{-}$$^{9}$ 10$^{12}$ x$_{2}$'
		);
		expect(escapeLatex('a 蜜蜂')).toBe('a \\ifdefined\\Umathchar 蜜蜂\\else U+871C U+8702\\fi{}');
	});

	it('lets very long words be broken', () => {
		expect(escapeLatex('x'.repeat(25))).toBe(
			`${'x'.repeat(12)}\\allowbreak{}${'x'.repeat(12)}\\allowbreak{}x`
		);
	});

	it('makes a booktabs table of all numbers', () => {
		const text = latexTable(table, caption);
		expect(text).toContain('{@{}lrr@{}}');
		for (const rule of ['toprule', 'midrule', 'bottomrule']) expect(text).toContain(`\\${rule}`);
		expect(text).toContain('c-abs, \\char34{}new\\char34{} & 36 & $-$0.5 \\\\');
		expect(text).toContain('d-abs & 144 & -- \\\\');
		expect(text).toContain('1.25$\\times 10^{-7}$');
		expect(latexTable({ columns: ['a'], rows: [[-Infinity]] }, caption)).toContain('$-$$\\infty$ \\\\');
	});

	it('breaks long tables over pages, with one caption', () => {
		const rows = Array.from({ length: 60 }, (_, i) => ['x', i, i]);
		const text = latexTable({ columns: table.columns, rows }, caption);
		expect(text).toContain('\\begin{longtable}');
		expect(text.match(/^ +x & /gm)!.length).toBe(60);
		expect(text.indexOf('\\caption')).toBeLessThan(text.indexOf('\\endfirsthead'));
		expect(text.match(/\\caption|\\label/g)!.length).toBe(2);
	});

	it('puts columns that do not fit below the others, with those that name the row again', () => {
		const columns = ['projector', 'M', ...Array.from({ length: 20 }, (_, i) => `value ${i}`)];
		const rows = ['c-abs', 'd-abs'].flatMap((name) =>
			[9, 36].map((M) => [name, M, ...Array.from({ length: 20 }, (_, i) => i + 0.123456)])
		);
		const text = latexTable({ columns, rows }, caption);
		const blocks = text.match(/\\begin\{tabular\}\{@\{\}lr+@\{\}\}/g)!;
		expect(blocks.length).toBeGreaterThan(1);
		expect(text.match(/c-abs & 36 & /g)!.length).toBe(blocks.length);
		for (let i = 0; i < 20; i++) expect(text).toContain(`value ${i} `);
	});

	it('captions a figure with title, reading aid and provenance', () => {
		const text = latexFigure('sweep.pdf', false, caption);
		// As large as it is: its type keeps its size.
		expect(text).toContain('\\includegraphics{sweep.pdf}');
		expect(text).toContain('\\caption{\\textbf{A \\& B.} 100 \\% of M\\_1. mini $\\cdot$ wasm.}');
		expect(latexFigure('sweep.pdf', true, caption)).toContain('\\begin{figure*}');
	});
});
