import { zlibSync } from 'fflate';
import { crc32 } from '../bytes/crc32.ts';
import { join } from '../bytes/join.ts';

/**
 * PNG with a palette, written at once and without a canvas: maps are small, and figures are drawn in workers, tests and Node, too.
 */

/** First bytes of every PNG file. */
export const PNG_SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * @param pixels palette index of each pixel, row-major; 0 is transparent
 * @param palette #rrggbb of the indices from 1 on, at most 255
 */
export function palettePng(
	pixels: Uint8Array,
	width: number,
	height: number,
	palette: readonly string[]
): Uint8Array {
	const header = new Uint8Array(13);
	const view = new DataView(header.buffer);
	view.setUint32(0, width);
	view.setUint32(4, height);
	header.set([8, 3, 0, 0, 0], 8);
	const colours = Uint8Array.from(['#000000', ...palette].flatMap(channels));
	const rows = new Uint8Array((width + 1) * height);
	for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
	return join([
		Uint8Array.from(PNG_SIGNATURE),
		pngChunk('IHDR', header),
		pngChunk('PLTE', colours),
		pngChunk('tRNS', Uint8Array.of(0)),
		pngChunk('IDAT', zlibSync(rows)),
		pngChunk('IEND', new Uint8Array())
	]);
}

function channels(colour: string): number[] {
	return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

/** One chunk of a PNG file: length, name, data, check sum. */
export function pngChunk(name: string, data: Uint8Array): Uint8Array {
	const out = new Uint8Array(data.length + 12);
	const view = new DataView(out.buffer);
	view.setUint32(0, data.length);
	for (let i = 0; i < 4; i++) out[4 + i] = name.charCodeAt(i);
	out.set(data, 8);
	view.setUint32(data.length + 8, crc32(out.subarray(4, data.length + 8)));
	return out;
}
