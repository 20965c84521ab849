import { commands, page } from 'vitest/browser';
import { beforeAll, describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../../src/lib/model/projectors/registry.ts';
import { compareTables, unpack } from '../../../src/lib/viz/export/capsule.ts';
import { readCapsule } from '../../../src/lib/viz/export/embed.ts';
import { exportFile, type Exportable } from '../../../src/lib/viz/export/files.ts';
import { defaultPrint, drawnWidth, presets } from '../../../src/lib/viz/export/print.ts';
import { printedFigure } from '../../../src/lib/viz/export/svg-file.ts';
import type { Outside } from '../../support/outside.ts';
import { context, items, keep, picture } from './items.ts';

declare module 'vitest/browser' {
	interface BrowserCommands {
		/** Compares `<name>.svg`, `.pdf` and `.png` of a folder, and a screenshot (base64), in other programs (`vitest.config.ts`). */
		seenOutside: (name: string, dpi: number, screenshot: string) => Promise<Outside>;
	}
}

/** Puts a drawing on the page, alone on white. */
function show(svg: SVGSVGElement): HTMLElement {
	document.body.style.cssText = 'margin: 0; background: #fff;';
	const holder = document.createElement('div');
	holder.style.cssText = 'width: max-content; background: #fff; line-height: 0;';
	holder.append(svg);
	document.body.replaceChildren(holder);
	return holder;
}

// A screenshot ends where the viewport does.
beforeAll(() => page.viewport(1000, 2400));

describe.each(items)('$figure.id', (item) => {
	it('leaves as SVG, PDF and PNG that carry it and look the same in other programs', async () => {
		const { figure, rows } = item;
		const table = figure.table(rows);
		let svg = new Document();
		for (const format of ['svg', 'pdf', 'png'] as const) {
			const bytes = await exportFile(item, format, context);
			const read = readCapsule(bytes);
			expect(read?.figure.id).toBe(figure.id);
			expect(compareTables(unpack(read!.table)!, table)).toMatchObject({ same: true });
			await keep(`${figure.id}.${format}`, bytes);
			if (format === 'png') {
				const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
				expect(Math.abs(bitmap.width - 3.25 * 150)).toBeLessThanOrEqual(1);
				expect(inked(bitmap)).toBeGreaterThan(0.002);
			}
			if (format === 'svg')
				svg = new DOMParser().parseFromString(new TextDecoder().decode(bytes), 'image/svg+xml');
		}
		const drawn = figure.draw(rows, {
			...{ width: drawnWidth(defaultPrint), theme: 'light', projectors },
			// Laid out as on paper.
			printed: true
		});
		const screenshot = await page.elementLocator(show(drawn)).screenshot({ save: false });
		const seen = await commands.seenOutside(`test-results/export/${figure.id}`, 150, screenshot);
		await keep(
			`${figure.id}-page.png`,
			Uint8Array.from(atob(screenshot), (letter) => letter.charCodeAt(0))
		);
		expect(seen.svg.mean, 'SVG in librsvg').toBeLessThan(0.008);
		expect(seen.svg.tile, 'SVG in librsvg, at one place').toBeLessThan(0.08);
		expect(seen.pdf.mean, 'PDF in poppler').toBeLessThan(0.012);
		expect(seen.pdf.tile, 'PDF in poppler, at one place').toBeLessThan(0.12);
		expect(seen.page.mean, 'SVG in librsvg, beside the page').toBeLessThan(0.012);
		expect(seen.page.tile, 'SVG in librsvg, beside the page, at one place').toBeLessThan(0.12);
		// As large as asked for.
		const inches = (name: string) => Number(/^([\d.]+)in$/.exec(svg.documentElement.getAttribute(name)!)![1]);
		expect(inches('width')).toBe(3.25);
		expect(seen.inches.width).toBeCloseTo(3.25, 3);
		expect(seen.inches.height).toBeCloseTo(inches('height'), 3);
		// Pictures are that which the model was shown, and maps.
		const images = [...svg.querySelectorAll('image')];
		const data = images.map((image) => image.getAttributeNS('http://www.w3.org/1999/xlink', 'href'));
		images.forEach((image, i) =>
			expect(data[i] === picture || image.hasAttribute('image-rendering')).toBe(true)
		);
		const once = svg.querySelectorAll('defs > image').length;
		expect(seen.images).toBe(images.length - once + svg.querySelectorAll('use').length);
		expect(svg.querySelectorAll('text').length).toBeGreaterThan(0);
		expect(svg.querySelectorAll('foreignObject, style, script, [style]').length).toBe(0);
		expect(seen.fonts.length).toBeGreaterThan(0);
		for (const font of seen.fonts) expect(font).toEqual({ name: 'LiberationSans', embedded: true });
		expect(seen.attachments).toContain('honeybee-figure.json');
		// Text stays text: every word of the drawing can be searched in the PDF.
		const words = await wordsOf(item);
		expect(words.length).toBeGreaterThan(0);
		const found = seen.text.replace(/\s+/g, '');
		expect(words.filter((word) => !found.includes(word))).toEqual([]);
	});

	it.each(presets)('nothing is cut off or written over at $label', async ({ inches, points }) => {
		for (const typeface of ['sans', 'serif'] as const) {
			const print = { ...defaultPrint, inches, points, typeface, letter: 'a' };
			for (const selection of [{}, chosen]) {
				const svg = await printedFigure(item.figure, item.rows, { projectors, selection }, print);
				show(svg);
				expect(svg.getAttribute('width')).toBe(`${inches}in`);
				expect(cutOff(svg), `${typeface}: cut off`).toEqual([]);
				expect(writtenOver(svg), `${typeface}: written over`).toEqual([]);
			}
		}
	});
});

/** Something in every figure, so that it says what it is. */
const chosen = { token: 1, patch: 2, word: 0, layer: 0, head: 0, point: 0, step: 0, row: 0, column: 0 };

/** Words of the printed figure as they stand on a line of their own, without spaces. */
async function wordsOf({ figure, rows }: Exportable): Promise<string[]> {
	const svg = await printedFigure(figure, rows, { projectors }, defaultPrint);
	return [...svg.querySelectorAll('text')]
		.filter((text) => !/rotate/.test(text.getAttribute('transform') ?? ''))
		.flatMap((text) => (text.textContent ?? '').split(/\s+/))
		.filter((word) => /^[\w.%−]{2,}$/.test(word));
}

/** Texts that reach over the edge of the drawing. */
function cutOff(svg: SVGSVGElement): string[] {
	const sheet = svg.getBoundingClientRect();
	return [...svg.querySelectorAll('text')].flatMap((text) => {
		const box = text.getBoundingClientRect();
		const over = Math.max(
			sheet.left - box.left,
			box.right - sheet.right,
			sheet.top - box.top,
			box.bottom - sheet.bottom
		);
		return over > 1 ? [`${text.textContent}: ${over.toFixed(1)} px`] : [];
	});
}

/** Pairs of texts of which one covers a good part of the other's letters. */
function writtenOver(svg: SVGSVGElement): string[] {
	const texts = [...svg.querySelectorAll('text')].map((text) => {
		const { left, right, top, bottom } = text.getBoundingClientRect();
		// A line's box is higher than its letters.
		const spare = (bottom - top) * 0.22;
		return { words: text.textContent, left, right, top: top + spare, bottom: bottom - spare };
	});
	return texts.flatMap((a, i) =>
		texts.slice(i + 1).flatMap((b) => {
			const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
			const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
			return across > 1 && down > 1 ? [`${a.words} / ${b.words}`] : [];
		})
	);
}

/** Share of the pixels that are not white. */
function inked(bitmap: ImageBitmap): number {
	const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
	const pen = canvas.getContext('2d')!;
	pen.drawImage(bitmap, 0, 0);
	const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
	let dark = 0;
	for (let i = 0; i < data.length; i += 4) if (data[i]! + data[i + 1]! + data[i + 2]! < 750) dark++;
	return dark / (canvas.width * canvas.height);
}
