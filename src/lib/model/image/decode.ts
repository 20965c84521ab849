import type { ImageDecoder } from './rgb.ts';
import { decodeGif, gifFrame } from './gif.ts';
import { damagedImage, readImageHeader, type ImageHeader } from './header.ts';
import { bareFile } from './metadata.ts';
import { decodePng } from './png.ts';
import type { RgbImage } from './rgb.ts';

/** Decodes what the platform can; it gets a file without orientation and colour profile. Any error means that the file is damaged. */
export type PlatformDecoder = (file: Uint8Array<ArrayBuffer>, header: ImageHeader) => Promise<RgbImage>;

/**
 * Decodes image files as PIL's `open(…).convert("RGB")` does: alpha dropped and not composited, colour profile and orientation ignored.
 * Of an animation the first frame is used, as upstream does. PNG and GIF, in which decoders differ, are decoded here. The decoder throws
 * an InputError when the file is no image, one of a format that is not decoded, damaged, or too large.
 */
export function imageDecoder(platform: PlatformDecoder): ImageDecoder {
	return async (bytes, name) => {
		const header = readImageHeader(bytes, name);
		const { format, width, height } = header;
		if (format === 'png') return decodePng(bytes, name);
		try {
			const image =
				format === 'gif'
					? decodeGif(bytes, gifFrame(bytes)!)
					: await platform(bareFile(bytes, format), header);
			// A decoder that disagrees with the header would give a skewed image.
			if (image?.width === width && image.height === height) return image;
		} catch {
			// Said below.
		}
		throw damagedImage(name, format);
	};
}
