// @vitest-environment jsdom
import { unzipSync } from 'fflate';
import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../../../src/lib/model/projectors/registry.ts';
import {
	capsuleText,
	compareTables,
	makeCapsule,
	parseCapsule,
	unpack
} from '../../../../src/lib/viz/export/capsule.ts';
import { embedInPng, embedInSvg, readCapsule } from '../../../../src/lib/viz/export/embed.ts';
import { exportAll, exportFile, type Exportable } from '../../../../src/lib/viz/export/files.ts';
import { defaultPrint } from '../../../../src/lib/viz/export/print.ts';
import { printedFigure, svgText } from '../../../../src/lib/viz/export/svg-file.ts';
import { figures } from '../../../../src/lib/viz/registry.ts';
import { examples } from '../../../figures/examples.ts';

const table = {
	columns: ['name', 'value'],
	rows: [
		['a – “b” <c>', 0.1 + 0.2],
		['d', NaN],
		['e', -1e-9]
	]
};
const capsule = makeCapsule({
	application: '0.1.0',
	figure: { id: 'sweep', title: 'Along a sweep – √M', ordinal: 0 },
	provenance: 'mini · C-Abstractor',
	method: 'm',
	origin: {
		address: 'locality?tokens=36&projector=c-abs',
		projector: 'c-abs',
		tokens: 36,
		prompt: 'What is “x” & <y>?'
	},
	table
});

describe('capsule', () => {
	it('keeps its numbers exactly', () => {
		expect(unpack(parseCapsule(capsuleText(capsule)).table)).toEqual(table);
		expect(capsuleText(capsule)).toMatch(/^[\x20-\x7e]+$/);
	});

	it('comes back out of an SVG file, also with another prefix', async () => {
		const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
		embedInSvg(svg, capsule);
		const file = svgText(svg);
		const parsed = new DOMParser().parseFromString(file, 'image/svg+xml');
		expect(parsed.querySelector('parsererror')).toBeNull();
		expect(readCapsule(new TextEncoder().encode(file))).toEqual(capsule);
		const renamed = file.replaceAll('honeybee:', 'ns0:').replaceAll('xmlns:honeybee', 'xmlns:ns0');
		expect(readCapsule(new TextEncoder().encode(renamed))).toEqual(capsule);
	});

	it('an SVG file holds no character that XML forbids, whatever words the model says', () => {
		const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
		svg.setAttribute('aria-label', 'b\u0001\t😀');
		svg.textContent = 'a\u0018\uffff\ud800';
		const parsed = new DOMParser().parseFromString(svgText(svg), 'image/svg+xml').documentElement;
		expect(parsed.textContent).toBe('a\ufffd\ufffd\ufffd');
		expect(parsed.getAttribute('aria-label')?.replace(/\s/, '')).toBe('b\ufffd😀');
	});

	it('comes back out of a PNG file, whose pixels stay', () => {
		const pixels = Uint8Array.from({ length: 4 * 3 * 4 }, (_, i) => (i % 4 === 3 ? 255 : i * 5));
		const png = encode({ width: 4, height: 3, data: pixels, channels: 4, depth: 8 });
		const file = embedInPng(png, capsule, 300);
		const read = decode(file, { checkCrc: true });
		expect([...read.data]).toEqual([...pixels]);
		expect(read.resolution).toEqual({ x: 11811, y: 11811, unit: 1 });
		expect(readCapsule(file)).toEqual(capsule);
		expect(readCapsule(png)).toBeUndefined();
	});

	it('refuses what is damaged or of another kind, in a sentence', () => {
		expect(() => parseCapsule('{')).toThrow(/damaged/);
		expect(() => parseCapsule('{"format":"honeybee-figure","version":2}')).toThrow(/not in a form/);
		expect(() => unpack({ ...capsule.table, packed: 'AAAA' })).toThrow(/damaged/);
		expect(
			readCapsule(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'))
		).toBeUndefined();
	});

	it('takes numbers of another backend as the same up to rounding, of the column and not of whole numbers', () => {
		const of = (...values: number[]) => ({
			columns: ['n', 'value'],
			rows: values.map((value, n) => [n, value])
		});
		const kept = of(100.5, 0.001, 7);
		expect(compareTables(kept, of(100.5001, 0.0019, 7))).toMatchObject({ same: false });
		const close = compareTables(kept, of(100.5001, 0.0019, 7), 1e-4);
		expect(close).toMatchObject({ same: true, rows: 3 });
		expect(close.same && close.apart).toBeCloseTo(0.0009 / 100.5, 8);
		expect(compareTables(kept, of(100.5, 0.02, 7), 1e-4)).toMatchObject({
			words: expect.stringContaining('row 2, “value”: 0.02, in the file 0.001 (1 of 6') as string
		});
		expect(compareTables(of(36, 40000), of(36, 40001), 1e-4)).toMatchObject({ same: false });
		expect(compareTables(of(1.5, NaN), of(1.5, 0.5), 1e-4)).toMatchObject({ same: false });
	});

	it('says where numbers first differ', () => {
		expect(compareTables(table, structuredClone(table))).toEqual({
			...{ same: true, rows: 3, columns: 2, apart: 0 }
		});
		const changed = { ...table, rows: table.rows.with(2, ['e', -2e-9]) };
		expect(compareTables(table, changed)).toEqual({
			same: false,
			words:
				'row 3, “value”: -2e-9, in the file -1e-9 (1 of 6 cells differ, by at most 1.0e-9 of their value)'.replace(
					'1.0e-9',
					'1.0'
				)
		});
		expect(compareTables(table, { ...table, rows: table.rows.slice(1) })).toMatchObject({ same: false });
		expect(compareTables(table, { ...table, columns: ['name', 'other'] })).toMatchObject({
			words: 'column 2 is “other”, in the file “value”'
		});
	});
});

const items = figures.map((figure): Exportable => ({
	figure: figure,
	rows: (examples as Record<string, unknown>)[figure.id],
	options: { projectors },
	selection: {},
	provenance: 'mini · C-Abstractor, M = 36',
	method: 'm',
	ordinal: 0
}));
const context = { print: defaultPrint, application: '0.1.0', origin: capsule.origin };

describe.each(items)('export of $figure.id', (item) => {
	it('is as wide as asked for, in fonts every editor has, without anything of the page', async () => {
		const print = { ...defaultPrint, inches: 6.875, letter: 'b' };
		const svg = await printedFigure(item.figure, item.rows, { projectors }, print);
		expect(Number.parseFloat(svg.getAttribute('width')!)).toBeCloseTo(6.875, 2);
		expect(svg.getAttribute('width')).toMatch(/in$/);
		const text = svgText(svg);
		expect(text).not.toMatch(/ class=| style=|tabindex|<svg[^>]*>[^]*<svg|-apple-system|visibility="hidden"/);
		expect(svg.querySelector('text')!.textContent).toBe('b');
	});

	it('carries its capsule and its numbers in SVG and JSON', async () => {
		for (const format of ['svg', 'json'] as const) {
			const read = readCapsule(await exportFile(item, format, context));
			expect(read?.figure.id).toBe(item.figure.id);
			expect(compareTables(unpack(read!.table)!, item.figure.table(item.rows))).toMatchObject({ same: true });
		}
	});
});

it('puts all figures of a page into one zip file', async () => {
	const zip = unzipSync(await exportAll(items.slice(0, 3), ['svg', 'csv'], context));
	expect(Object.keys(zip).sort()).toEqual(
		[
			...items.slice(0, 3).flatMap(({ figure }) => [`${figure.id}.csv`, `${figure.id}.svg`]),
			'README.txt'
		].sort()
	);
});
