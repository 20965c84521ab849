import { describe, expect, it } from 'vitest';
import { latexPaperTable } from '../../../src/lib/viz/export/latex.ts';
import { bestRows, matrixTable, pivoted, printed } from '../../../src/lib/viz/paper-table.ts';

const entries = [
	['C-Abstractor', 'Inside (share)', 0.73012, 0.71, 0.75],
	['C-Abstractor', 'Drift (patches)', 0.512, 0.5, 0.55],
	['Resampler', 'Inside (share)', 0.25404, 0.22, 0.29404],
	['Resampler', 'Drift (patches)', 1.2, 1.1, 1.3]
] as const;
const table = pivoted(
	['Projector', 'M'],
	entries.map(([name, column, value, low, high]) => ({
		names: [name, 36],
		column,
		cell: { value, low, high }
	})),
	(column) => (column.startsWith('Drift') ? 'less' : 'more')
);
const caption = { id: 'x', title: 'T', readingAid: 'R.', provenance: 'mini, 8 images' };

describe('a table of a paper', () => {
	it('has what is compared in rows and what was measured in columns', () => {
		expect(table.rows.map(({ names }) => names)).toEqual([
			['C-Abstractor', 36],
			['Resampler', 36]
		]);
		expect(table.columns.map(({ name }) => name)).toEqual(['Inside (share)', 'Drift (patches)']);
		expect(table.rows[1]!.cells[1]).toEqual({ value: 1.2, low: 1.1, high: 1.3 });
	});

	it.each([
		[{ value: 0.73012 }, '0.730', ''],
		[{ value: 0.73012, low: 0.71, high: 0.75 }, '0.730', '± 0.020'],
		[{ value: 100, low: 92.9, high: 100 }, '100', '[93, 100]'],
		[{ value: 11.24, low: 11.23, high: 11.25 }, '11.2', '± 0.01'],
		[{ value: -4.5, low: -7.6, high: -1.2 }, '−4.50', '± 3.20'],
		[{ value: 1234567 }, '1.23e+6', ''],
		[{ value: 1234567.5 }, '1.23e+6', ''],
		[{ value: 31 }, '31', ''],
		[{ value: 0 }, '0', '']
	])('writes three digits and the interval: %o', (cell, value, interval) => {
		expect(printed(cell)).toEqual({ value, interval });
	});

	it('finds the best of a column by the figure’s word, ties and all', () => {
		expect([...bestRows(table, 0, 'more')]).toEqual([0]);
		expect([...bestRows(table, 1, 'less')]).toEqual([0]);
		expect(bestRows(table, 0, undefined).size).toBe(0);
		const ties = pivoted(
			['P'],
			[0.9001, 0.9002, 0.5].map((value, i) => ({ names: [i], column: 'x', cell: { value } }))
		);
		expect([...bestRows(ties, 0, 'more')]).toEqual([0, 1]);
	});

	it('is set with booktabs, mean ± half, bold best, and says so', () => {
		const latex = latexPaperTable(table, caption);
		expect(latex).toContain(
			'C-Abstractor & 36 & \\textbf{0.730} $\\pm$ 0.020 & \\textbf{0.512} {[}0.500, 0.550]'
		);
		expect(latex).toContain('Resampler & 36 & 0.254 {[}0.220, 0.294] & 1.20 $\\pm$ 0.10');
		expect(latex).toMatch(/\\toprule[\s\S]*\\midrule[\s\S]*\\bottomrule/);
		expect(latex).toContain('Bold: best of the column.');
		expect(latex).toContain('mini, 8 images.');
	});

	it('of a map is a matrix', () => {
		const { rows, columns } = matrixTable([1, 2, 3, NaN], 2, 'Cover');
		expect(columns).toHaveLength(2);
		expect(rows.map(({ cells }) => cells)).toEqual([
			[{ value: 1 }, { value: 2 }],
			[{ value: 3 }, undefined]
		]);
	});
});
