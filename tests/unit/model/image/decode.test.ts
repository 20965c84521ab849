import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../../src/cli/io/decode-image.ts';
import { readImageHeader } from '../../../../src/lib/model/image/header.ts';
import { orientationOf, bareFile } from '../../../../src/lib/model/image/metadata.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import avif from '../../../fixtures/images/avif.json' with { type: 'json' };
import cases from '../../../fixtures/images/cases.json' with { type: 'json' };
import { goldenBytes } from './golden.ts';

describe('as Pillow decodes', () => {
	it.each(cases)('$name', async ({ name, file, rgb, width, height }) => {
		const bytes = fromBase64(file);
		expect(readImageHeader(bytes, name)).toMatchObject({ width, height });
		const image = await decodeImage(bytes, name);
		expect([image.width, image.height]).toEqual([width, height]);
		expect(Buffer.compare(image.data, fromBase64(rgb))).toBe(0);
	});

	it.each(avif)('$name within 2 of 255, by the decoder of the page', async ({ name, file, rgb, ...size }) => {
		const bytes = fromBase64(file);
		const { width, height } = readImageHeader(bytes, name);
		expect({ width, height }).toEqual(size);
		const { data } = await decodeImage(bytes, name);
		const differences = Array.from(fromBase64(rgb), (value, i) => Math.abs(value - data[i]!));
		expect(Math.max(...differences)).toBeLessThanOrEqual(2);
	});

	it('reads from the middle of a larger buffer', async () => {
		const file = goldenBytes('images/rgba_90x70.png');
		const larger = new Uint8Array(file.length + 100);
		larger.set(file, 33);
		const inside = await decodeImage(larger.subarray(33, 33 + file.length), 'a.png');
		expect(inside.data).toEqual((await decodeImage(file, 'a.png')).data);
	});
});

describe('bareFile', () => {
	it('takes orientation and profile out of a JPEG and a WebP and leaves the pixels', async () => {
		for (const name of ['turned.jpg', 'profile.jpg', 'turned.webp', 'profile.webp']) {
			const { file, rgb } = cases.find((row) => row.name === name)!;
			const before = await sharp(fromBase64(file)).metadata();
			expect(before.orientation === 6 || before.icc !== undefined).toBe(true);
			const bytes = bareFile(fromBase64(file), name.endsWith('jpg') ? 'jpeg' : 'webp');
			const after = await sharp(bytes).metadata();
			expect([after.orientation, after.exif, after.icc]).toEqual([undefined, undefined, undefined]);
			expect(Buffer.compare((await decodeImage(bytes, name)).data, fromBase64(rgb))).toBe(0);
		}
	});
});

describe('orientationOf', () => {
	it.each(['jpeg', 'png', 'webp'] as const)('reads what EXIF says in a %s', async (format) => {
		for (const orientation of [1, 3, 6, 8]) {
			const file = await solid(9, 4).withMetadata({ orientation }).toFormat(format).toBuffer();
			expect(orientationOf(new Uint8Array(file), format)).toBe(orientation);
		}
		const plain = await solid(9, 4).toFormat(format).toBuffer();
		expect(orientationOf(new Uint8Array(plain), format)).toBe(1);
	});

	it('of the pictures that Pillow saved', () => {
		for (const { name, file } of [...cases, ...avif]) {
			const bytes = fromBase64(file);
			const { format } = readImageHeader(bytes, name);
			expect(orientationOf(bytes, format)).toBe(name.startsWith('turned') ? 6 : 1);
		}
	});
});

