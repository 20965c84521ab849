import sharp from 'sharp';
import { damagedImage, MAX_PIXELS, readImageHeader } from '../../lib/model/image/header.ts';
import { decodePng } from '../../lib/model/image/png.ts';
import { rgbFromInterleaved, type RgbImage } from '../../lib/model/image/rgb.ts';

/**
 * Decodes an image file as PIL's `open(…).convert("RGB")` does: alpha dropped and not composited, colour profile and
 * orientation ignored. Of an animation the first frame is used, as upstream does; transparent pixels of a GIF are black.
 *
 * @param name file name for messages
 * @throws InputError when the file is no image, one of a format that is not decoded, damaged, or too large
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<RgbImage> {
	const { format, width, height } = readImageHeader(bytes, name);
	if (format === 'png') return decodePng(bytes, name);
	try {
		const { data, info } = await sharp(bytes, {
			autoOrient: false,
			failOn: 'error',
			ignoreIcc: true,
			limitInputPixels: MAX_PIXELS,
			pages: 1,
			sequentialRead: true
		})
			.toColourspace('srgb')
			.removeAlpha()
			.raw({ depth: 'uchar' })
			.toBuffer({ resolveWithObject: true });
		// A decoder that disagrees with the header would give a skewed image.
		if (info.width !== width || info.height !== height) throw damagedImage(name, format);
		return rgbFromInterleaved(width, height, data);
	} catch {
		throw damagedImage(name, format);
	}
}
