import { sha256 } from '../../lib/bytes/hash.ts';
import type { RgbImage } from '../../lib/model/image/rgb.ts';
import { decodeImage } from '../../lib/browser/decode-image.ts';

/** What a page shows of an image file. */
export interface Picture {
	/** sha256 of the file. */
	readonly id: string;
	/** Pixels of the image in the file. */
	readonly width: number;
	readonly height: number;
	/** PNG of what the model decodes, made smaller where the image is large. */
	readonly png: Blob;
}

/** Longest side of what is shown, in pixels. */
const maxShown = 1600;

/**
 * The picture of an image file as the model gets it: alpha dropped, orientation ignored, first frame of an animation.
 * @throws InputError when it is no usable image
 */
export async function pictureOf(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Picture> {
	const pixels = await decodeImage(bytes, name);
	const { width, height } = pixels;
	return { id: await sha256(bytes), width, height, png: await png(pixels) };
}

function png(pixels: RgbImage): Promise<Blob> {
	const factor = Math.ceil(Math.max(pixels.width, pixels.height) / maxShown);
	const { width, height, data } = shrink(pixels, factor);
	const canvas = new OffscreenCanvas(width, height);
	canvas.getContext('2d')?.putImageData(new ImageData(data, width, height), 0, 0);
	return canvas.convertToBlob({ type: 'image/png' });
}

/** RGBA of the image with `factor` × `factor` pixels averaged into one; what is left over at the edges is cut. */
export function shrink(
	{ width, height, data }: RgbImage,
	factor: number
): { width: number; height: number; data: Uint8ClampedArray<ArrayBuffer> } {
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
