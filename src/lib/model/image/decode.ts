import { avifDecoder } from './avif.ts';
import { bmpHeader, decodeBmp } from './bmp.ts';
import { decodeGif, gifFrame } from './gif.ts';
import { damagedImage, readImageHeader, type ImageHeader } from './header.ts';
import { bareFile } from './metadata.ts';
import { decodePng } from './png.ts';
import type { ImageDecoder, RgbImage } from './rgb.ts';

/** What a platform brings. */
export interface ImagePlatform {
	/** Decodes JPEG and WebP without orientation and colour profile. Any error means that the file is damaged. */
	readonly decode: (file: Uint8Array<ArrayBuffer>, header: ImageHeader) => Promise<RgbImage>;
	/** avif_dec.wasm of @jsquash/avif. */
	readonly avifCode: () => Promise<BufferSource>;
}

/**
 * Decodes image files as PIL's `open(…).convert("RGB")` does: alpha dropped and not composited, colour profile and orientation ignored.
 * Of an animation the first frame is used, as upstream does. PNG, GIF, AVIF and BMP, in which decoders differ, are decoded here. The decoder
 * throws an InputError when the file is no image, one of a format that is not decoded, damaged, or too large.
 */
export function imageDecoder({ decode, avifCode }: ImagePlatform): ImageDecoder {
	const decodeAvif = avifDecoder(avifCode);
	const pixels = async (bytes: Uint8Array, header: ImageHeader): Promise<RgbImage | undefined> => {
		switch (header.format) {
			case 'avif':
				return await decodeAvif(bytes);
			case 'gif':
				return decodeGif(bytes, gifFrame(bytes)!);
			case 'bmp':
				return decodeBmp(bytes, bmpHeader(bytes)!);
			default:
				return await decode(bareFile(bytes, header.format), header);
		}
	};
	return async (bytes, name) => {
		const header = readImageHeader(bytes, name);
		const { format, width, height } = header;
		if (format === 'png') return decodePng(bytes, name);
		const image = await pixels(bytes, header).catch(() => undefined);
		// A decoder that disagrees with the header would give a skewed image.
		if (image?.width !== width || image.height !== height) throw damagedImage(name, format);
		return image;
	};
}
