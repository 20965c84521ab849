import { decodeImage } from '../../workers/decode-image.ts';
import type { RgbImage } from '../model/image/index.ts';
import { sha256 } from '../model/runtime/model-folder.ts';
import { InputError } from '../tensor/errors.ts';

/** An image of the session: what the worker gets (`id`, `bytes`, `name`) and what the page shows. */
export interface SessionImage {
	/** sha256 of the bytes. */
	readonly id: string;
	readonly name: string;
	/** The encoded file. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	/** Object URL of the pixels as the model decodes them. */
	readonly url: string;
	readonly width: number;
	readonly height: number;
	/** Questions that go with it, for images made by the workbench itself. */
	readonly questions: readonly string[];
}

const maxFileBytes = 256 * 1024 * 1024;

/** Longest side of what the page shows of an image. */
const maxShown = 1600;

/**
 * Reads a file the user put in. It is decoded as the worker does it, so that what cannot be used is refused here and
 * now, and what is shown is what the model gets: alpha dropped, orientation tags ignored, first frame of an animation.
 * @throws InputError when it is not an image, is damaged or too large.
 */
export async function openImage(
	file: Blob,
	name: string,
	questions: readonly string[] = []
): Promise<SessionImage> {
	if (file.size > maxFileBytes)
		throw new InputError(
			`${name} is larger than ${maxFileBytes / 1024 / 1024} MiB: save it smaller and put it in again.`
		);
	const bytes = await read(file, name);
	const pixels = await decodeImage(bytes, name);
	const { width, height } = pixels;
	return { id: await sha256(bytes), name, bytes, url: await display(pixels), width, height, questions };
}

/** A folder, or a file that has gone or changed since it was chosen, cannot be read. */
async function read(file: Blob, name: string): Promise<Uint8Array<ArrayBuffer>> {
	try {
		return new Uint8Array(await file.arrayBuffer());
	} catch {
		throw new InputError(`${name} cannot be read: choose an image file that is still in its place.`);
	}
}

async function display(pixels: RgbImage): Promise<string> {
	const factor = Math.ceil(Math.max(pixels.width, pixels.height) / maxShown);
	const { width, height, data } = shrink(pixels, factor);
	const canvas = new OffscreenCanvas(width, height);
	canvas.getContext('2d')?.putImageData(new ImageData(data, width, height), 0, 0);
	return URL.createObjectURL(await canvas.convertToBlob({ type: 'image/png' }));
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
