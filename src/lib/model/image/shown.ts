import { dataUrl } from '../../bytes/data-url.ts';
import { readImageHeader } from './header.ts';
import { bareFile } from './metadata.ts';
import type { RgbImage } from './rgb.ts';

/** Longest side of what is shown, in pixels. */
const MAX_SHOWN = 1600;

/** RGBA pixels to show, opaque. */
export interface ShownPixels {
	readonly width: number;
	readonly height: number;
	readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** What the model decodes, made smaller where it is large. */
export function shownPixels(image: RgbImage): ShownPixels {
	return shrink(image, Math.ceil(Math.max(image.width, image.height) / MAX_SHOWN));
}

/** The image with `factor` × `factor` pixels averaged into one; what is left over at the edges is cut. */
export function shrink({ width, height, data }: RgbImage, factor: number): ShownPixels {
	const columns = Math.max(1, Math.floor(width / factor));
	const rows = Math.max(1, Math.floor(height / factor));
	const across = Math.min(factor, width);
	const down = Math.min(factor, height);
	const out = new Uint8ClampedArray(columns * rows * 4);
	for (let y = 0; y < rows; y++)
		for (let x = 0; x < columns; x++) {
			const to = (y * columns + x) * 4;
			for (let channel = 0; channel < 3; channel++) {
				let sum = 0;
				for (let dy = 0; dy < down; dy++)
					for (let dx = 0; dx < across; dx++)
						sum += data[((y * factor + dy) * width + x * factor + dx) * 3 + channel] ?? 0;
				out[to + channel] = sum / (across * down);
			}
			out[to + 3] = 255;
		}
	return { width: columns, height: rows, data: out };
}

/** A data: URL of an image file that a browser shows as it is stored, whatever its orientation tag says. @throws InputError when it is none */
export function shownUrl(bytes: Uint8Array): string {
	const { format } = readImageHeader(bytes, 'The image');
	return dataUrl(bareFile(bytes, format), `image/${format}`);
}
