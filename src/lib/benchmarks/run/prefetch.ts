import { resizeBicubic, type RgbImage } from '../../model/image/index.ts';
import type { ImageDecoder } from '../../model/runtime/visual.ts';

/**
 * A decoder that can begin early. What was prefetched is decoded and squashed to the model's size already; squashing is
 * skipped for an image of that size, so the pixels are the same.
 *
 * @param size S, side of the model's images in pixels
 */
export function prefetchingDecoder(
	decode: ImageDecoder,
	size: number
): { readonly decode: ImageDecoder; prefetch(bytes: Uint8Array, name: string): void } {
	const begun = new WeakMap<Uint8Array, Promise<RgbImage>>();
	return {
		decode: (bytes, name) => begun.get(bytes) ?? decode(bytes, name),
		prefetch(bytes, name) {
			const image = decode(bytes, name).then((decoded) => resizeBicubic(decoded, size, size));
			// It is reported when the image is asked for.
			image.catch(() => undefined);
			begun.set(bytes, image);
		}
	};
}
