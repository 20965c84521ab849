import { sha256 } from '../../lib/bytes/hash.ts';
import type { RgbImage } from '../../lib/model/image/rgb.ts';
import { shownPixels } from '../../lib/model/image/shown.ts';
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
	const { width, height, data } = shownPixels(pixels);
	const canvas = new OffscreenCanvas(width, height);
	canvas.getContext('2d')?.putImageData(new ImageData(data, width, height), 0, 0);
	return canvas.convertToBlob({ type: 'image/png' });
}