describe('refuses in one sentence', () => {
	const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
	const png = goldenBytes('images/odd_97x113.png');
	const named = (name: string): Uint8Array => fromBase64(cases.find((row) => row.name === name)!.file);
	const withSize = (width: number, height: number): Uint8Array => {
		const bytes = png.slice();
		new DataView(bytes.buffer).setUint32(16, width);
		new DataView(bytes.buffer).setUint32(20, height);
		return bytes;
	};
	const compressed = named('8bit.bmp');
	compressed[30] = 1;
	const refused: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
		['an empty file', new Uint8Array(0), /is empty/],
		['text', ascii('hello, this is not an image'), /is not an image that can be read/],
		[
			'an SVG',
			ascii('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
			/SVG.*export it as PNG/
		],
		['an SVG with a comment', ascii('<!-- x --><svg width="3"></svg>'), /SVG.*export it as PNG/],
		['a web page', ascii('<!DOCTYPE html><html><svg></svg></html>'), /is not an image that can be read/],
		['a TIFF', ascii('II*\0\x08\0\0\0'), /TIFF.*export it as PNG/],
		['a BMP without its header', ascii('BM\0\0\0\0'), /BMP.*export it as PNG/],
		['a BMP of run lengths', compressed, /BMP image of a rare kind.*export it as PNG/],
		['a cut-off BMP', named('24bit.bmp').slice(0, -5), /BMP.*damaged or cut off/],
		['a PDF', ascii('%PDF-1.7'), /PDF.*export it as PNG/],
		['a HEIC', ascii('\0\0\0\x18ftypheic'), /HEIC.*export it as PNG/],
		['a PNG of no width', withSize(0, 113), /is 0×113 pixels/],
		['a PNG of no height', withSize(97, 0), /is 97×0 pixels/],
		[
			'a PNG that is too large',
			withSize(20_000, 10_000),
			/20000×10000 pixels \(200 megapixels\).*120 megapixels/
		],
		['a PNG that is too wide', withSize(70_000, 1), /70000×1 pixels.*65535 pixels a side/],
		['a PNG cut off in its pixels', png.subarray(0, png.length >> 1), /cut off or damaged/],
		['a PNG cut off in its header', png.subarray(0, 20), /PNG.*damaged or cut off/],
		['a PNG with a wrong colour type', png.slice().fill(5, 25, 26), /colour type 5/],
		['a cut-off JPEG', named('colour.jpg').slice(0, -40), /JPEG.*damaged or cut off/],
		['a JPEG without pixels', named('colour.jpg').slice(0, 160), /JPEG.*damaged or cut off/],
		['a cut-off WebP', named('lossless.webp').slice(0, -9), /WEBP.*damaged or cut off/],
		['a cut-off GIF header', ascii('GIF89a\x01'), /GIF.*damaged or cut off/]
	];
	it.each(refused)('%s', async (_, bytes, message) => {
		const error: unknown = await decodeImage(bytes, 'picture').catch((error: unknown) => error);
		expect(error).toBeInstanceOf(InputError);
		const text = (error as InputError).message;
		expect(text).toMatch(message);
		expect(text).toMatch(/^picture [^.\n]*\.$/);
	});

	it('a damaged AVIF', async () => {
		const bytes = fromBase64(avif[0]!.file);
		await expect(decodeImage(bytes.subarray(0, bytes.length - 200), 'picture')).rejects.toThrow(
			/^picture cannot be decoded as AVIF: the file is damaged/
		);
	});

	it('a JPEG over the limit, from its header alone', async () => {
		const bytes = fromBase64(cases.find((row) => row.name === 'colour.jpg')!.file);
		const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
		new DataView(bytes.buffer).setUint16(frame + 5, 15_000);
		new DataView(bytes.buffer).setUint16(frame + 7, 12_000);
		await expect(decodeImage(bytes, 'picture')).rejects.toThrow(/12000×15000 pixels \(180 megapixels\)/);
	});
});

describe('damage', () => {
	it('never gives anything but the image or an InputError, wherever a PNG is cut', async () => {
		const { file, rgb } = cases.find((row) => row.name === 'colour6-8bit-interlaced.png')!;
		const bytes = fromBase64(file);
		let decoded = 0;
		for (let length = 0; length < bytes.length; length++) {
			const result: unknown = await decodeImage(bytes.subarray(0, length), 'x').catch(
				(error: unknown) => error
			);
			if (result instanceof Error) expect(result).toBeInstanceOf(InputError);
			else {
				expect((result as { data: Uint8Array }).data).toEqual(fromBase64(rgb));
				decoded++;
			}
		}
		// Only the end of the stream and the IEND chunk can be missed.
		expect(decoded).toBeLessThan(40);
	});

	it('gives an image or an InputError when bytes are changed', async () => {
		let state = 99;
		const random = (limit: number): number => {
			state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
			return Math.floor((state / 2 ** 32) * limit);
		};
		for (const { file, name } of cases.filter(({ name }) => !name.startsWith('colour4')))
			for (let i = 0; i < 6; i++) {
				const bytes = fromBase64(file);
				// Past the sizes, so that no huge image is asked for.
				bytes[34 + random(bytes.length - 34)] = random(256);
				const error: unknown = await decodeImage(bytes, name).catch((error: unknown) => error);
				if (error instanceof Error) expect(error).toBeInstanceOf(InputError);
			}
	});
});

function solid(width: number, height: number): ReturnType<typeof sharp> {
	return sharp({ create: { width, height, channels: 3, background: { r: 200, g: 100, b: 50 } } });
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
	return new Uint8Array(Buffer.from(text, 'base64'));
}
