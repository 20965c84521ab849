import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { figure } from '../../../src/cli/figure.ts';
import { decodeImage } from '../../../src/cli/io/decode-image.ts';

const terminal = {
	write: () => undefined,
	progress: () => undefined,
	note: () => undefined,
	warn: () => undefined,
	signal: new AbortController().signal
};

/** The README beside each case says what is right. */
it.each(['figure-exif/photo.jpg', 'figure-gif-avif/photo.gif', 'figure-gif-avif/photo.avif'])(
	'a figure of %s holds the pixels that the model sees',
	async (path) => {
		const file = `tests/fixtures/cases/${path}`;
		const out = join(mkdtempSync(join(tmpdir(), 'figure-')), 'a.svg');
		const args = ['token-map', '--model', 'static/models/honeybee-mini', '--method', 'occlusion'];
		expect(await figure.run([...args, '--image', file, '--out', out], terminal)).toBe(true);
		const svg = readFileSync(out, 'utf8');
		const urls = [...svg.matchAll(/href="data:(image\/\w+);base64,([^"]*)"/g)];
		const pictures = await Promise.all(
			urls.map(async ([, type, content]) => {
				const image = sharp(Buffer.from(content!, 'base64'));
				const { format, width, height } = await image.metadata();
				expect(`image/${format}`).toBe(type);
				return { width, height, data: new Uint8Array(await image.removeAlpha().raw().toBuffer()) };
			})
		);
		const { width, height, data } = await decodeImage(new Uint8Array(readFileSync(file)), path);
		expect([width, height]).toEqual([160, 90]);
		expect(pictures.some((picture) => Buffer.compare(picture.data, data) === 0)).toBe(true);
	}
);
