import { resizeBicubic } from './resize.ts';
import type { Transparency } from './transparency.ts';
import type { ImageDecoder, RgbImage } from './rgb.ts';

/** An image, encoded or as pixels, at the size the model sees where that may be. @throws InputError when it is no usable image. */
export type ImagePreparer = (image: Uint8Array | RgbImage, name: string) => Promise<RgbImage>;

/**
 * Decodes and squashes ahead of the model, which skips squashing for an image of its own size: the pixels are the same.
 *
 * @param size `squashTo` of the model
 * @param transparency what it makes of transparent pictures
 */
export function imagePreparer(
	decode: ImageDecoder,
	size: number | undefined,
	transparency: Transparency
): ImagePreparer {
	return async (given, name) => {
		const image = given instanceof Uint8Array ? await decode(given, name, transparency) : given;
		return isReady(image, size) ? image : resizeBicubic(image, size!, size!);
	};
}

/** Whether nothing is left to be done for an image. */
export function isReady(image: Uint8Array | RgbImage, size: number | undefined): image is RgbImage {
	if (image instanceof Uint8Array) return false;
	return size === undefined || (image.width === size && image.height === size);
}
