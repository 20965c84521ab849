import sharp from 'sharp';
import { imageDecoder } from '../../lib/model/image/decode.ts';
import { MAX_PIXELS } from '../../lib/model/image/header.ts';
import { rgbFromCmyk, rgbFromInterleaved } from '../../lib/model/image/rgb.ts';

/**
 * Decodes an image file in Node; see `imageDecoder`.
 *
 * @param name file name for messages
 * @throws InputError when the file is no image, one of a format that is not decoded, damaged, or too large
 */
export const decodeImage = imageDecoder(async (file, { cmyk }) => {
	const image = sharp(file, {
		autoOrient: false,
		failOn: 'error',
		ignoreIcc: true,
		limitInputPixels: MAX_PIXELS,
		pages: 1,
		sequentialRead: true
	});
	const stored = cmyk
		? image.pipelineColourspace('cmyk').toColourspace('cmyk')
		: image.toColourspace('srgb').removeAlpha();
	const { data, info } = await stored.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
	return (cmyk ? rgbFromCmyk : rgbFromInterleaved)(info.width, info.height, data);
});
