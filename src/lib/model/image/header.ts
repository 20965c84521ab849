import { InputError } from '../../tensor/errors.ts';
import { bmpHeader } from './bmp.ts';
import { gifFrame } from './gif.ts';
import { endOfPixels, hasEndMarker } from './jpeg-scan.ts';

/** File formats that are decoded, in Node and in the browser. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif' | 'bmp';

export interface ImageHeader {
	readonly format: ImageFormat;
	/** In pixels, as stored; orientation tags are ignored. */
	readonly width: number;
	readonly height: number;
	/** Whether a JPEG's pixels are inks: cyan, magenta, yellow and black. */
	readonly cmyk?: boolean;
}

/** Most pixels of an image that is decoded; a JPEG of 100 megapixels passes. RGB takes 3 bytes for each. */
export const MAX_PIXELS = 120_000_000;
/** Longest side in pixels, which is also JPEG's and the browser's limit. */
export const MAX_SIDE = 65_535;

const USABLE = 'PNG, JPEG, WebP, GIF, AVIF or BMP';

/**
 * Tells an image's format and size from its first bytes, before anything is decoded.
 *
 * @param name file name for messages
 * @throws InputError when the file is no image, one of a format that is not decoded, cut off, or too large
 */
export function readImageHeader(bytes: Uint8Array, name: string): ImageHeader {
	if (bytes.length === 0) throw new InputError(`${name} is empty: choose an image file (${USABLE}).`);
	const header = sizeByFormat(bytes, name);
	const { width, height } = header;
	if (width === 0 || height === 0)
		throw new InputError(`${name} is ${width}×${height} pixels in size: export the image again.`);
	if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
		throw new InputError(
			`${name} has ${width}×${height} pixels (${Math.ceil((width * height) / 1e6)} megapixels), more than the limit of ${MAX_PIXELS / 1e6} megapixels and ${MAX_SIDE} pixels a side: scale it down.`
		);
	return header;
}

/** What a decoder's failure means to the user. */
export function damagedImage(name: string, format: ImageFormat): InputError {
	return new InputError(
		`${name} cannot be decoded as ${format.toUpperCase()}: the file is damaged or cut off; get or export it again.`
	);
}

function sizeByFormat(bytes: Uint8Array, name: string): ImageHeader {
	if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return pngSize(bytes, name);
	if (startsWith(bytes, '\xff\xd8\xff')) return jpegSize(bytes, name);
	if (startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a')) return gifSize(bytes, name);
	if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) return webpSize(bytes, name);
	if (startsWith(bytes, 'ftyp', 4) && (startsWith(bytes, 'avif', 8) || startsWith(bytes, 'avis', 8)))
		return avifSize(bytes, name);
	const bmp = startsWith(bytes, 'BM') ? bmpHeader(bytes) : undefined;
	if (bmp) return { format: 'bmp', width: bmp.width, height: bmp.height };
	const unsupported = nameUnsupported(bytes);
	throw new InputError(
		unsupported === undefined
			? `${name} is not an image that can be read: choose a ${USABLE} file.`
			: `${name} is ${unsupported}, which is not decoded: export it as PNG.`
	);
}

function pngSize(bytes: Uint8Array, name: string): ImageHeader {
	if (bytes.length < 24) throw damagedImage(name, 'png');
	const view = viewOf(bytes);
	return { format: 'png', width: view.getUint32(16), height: view.getUint32(20) };
}

/** Walks the segments to the frame header, and checks that the pixels end where they should. */
function jpegSize(bytes: Uint8Array, name: string): ImageHeader {
	const view = viewOf(bytes);
	let size: ImageHeader | undefined;
	for (let at = 2; at + 4 <= bytes.length;) {
		if (bytes[at] !== 0xff) break;
		const marker = bytes[at + 1]!;
		if (marker === 0xff) {
			at++;
			continue;
		}
		// Markers without a segment.
		if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
			at += 2;
			continue;
		}
		const length = view.getUint16(at + 2);
		// SOF0–SOF15 but for DHT, JPG and DAC.
		const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
		if (isFrame && at + 10 <= bytes.length) {
			size = {
				format: 'jpeg',
				height: view.getUint16(at + 5),
				width: view.getUint16(at + 7),
				...(bytes[at + 9] === 4 && { cmyk: true })
			};
		}
		if (marker === 0xda) {
			const whole = hasEndMarker(bytes, at + 2 + length) || endOfPixels(bytes) !== undefined;
			if (size === undefined || !whole) break;
			return size;
		}
		at += 2 + length;
	}
	throw damagedImage(name, 'jpeg');
}

function gifSize(bytes: Uint8Array, name: string): ImageHeader {
	const frame = gifFrame(bytes);
	if (frame === undefined) throw damagedImage(name, 'gif');
	return { format: 'gif', width: frame.width, height: frame.height };
}

function webpSize(bytes: Uint8Array, name: string): ImageHeader {
	const view = viewOf(bytes);
	if (bytes.length < 30 || view.getUint32(4, true) + 8 > bytes.length) throw damagedImage(name, 'webp');
	if (startsWith(bytes, 'VP8X', 12)) {
		const uint24 = (at: number): number => view.getUint16(at, true) + (bytes[at + 2]! << 16);
		return { format: 'webp', width: uint24(24) + 1, height: uint24(27) + 1 };
	}
	if (startsWith(bytes, 'VP8L', 12)) {
		const bits = view.getUint32(21, true);
		return { format: 'webp', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
	}
	if (startsWith(bytes, 'VP8 ', 12))
		return {
			format: 'webp',
			width: view.getUint16(26, true) & 0x3fff,
			height: view.getUint16(28, true) & 0x3fff
		};
	throw damagedImage(name, 'webp');
}

/** Largest of the `ispe` boxes (image spatial extents); tiles and thumbnails have smaller ones. */
function avifSize(bytes: Uint8Array, name: string): ImageHeader {
	const view = viewOf(bytes);
	let largest: ImageHeader | undefined;
	const end = Math.min(bytes.length - 16, 1 << 20);
	for (let at = 0; at < end; at++) {
		if (bytes[at] !== 0x69 || !startsWith(bytes, 'ispe', at)) continue;
		const width = view.getUint32(at + 8);
		const height = view.getUint32(at + 12);
		if (largest === undefined || width * height > largest.width * largest.height)
			largest = { format: 'avif', width, height };
	}
	if (largest === undefined) throw damagedImage(name, 'avif');
	return largest;
}

/** Common formats that are not decoded, with an article. */
function nameUnsupported(bytes: Uint8Array): string | undefined {
	if (startsWith(bytes, 'II*\0') || startsWith(bytes, 'MM\0*')) return 'a TIFF image';
	if (startsWith(bytes, 'BM')) return 'a BMP image of a rare kind, or one that is cut off';
	if (startsWith(bytes, 'ftyp', 4)) return 'a HEIC image or a video';
	if (startsWith(bytes, '%PDF')) return 'a PDF document';
	const start = new TextDecoder().decode(bytes.subarray(0, 4096)).trimStart();
	if (/^(<\?xml|<!--|<!DOCTYPE svg|<svg)/i.test(start) && /<svg[\s>]/i.test(start)) return 'an SVG drawing';
	return undefined;
}

/** Whether the bytes from `at` on are those of a string of Latin-1 characters. */
function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
	for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
	return true;
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
