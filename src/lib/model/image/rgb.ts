import { layOnWhite, type Transparency } from './transparency.ts';

/** Pixels as the model sees them: 8 bits a channel, row-major, interleaved R, G, B, no alpha. */
export interface RgbImage {
	/** In pixels, at least 1. */
	readonly width: number;
	/** In pixels, at least 1. */
	readonly height: number;
	/** `width * height * 3` bytes. */
	readonly data: Uint8Array;
}

/**
 * Encoded bytes to pixels; the browser and Node have their own.
 * @param transparency of a transparent picture; `drop` when absent
 * @throws InputError when it is no usable image.
 */
export type ImageDecoder = (
	bytes: Uint8Array,
	name: string,
	transparency?: Transparency
) => Promise<RgbImage>;

/** Makes an image after checking that the data fits the size. */
export function rgbImage(width: number, height: number, data: Uint8Array): RgbImage {
	if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
		throw new Error(`An image needs a width and a height of at least 1 pixel, got ${width}×${height}.`);
	if (data.length !== width * height * 3)
		throw new Error(`A ${width}×${height} RGB image needs ${width * height * 3} bytes, got ${data.length}.`);
	return { width, height, data };
}

/**
 * Image of interleaved pixels of 3 or 4 bytes. A fourth channel is alpha and is dropped, not composited, as
 * PIL's `convert("RGB")` does, unless it is to be laid on white. Pixels of 3 bytes are taken over, not copied.
 */
export function rgbFromInterleaved(
	width: number,
	height: number,
	pixels: Uint8Array | Uint8ClampedArray,
	transparency: Transparency = 'drop'
): RgbImage {
	const channels = pixels.length / (width * height);
	if (channels !== 3 && channels !== 4)
		throw new Error(`A ${width}×${height} image cannot have ${pixels.length} bytes of RGB or RGBA pixels.`);
	if (channels === 3)
		return rgbImage(width, height, new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length));
	const data = new Uint8Array(width * height * 3);
	for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
		data[to] = pixels[from] ?? 0;
		data[to + 1] = pixels[from + 1] ?? 0;
		data[to + 2] = pixels[from + 2] ?? 0;
	}
	if (transparency === 'white')
		layOnWhite(
			data,
			Uint8Array.from({ length: width * height }, (_, pixel) => pixels[4 * pixel + 3] ?? 255)
		);
	return rgbImage(width, height, data);
}

/** Image of interleaved inks, 4 bytes a pixel (255 is full), as PIL's `convert("RGB")` mixes them. */
export function rgbFromCmyk(width: number, height: number, inks: Uint8Array): RgbImage {
	const data = new Uint8Array(width * height * 3);
	for (let from = 0, to = 0; to < data.length; from += 4) {
		const light = 255 - inks[from + 3]!;
		for (let ink = 0; ink < 3; ink++) {
			const product = inks[from + ink]! * light + 128;
			data[to++] = Math.max(0, light - (((product >> 8) + product) >> 8));
		}
	}
	return rgbImage(width, height, data);
}
