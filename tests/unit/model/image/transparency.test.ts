import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../../src/cli/io/decode-image.ts';
import { cropped } from '../../../../src/lib/model/image/fit.ts';
import { pngHasAlpha } from '../../../../src/lib/model/image/png.ts';
import { transparencyOf } from '../../../../src/lib/model/image/transparency.ts';
import { goldenBytes } from './golden.ts';

const folder = new URL('../../../fixtures/transparency/', import.meta.url);
/** What Pillow makes of them (tests/fixtures/transparency/make.py). */
const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Readonly<
	Record<
		string,
		{
			readonly file: string;
			readonly width: number;
			readonly height: number;
			readonly drop: string;
			readonly white: string;
		}
	>
>;

describe('a transparent picture', () => {
	for (const [name, { file, width, height, ...pixels }] of Object.entries(expected))
		it.each(['drop', 'white'] as const)(`${name}: %s, to the bit`, async (transparency) => {
			const bytes = new Uint8Array(Buffer.from(file, 'base64'));
			const image = await decodeImage(bytes, name, transparency);
			expect([image.width, image.height]).toEqual([width, height]);
			expect(Buffer.from(image.data).toString('base64')).toBe(pixels[transparency]);
			if (transparency === 'drop') expect((await decodeImage(bytes, name)).data).toEqual(image.data);
		});

	it('is on white what transformers 5.24 makes of it', async () => {
		// llava_hf.crop_composited_on_white.rgba_90x70.png of the family's golden pictures.
		const image = await decodeImage(goldenBytes('images/rgba_90x70.png'), 'rgba', 'white');
		const { data } = cropped({ size: 112, mean: [0, 0, 0], std: [1, 1, 1] }).pixels(image);
		const area = data.length / 3;
		const bytes = Uint8Array.from(data, (_, i) =>
			Math.round(data[(i % 3) * area + Math.floor(i / 3)]! * 255)
		);
		expect(createHash('sha256').update(bytes).digest('hex')).toBe(
			'61ec01b10c0e7fb16342f37fabc65acc449945b9537855b35760a42ba2b9cfa2'
		);
	});

	it('is told from a PNG’s chunks before its pixels are read', () => {
		for (const [name, { file, drop, white }] of Object.entries(expected)) {
			const bytes = new Uint8Array(Buffer.from(file, 'base64'));
			if (bytes[0] === 0x89 && drop !== white) expect(pngHasAlpha(bytes, name), name).toBe(true);
		}
		expect(pngHasAlpha(goldenBytes('images/rgba_90x70.png'), 'rgba')).toBe(true);
		const opaque = { width: 1, height: 1, data: new Uint8Array([1, 2, 3]), channels: 3, depth: 8 } as const;
		expect(pngHasAlpha(encode(opaque), 'rgb')).toBe(false);
	});

	it('is seen without alpha unless the model folder says white', () => {
		expect(transparencyOf({})).toBe('drop');
		expect(transparencyOf({ transparency: 'white' })).toBe('white');
		expect(() => transparencyOf({ transparency: 'black' })).toThrow(
			'honeybee.json: image.transparency is "black"; make it one of drop, white.'
		);
	});
});
