// @vitest-environment jsdom
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../src/lib/model/projectors/registry.ts';
import { csvText } from '../../src/lib/viz/export/numbers.ts';
import { printedHeight } from '../../src/lib/viz/export/files.ts';
import { defaultPrint, PAGE_HEIGHT } from '../../src/lib/viz/export/print.ts';
import { printedFigure, svgText } from '../../src/lib/viz/export/svg-file.ts';
import type { Cause, Figure, FigureOptions, Selection } from '../../src/lib/viz/figure.ts';
import { highlight } from '../../src/lib/viz/interaction.ts';
import { figures } from '../../src/lib/viz/registry.ts';
import { examples } from './examples.ts';
import { expectSnapshot } from './snapshot.ts';

/** Every figure with its example; the one place where rows and figure meet without their types. */
const cases = figures.map((figure): { id: string; figure: Figure<unknown>; rows: unknown } => ({
	id: figure.id,
	figure,
	rows: (examples as Record<string, unknown>)[figure.id]
}));

describe('registry', () => {
	it('has every file that makes a figure, once', () => {
		const folder = join(import.meta.dirname, '../../src/lib/viz');
		const files = readdirSync(folder).filter((name) =>
			/: Figure</.test(name.endsWith('.ts') ? readFileSync(join(folder, name), 'utf8') : '')
		);
		expect(figures.map(({ id }) => `${id}.ts`).sort()).toEqual(
			files.filter((name) => name !== 'figure.ts' && name !== 'export.ts').sort()
		);
	});

	it('has an example of rows for each figure', () => {
		expect(Object.keys(examples).sort()).toEqual(figures.map(({ id }) => id).sort());
	});

	it('says what each figure is and how it is made', () => {
		for (const { title, readingAid, method } of figures) {
			expect(title).not.toMatch(/\.$/);
			for (const words of [readingAid, method]) expect(words).toMatch(/\.$/);
		}
	});
});

describe.each(cases)('$id', ({ id, figure, rows }) => {
	const options: FigureOptions = { width: 320, theme: 'light', projectors };

	it('draws as before, on light and on dark paper', () => {
		expectSnapshot(figure.draw(rows, { ...options, vector: true }), id);
		expectSnapshot(figure.draw(rows, { ...options, vector: true, theme: 'dark' }), `${id}-dark`);
	});

	it('is pure', () => {
		const draw = () => figure.draw(rows, options).outerHTML;
		expect(draw()).toBe(draw());
	});

	it('has a table with numbers and heads for all of them', () => {
		const table = figure.table(rows);
		expect(table.rows.length).toBeGreaterThan(0);
		for (const row of table.rows) expect(row.length).toBe(table.columns.length);
		expect(csvText(table).split('\n').length).toBe(table.rows.length + 2);
	});

	it('leaves the page as a file that needs nothing of the page', async () => {
		const file = svgText(
			await printedFigure(figure, rows, { ...options, emit: () => undefined }, defaultPrint)
		);
		// Well-formed: the parser of XML takes it.
		const parsed = new DOMParser().parseFromString(file, 'image/svg+xml');
		expect(parsed.documentElement.localName).toBe('svg');
		expect(parsed.querySelector('parsererror')).toBeNull();
		expect(file).not.toMatch(/var\(--|currentColor|href="(?!data:)|tabindex|style=|<style|<script/);
		expect(file).toContain('font-family');
	});

	it('is no higher than a page in a column of a paper, panel by panel', () => {
		const item = {
			figure: figure as never,
			rows,
			options,
			selection: {},
			provenance: '',
			method: '',
			ordinal: 0
		};
		const whole = printedHeight(item, defaultPrint);
		expect(whole).toBeLessThan(PAGE_HEIGHT);
		for (const { id: panel } of figure.panels?.(rows) ?? []) {
			const drawn = figure.draw(rows, { ...options, panels: [panel] });
			expect(drawn.textContent).not.toBe('');
			expect(printedHeight(item, { ...defaultPrint, panels: [panel] })).toBeLessThan(PAGE_HEIGHT);
		}
	});

	it('answers to the keyboard, and clears with Escape', () => {
		const emitted: [Selection, Cause][] = [];
		const svg = figure.draw(rows, { ...options, emit: (...event) => emitted.push(event) });
		expect(svg.getAttribute('tabindex')).toBe('0');
		svg.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
		expect(emitted).toEqual([[{}, 'select']]);
	});

	it('shows a selection made elsewhere without a word of its own', () => {
		const emitted: unknown[] = [];
		const svg = figure.draw(rows, { ...options, emit: (selection) => emitted.push(selection) });
		const before = svg.outerHTML;
		highlight(svg, { token: 1, patch: 5, word: 1, layer: 0, head: 0, point: 0, step: 1, row: 0, column: 0 });
		expect(svg.outerHTML).not.toBe(before);
		expect(svg.querySelector('.readout')!.textContent).toMatch(/\d/);
		highlight(svg, {});
		expect(svg.querySelector('.readout')!.textContent).toBe('');
		expect(emitted).toEqual([]);
	});
});
