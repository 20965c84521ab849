import { avifDecoder } from './avif.ts';
import { bmpHeader, decodeBmp } from './bmp.ts';
import { decodeGif, gifFrame } from './gif.ts';
import { damagedImage, readImageHeader, type ImageHeader } from './header.ts';
import { bareFile } from './metadata.ts';
import { decodePng } from './png.ts';
import type { ImageDecoder, RgbImage } from './rgb.ts';
import type { Transparency } from './transparency.ts';

/** What a platform brings. */
export interface ImagePlatform {
	/** Decodes JPEG and WebP without orientation and colour profile. Any error means that the file is damaged. */
	readonly decode: (
		file: Uint8Array<ArrayBuffer>,
		header: ImageHeader,
		transparency: Transparency
	) => Promise<RgbImage>;
	/** avif_dec.wasm of @jsquash/avif. */
	readonly avifCode: () => Promise<BufferSource>;
}

/**
 * Decodes image files as PIL's `open(…).convert("RGB")` does: alpha dropped and not composited (laid on white where that is
 * asked for), colour profile and orientation ignored.
 * Of an animation the first frame is used, as upstream does. PNG, GIF, AVIF and BMP, in which decoders differ, are decoded here. The decoder
 * throws an InputError when the file is no image, one of a format that is not decoded, damaged, or too large.
 */
export function imageDecoder({ decode, avifCode }: ImagePlatform): ImageDecoder {
	const decodeAvif = avifDecoder(avifCode);
	const pixels = async (
		bytes: Uint8Array,
		header: ImageHeader,
		transparency: Transparency
	): Promise<RgbImage | undefined> => {
		switch (header.format) {
			case 'avif':
				return await decodeAvif(bytes, transparency);
			case 'gif':
				return decodeGif(bytes, gifFrame(bytes)!, transparency);
			case 'bmp':
				return decodeBmp(bytes, bmpHeader(bytes)!);
			default:
				return await decode(bareFile(bytes, header.format), header, transparency);
		}
	};
	return async (bytes, name, transparency = 'drop') => {
		const header = readImageHeader(bytes, name);
		const { format, width, height } = header;
		if (format === 'png') return decodePng(bytes, name, transparency);
		const image = await pixels(bytes, header, transparency).catch(() => undefined);
		// A decoder that disagrees with the header would give a skewed image.
		if (image?.width !== width || image.height !== height) throw damagedImage(name, format);
		return image;
	};
}
