import { resizeBicubic } from '../../model/image/resize.ts';
import type { RgbImage } from '../../model/image/rgb.ts';
import type { ImageDecoder } from '../../model/runtime/visual.ts';

/** An encoded image at the size the model sees. @throws InputError when it is no usable image. */
export type ImagePreparer = (bytes: Uint8Array, name: string) => Promise<RgbImage>;

/**
 * Decodes and squashes ahead of the model, which skips squashing for an image of its own size: the pixels are the same.
 *
 * @param size S, side of the model's images in pixels
 */
export function imagePreparer(decode: ImageDecoder, size: number): ImagePreparer {
	return async (bytes, name) => resizeBicubic(await decode(bytes, name), size, size);
}
