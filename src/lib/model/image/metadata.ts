import { join } from '../../bytes/join.ts';
import type { ImageFormat } from './header.ts';

/**
 * The file without its EXIF data and colour profile. Browsers turn a JPEG by its orientation tag whatever
 * `imageOrientation` says (Chromium since 2022, by the standard), and upstream does not. Only JPEG and WebP files are
 * changed; the pixels are not touched. The file must have passed `readImageHeader`.
 */
export function withoutMetadata(bytes: Uint8Array, format: ImageFormat): Uint8Array<ArrayBuffer> {
	if (format === 'jpeg') return join(jpegParts(bytes));
	if (format === 'webp') return webpFile(join(webpParts(bytes)));
	return new Uint8Array(bytes);
}

/** The segments before the pixels but for APP1 (EXIF, XMP) and APP2 (ICC profile), and the rest. */
function jpegParts(bytes: Uint8Array): Uint8Array[] {
	const parts = [bytes.subarray(0, 2)];
	let at = 2;
	while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
		const marker = bytes[at + 1]!;
		// Fill bytes and markers without a segment have no length.
		const alone = marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
		const length = marker === 0xff ? 1 : alone ? 2 : 2 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
		if (marker !== 0xe1 && marker !== 0xe2) parts.push(bytes.subarray(at, at + length));
		at += length;
	}
	return [...parts, bytes.subarray(at)];
}

/** The RIFF chunks but for EXIF, XMP and ICCP, with their flags in the VP8X chunk cleared. */
function webpParts(bytes: Uint8Array): Uint8Array[] {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const parts: Uint8Array[] = [];
	for (let at = 12; at + 8 <= bytes.length;) {
		const kind = String.fromCharCode(...bytes.subarray(at, at + 4));
		const length = 8 + view.getUint32(at + 4, true);
		const chunk = bytes.slice(at, at + length + (length % 2));
		if (kind === 'VP8X') chunk[8]! &= ~(0x20 | 0x08 | 0x04);
		if (kind !== 'EXIF' && kind !== 'XMP ' && kind !== 'ICCP') parts.push(chunk);
		at += length + (length % 2);
	}
	return parts;
}

function webpFile(chunks: Uint8Array): Uint8Array<ArrayBuffer> {
	const head = new TextEncoder().encode('RIFF____WEBP');
	new DataView(head.buffer).setUint32(4, chunks.length + 4, true);
	return join([head, chunks]);
}
