import { sha256 } from '../../lib/bytes/hash.ts';
import { readImageHeader } from '../../lib/model/image/header.ts';
import { pngHasAlpha } from '../../lib/model/image/png.ts';
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
	/** Whether it would look otherwise laid on white. */
	readonly transparent: boolean;
}

/**
 * The picture of an image file as the model gets it: alpha dropped, orientation ignored, first frame of an animation.
 * @throws InputError when it is no usable image
 */
export async function pictureOf(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Picture> {
	const pixels = await decodeImage(bytes, name);
	const { width, height } = pixels;
	const transparent =
		mayBeTransparent(bytes, name) && isDifferent(pixels, await decodeImage(bytes, name, 'white'));
	return { id: await sha256(bytes), width, height, png: await png(pixels), transparent };
}

/** What has no alpha need not be decoded twice. */
function mayBeTransparent(bytes: Uint8Array, name: string): boolean {
	const { format } = readImageHeader(bytes, name);
	if (format === 'png') return pngHasAlpha(bytes, name);
	return format !== 'jpeg' && format !== 'bmp';
}

const isDifferent = (a: RgbImage, b: RgbImage): boolean => a.data.some((value, i) => value !== b.data[i]);

function png(pixels: RgbImage): Promise<Blob> {
	const { width, height, data } = shownPixels(pixels);
	const canvas = new OffscreenCanvas(width, height);
	canvas.getContext('2d')?.putImageData(new ImageData(data, width, height), 0, 0);
	return canvas.convertToBlob({ type: 'image/png' });
}
