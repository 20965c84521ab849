import { unzlibSync } from 'fflate';
import { JSDOM, VirtualConsole } from 'jsdom';
import { describe, expect, it } from 'vitest';
import { nodeMeans } from '../../../../src/cli/figure/pdf.ts';
import { pdfFile } from '../../../../src/lib/viz/export/pdf.ts';
import { penOf } from '../../../../src/lib/viz/svg.ts';

const { document } = new JSDOM('', { virtualConsole: new VirtualConsole() }).window;
const pen = penOf({ document });

async function written(words: string, typeface: 'sans' | 'serif' = 'sans'): Promise<Uint8Array> {
	const svg = pen('svg', { viewBox: '0 0 100 50', 'font-family': 'Arial', 'font-size': 12 }, [
		pen('text', { x: 50, y: 20, 'text-anchor': 'middle' }, [words]),
		pen('text', { x: 50, y: 40, 'font-weight': 600 }, ['A'])
	]);
	return pdfFile(svg, { inches: { width: 2, height: 1 }, typeface, title: 't' }, nodeMeans(document));
}

/** The streams of a PDF, unpacked, as text. */
function streams(file: Uint8Array): string {
	const text = Array.from(file, (byte) => String.fromCharCode(byte)).join('');
	return [...text.matchAll(/stream\r?\n([\s\S]*?)\r?\nendstream/g)]
		.map(([, body]) => {
			try {
				return Array.from(unzlibSync(Uint8Array.from(body!, (c) => c.charCodeAt(0))), (byte) =>
					String.fromCharCode(byte)
				).join('');
			} catch {
				return '';
			}
		})
		.join('\n');
}

/** Letters that a reader of the PDF can copy: the targets of its ToUnicode maps. */
function letters(file: Uint8Array): Set<string> {
	return new Set(
		[...streams(file).matchAll(/^<[0-9a-f]{4}> *<((?!ffff)[0-9a-f]{4})>/gim)].map(([, code]) =>
			String.fromCharCode(Number.parseInt(code!, 16))
		)
	);
}

describe('a PDF made in Node', () => {
	it('embeds the letters it needs, the space of tokens among them', async () => {
		for (const typeface of ['sans', 'serif'] as const) {
			const file = await written('▁cat − Жук αω ≤ é', typeface);
			expect(letters(file)).toEqual(new Set([...'▁cat−ЖукαωéA≤ '].filter((letter) => letter !== '')));
			const text = Array.from(file, (byte) => String.fromCharCode(byte)).join('');
			expect(text).toContain(typeface === 'sans' ? 'LiberationSans' : 'LiberationSerif');
			expect(text).toMatch(/FontFile2/);
		}
	});

	it('composes letters and their marks', async () => {
		expect(letters(await written('e\u0301'))).toContain('é');
	});

	it('orders letters that run from right to left, alone and among others', async () => {
		/** Glyphs of the first text, as they stand from left to right. */
		const glyphs = async (words: string) =>
			/<([0-9a-f]+)> Tj/i.exec(streams(await written(words)))![1]!.match(/.{4}/g)!;
		const [shin, lamed] = [(await glyphs('ש')).at(-1), (await glyphs('ל')).at(-1)];
		for (const words of ['של', 'a של']) {
			const order = (await glyphs(words)).filter((glyph) => glyph === shin || glyph === lamed);
			expect(order, words).toEqual([lamed, shin]);
		}
	});

	it.each(['猫', '고양이', 'ねこ', 'قط', 'แมว', '🐈'])(
		'refuses what it cannot show, by name: %s',
		async (word) => {
			const code = word.codePointAt(0)!.toString(16).toUpperCase();
			await expect(written(`a ${word}`)).rejects.toThrow(
				new RegExp(`no ${[...word][0]}.*U\\+0?${code}.*SVG or PNG`)
			);
		}
	);

	it('centres text by the widths of its font', async () => {
		const start = async (words: string) =>
			Number(/([\d.]+) [-\d.]+ Tm/.exec(streams(await written(words)))?.[1]);
		// M is 0.833 of the type's size wide; 100 pixels are two inches, 144 points.
		expect((await start('M')) - (await start('MMM'))).toBeCloseTo(0.833 * 12 * 1.44, 1);
	});

	it('leaves no names behind', async () => {
		const before = Object.getOwnPropertyNames(globalThis).sort();
		await written('a');
		expect(Object.getOwnPropertyNames(globalThis).sort()).toEqual(before);
		expect('getBBox' in document.defaultView!.SVGElement.prototype).toBe(false);
	});
});
