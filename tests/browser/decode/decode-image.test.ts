import { describe, expect, it } from 'vitest';
import type { RgbImage } from '../../../src/lib/model/image/rgb.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { decodeImage } from '../../../src/lib/browser/decode-image.ts';
import avif from '../../fixtures/images/avif.json' with { type: 'json' };
import cases from '../../fixtures/images/cases.json' with { type: 'json' };
import transparent from '../../fixtures/transparency/expected.json' with { type: 'json' };

const turned = cases.find(({ name }) => name === 'turned.jpg')!;

const inks = cases.filter(({ name }) => name.startsWith('cmyk'));

describe('decodes byte for byte as Pillow', () => {
	it.each(cases.filter((row) => !inks.includes(row)))('$name', async ({ name, file, rgb, width, height }) => {
		expectSame(await decodeImage(fromBase64(file), name), { width, height, data: fromBase64(rgb) });
	});

	const difference = async ({ name, file, rgb }: (typeof cases)[number]) => {
		const { data } = await decodeImage(fromBase64(file), name);
		return Math.max(...Array.from(fromBase64(rgb), (value, i) => Math.abs(value - data[i]!)));
	};

	it.each(inks)('$name but for rounding', async (row) => {
		expect(await difference(row)).toBeLessThanOrEqual(1);
	});

	it.each(avif)('$name within 2 of 255, by the decoder of Node', async (row) => {
		expect(await difference(row)).toBeLessThanOrEqual(2);
	});

	it.each(Object.entries(transparent))('%s laid on white', async (name, { file, white, width, height }) => {
		expectSame(await decodeImage(fromBase64(file), name, 'white'), {
			...{ width, height, data: fromBase64(white) }
		});
	});

	it('in a worker', async () => {
		const worker = new Worker(new URL('./decode.worker.ts', import.meta.url), { type: 'module' });
		const ask = (name: string, bytes: Uint8Array): Promise<{ image?: RgbImage; error?: string }> =>
			new Promise((resolve, reject) => {
				worker.onmessage = ({ data }: MessageEvent<{ image?: RgbImage; error?: string }>) => resolve(data);
				worker.onerror = ({ message }) => reject(new Error(message));
				worker.postMessage({ name, bytes });
			});
		for (const { name, file, rgb, width, height } of [
			turned,
			...cases.filter(({ name }) => name.includes('alpha'))
		]) {
			const { image } = await ask(name, fromBase64(file));
			expectSame(image!, { width, height, data: fromBase64(rgb) });
		}
		expect((await ask('a', new Uint8Array(0))).error).toMatch(/^InputError: a is empty/);
		worker.terminate();
	});

	it('an image read back in several strips, and a very tall one', async () => {
		for (const [width, height] of [
			[2500, 2100],
			[1, 5000],
			[5000, 1]
		] as const) {
			const canvas = new OffscreenCanvas(width, height);
			const context = canvas.getContext('2d')!;
			// Blocks of one colour come through WebP without loss of more than a few steps.
			for (let top = 0; top < height; top += 500) {
				context.fillStyle = `rgb(${(top / 20) % 256}, 100, 50)`;
				context.fillRect(0, top, width, 500);
			}
			const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 1 });
			const image = await decodeImage(new Uint8Array(await blob.arrayBuffer()), 'tall.jpg');
			expect([image.width, image.height]).toEqual([width, height]);
			for (let top = 0; top < height; top += 500) {
				const row = Math.min(top + 250, height - 1);
				expect(Math.abs(image.data[row * width * 3]! - Math.round((top / 20) % 256))).toBeLessThanOrEqual(3);
			}
		}
	});
});

describe('refuses', () => {
	it.each([
		['a cut-off JPEG', fromBase64(turned.file).slice(0, -40)],
		['a JPEG with damaged tables', fromBase64(turned.file).fill(0xee, 160, 500)],
		['text', new TextEncoder().encode('not an image')],
		['an SVG', new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"></svg>')]
	])('%s in one sentence', async (_, bytes) => {
		const error: unknown = await decodeImage(bytes, 'picture').catch((error: unknown) => error);
		expect(error).toBeInstanceOf(InputError);
		expect((error as InputError).message).toMatch(/^picture [^.\n]*\.$/);
	});
});

function expectSame(image: RgbImage, expected: RgbImage): void {
	expect([image.width, image.height]).toEqual([expected.width, expected.height]);
	const wrong = Array.from(expected.data).filter((value, i) => value !== image.data[i]).length;
	expect(wrong).toBe(0);
	expect(image.data.length).toBe(expected.data.length);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
	return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
