import { InputError } from '../tensor/errors.ts';

/** An image of the session: what the worker gets (`id`, `bytes`, `name`) and what the page shows. */
export interface SessionImage {
	/** sha256 of the bytes. */
	readonly id: string;
	readonly name: string;
	/** The encoded file. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	/** Object URL of the same bytes. */
	readonly url: string;
	readonly width: number;
	readonly height: number;
	/** Questions that go with it, for images made by the workbench itself. */
	readonly questions: readonly string[];
}

export const maxFileBytes = 64 * 1024 * 1024;
export const maxPixels = 64_000_000;

/**
 * Reads a file the user put in, as far as the page needs it. What the model sees is decoded in the worker.
 * @throws InputError when it is not an image, is damaged or too large.
 */
export async function openImage(
	file: Blob,
	name: string,
	questions: readonly string[] = []
): Promise<SessionImage> {
	if (file.size === 0) throw new InputError(`“${name}” is empty; choose a PNG, JPEG or WebP picture.`);
	if (file.size > maxFileBytes)
		throw new InputError(
			`“${name}” is larger than ${maxFileBytes / 1024 / 1024} MiB; save it smaller and put it in again.`
		);
	const bytes = new Uint8Array(await file.arrayBuffer());
	const type = imageType(bytes);
	if (type === undefined)
		throw new InputError(`“${name}” is not a picture that can be read; choose a PNG, JPEG or WebP file.`);
	if (type === 'image/svg+xml')
		throw new InputError(
			`“${name}” is an SVG drawing, which has no pixels; export it as PNG and put that in.`
		);
	const blob = new Blob([bytes], { type });
	const { width, height } = await measure(blob, name);
	if (width * height > maxPixels)
		throw new InputError(
			`“${name}” has ${width} × ${height} pixels, more than ${maxPixels / 1e6} million; save it smaller and put it in again.`
		);
	return { id: await sha256(bytes), name, bytes, url: URL.createObjectURL(blob), width, height, questions };
}

async function measure(blob: Blob, name: string): Promise<{ width: number; height: number }> {
	try {
		const bitmap = await createImageBitmap(blob);
		const { width, height } = bitmap;
		bitmap.close();
		return { width, height };
	} catch {
		throw new InputError(`“${name}” is damaged or incomplete; save it again or choose another picture.`);
	}
}

/** Media type by the first bytes, whatever the file's name says; undefined when it is no picture we know. */
export function imageType(bytes: Uint8Array): string | undefined {
	const text = String.fromCharCode(...bytes.subarray(0, 512));
	if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
	if (text.startsWith('\xff\xd8\xff')) return 'image/jpeg';
	if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp';
	if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'image/gif';
	if (text.startsWith('BM')) return 'image/bmp';
	if (/^....ftypavi[fs]/s.test(text)) return 'image/avif';
	if (/<svg[\s>]/.test(text)) return 'image/svg+xml';
	return undefined;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
	const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
	return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
