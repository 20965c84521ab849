import { join } from '../../bytes/join.ts';
import { readImageHeader, type ImageFormat } from './header.ts';
import { endOfPixels, hasEndMarker } from './jpeg-scan.ts';

/** Tag of EXIF's first directory that says how a camera was held, 1 to 8. */
const ORIENTATION = 0x0112;
const UPRIGHT = 1;

const JPEG_END = Uint8Array.of(0xff, 0xd9);

/** One piece of a file: its kind, all of it, and what it holds. */
interface Part {
	readonly kind: string;
	readonly whole: Uint8Array;
	readonly content: Uint8Array;
}

/**
 * The file as a decoder may have it: without EXIF data and colour profile, since browsers turn a JPEG by its orientation tag whatever
 * `imageOrientation` says (Chromium since 2022, by the standard) and upstream does not; a JPEG ends with its pixels, where its own end
 * marker is missing. The pixels are not touched. The file must have passed `readImageHeader`.
 */
export function bareFile(bytes: Uint8Array, format: ImageFormat): Uint8Array<ArrayBuffer> {
	if (format === 'jpeg') {
		const whole = hasEndMarker(bytes) ? bytes : bytes.subarray(0, endOfPixels(bytes));
		const parts = jpegParts(whole).filter(({ kind }) => kind !== 'APP1' && kind !== 'APP2');
		return join([...parts.map(({ whole }) => whole), ...(whole === bytes ? [] : [JPEG_END])]);
	}
	if (format === 'webp') return webpFile(webpParts(bytes));
	return new Uint8Array(bytes);
}

/**
 * EXIF's orientation of a JPEG, PNG or WebP, and what the turning box of an AVIF comes to: 1 is upright and what a file without the tag is; 6 is to be turned clockwise by a quarter,
 * 3 by a half, 8 counterclockwise by a quarter; 2, 4, 5 and 7 are mirrored, too. Pixels are decoded as they are stored, as upstream does,
 * whatever it says.
 * @param format of the file; by its first bytes when absent
 * @throws InputError when it is no usable image
 */
export function orientationOf(
	bytes: Uint8Array,
	format: ImageFormat = readImageHeader(bytes, 'The image').format
): number {
	if (format === 'avif') return turnOfAvif(bytes);
	for (const { kind, content } of partsOf(bytes, format)) {
		const named = kind === 'APP1' && startsWith(content, 'Exif\0\0');
		if (named) return orientationTag(content.subarray(6));
		if (kind === 'EXIF' || kind === 'eXIf')
			return orientationTag(startsWith(content, 'Exif\0\0') ? content.subarray(6) : content);
	}
	return UPRIGHT;
}

/** By the box `irot`: quarters counterclockwise. Mirrors (`imir`) are not looked for. */
function turnOfAvif(bytes: Uint8Array): number {
	const end = Math.min(bytes.length - 5, 1 << 16);
	for (let at = 0; at < end; at++)
		if (bytes[at] === 0x69 && textOf(bytes, at, 4) === 'irot') return [1, 8, 3, 6][bytes[at + 4]! & 3]!;
	return UPRIGHT;
}

function partsOf(bytes: Uint8Array, format: ImageFormat): Part[] {
	if (format === 'jpeg') return jpegParts(bytes);
	if (format === 'webp') return webpParts(bytes);
	return format === 'png' ? pngParts(bytes) : [];
}

/** The orientation in EXIF data, which are a TIFF file without pixels. */
function orientationTag(tiff: Uint8Array): number {
	if (tiff.length < 8) return UPRIGHT;
	const view = viewOf(tiff);
	const little = startsWith(tiff, 'II');
	const first = view.getUint32(4, little);
	if (first + 2 > tiff.length) return UPRIGHT;
	const count = view.getUint16(first, little);
	for (let at = first + 2; at + 12 <= Math.min(tiff.length, first + 2 + 12 * count); at += 12) {
		if (view.getUint16(at, little) !== ORIENTATION) continue;
		const value = view.getUint16(at + 8, little);
		return value >= 1 && value <= 8 ? value : UPRIGHT;
	}
	return UPRIGHT;
}

/** The segments before the pixels, and the rest. */
function jpegParts(bytes: Uint8Array): Part[] {
	const parts: Part[] = [{ kind: 'SOI', whole: bytes.subarray(0, 2), content: bytes.subarray(2, 2) }];
	let at = 2;
	while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
		const marker = bytes[at + 1]!;
		// Fill bytes and markers without a segment have no length.
		const alone = marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
		const length = marker === 0xff ? 1 : alone ? 2 : 2 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
		parts.push({
			kind: marker >= 0xe0 && marker <= 0xef ? `APP${marker - 0xe0}` : '',
			whole: bytes.subarray(at, at + length),
			content: bytes.subarray(at + 4, at + length)
		});
		at += length;
	}
	return [...parts, { kind: 'SOS', whole: bytes.subarray(at), content: bytes.subarray(at) }];
}

/** The RIFF chunks; what comes after the file's own end is left out. */
function webpParts(file: Uint8Array): Part[] {
	const bytes = file.subarray(0, 8 + viewOf(file).getUint32(4, true));
	const view = viewOf(bytes);
	const parts: Part[] = [];
	for (let at = 12; at + 8 <= bytes.length;) {
		const length = 8 + view.getUint32(at + 4, true);
		parts.push({
			kind: textOf(bytes, at, 4),
			whole: bytes.subarray(at, at + length + (length % 2)),
			content: bytes.subarray(at + 8, at + length)
		});
		at += length + (length % 2);
	}
	return parts;
}

function pngParts(bytes: Uint8Array): Part[] {
	const view = viewOf(bytes);
	const parts: Part[] = [];
	for (let at = 8; at + 12 <= bytes.length;) {
		const end = at + 12 + view.getUint32(at);
		parts.push({
			kind: textOf(bytes, at + 4, 4),
			whole: bytes.subarray(at, end),
			content: bytes.subarray(at + 8, end - 4)
		});
		at = end;
	}
	return parts;
}

/** A WebP file of the chunks but for EXIF, XMP and ICCP, with their flags in the VP8X chunk cleared. */
function webpFile(parts: readonly Part[]): Uint8Array<ArrayBuffer> {
	const chunks = parts.flatMap(({ kind, whole }) => {
		if (kind === 'EXIF' || kind === 'XMP ' || kind === 'ICCP') return [];
		if (kind !== 'VP8X') return [whole];
		const cleared = whole.slice();
		cleared[8]! &= ~(0x20 | 0x08 | 0x04);
		return [cleared];
	});
	const head = new TextEncoder().encode('RIFF____WEBP');
	const size = chunks.reduce((sum, { length }) => sum + length, 4);
	new DataView(head.buffer).setUint32(4, size, true);
	return join([head, ...chunks]);
}

function startsWith(bytes: Uint8Array, text: string): boolean {
	return textOf(bytes, 0, text.length) === text;
}

function textOf(bytes: Uint8Array, at: number, length: number): string {
	return String.fromCharCode(...bytes.subarray(at, at + length));
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
