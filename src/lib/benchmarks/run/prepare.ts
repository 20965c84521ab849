import { familyOf } from '../../model/families/registry.ts';
import { resizeBicubic } from '../../model/image/resize.ts';
import type { Transparency } from '../../model/image/transparency.ts';
import type { RgbImage } from '../../model/image/rgb.ts';
import type { ModelManifest } from '../../model/manifest.ts';
import type { ImageDecoder } from '../../model/runtime/visual.ts';

/** An encoded image, at the size the model sees where that may be. @throws InputError when it is no usable image. */
export type ImagePreparer = (bytes: Uint8Array, name: string) => Promise<RgbImage>;

/** The side that a model's images may be squashed to before it sees them; undefined where it needs them as they are. */
export const squashTo = (manifest: ModelManifest): number | undefined =>
	familyOf(manifest).imageProcessor(manifest.image).squash;

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
	return async (bytes, name) => {
		const image = await decode(bytes, name, transparency);
		return size === undefined ? image : resizeBicubic(image, size, size);
	};
}
