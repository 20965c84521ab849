import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decodeImage } from '../../../../src/cli/io/decode-image.ts';

/** Pictures as people have them; the README beside each says what is right and by which source. */
it.each(['gif-transparent/logo.gif', 'jpeg-trailer-instead-of-end/panorama.jpg'])(
	'%s is what Pillow makes of it',
	async (path) => {
		const read = (file: string) =>
			decodeImage(new Uint8Array(readFileSync(`tests/fixtures/cases/${file}`)), file);
		const expected = await read(path.replace(/[^/]*$/, 'expected.png'));
		expect(await read(path)).toEqual(expected);
	}
);
