import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import sharp from 'sharp';
import { imageDecoder } from '../../lib/model/image/decode.ts';
import { MAX_PIXELS, type ImageHeader } from '../../lib/model/image/header.ts';
import { rgbFromCmyk, rgbFromInterleaved, type RgbImage } from '../../lib/model/image/rgb.ts';
import type { Transparency } from '../../lib/model/image/transparency.ts';

/**
 * Decodes an image file in Node; see `imageDecoder`.
 *
 * @param name file name for messages
 * @throws InputError when the file is no image, one of a format that is not decoded, damaged, or too large
 */
export const decodeImage = imageDecoder({
	decode: decodeBySharp,
	avifCode: async () =>
		new Uint8Array(
			await readFile(createRequire(import.meta.url).resolve('@jsquash/avif/codec/dec/avif_dec.wasm'))
		)
});

async function decodeBySharp(
	file: Uint8Array,
	{ cmyk }: ImageHeader,
	transparency: Transparency
): Promise<RgbImage> {
	const image = sharp(file, {
		autoOrient: false,
		failOn: 'error',
		ignoreIcc: true,
		limitInputPixels: MAX_PIXELS,
		pages: 1,
		sequentialRead: true
	});
	const colours = cmyk
		? image.pipelineColourspace('cmyk').toColourspace('cmyk')
		: image.toColourspace('srgb');
	const stored = cmyk || transparency === 'white' ? colours : colours.removeAlpha();
	const { data, info } = await stored.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
	return cmyk
		? rgbFromCmyk(info.width, info.height, data)
		: rgbFromInterleaved(info.width, info.height, data, transparency);
}
