import { strFromU8, strToU8, unzlibSync } from 'fflate';
import { characterOf } from '../../bytes/text.ts';
import { pngChunk, PNG_SIGNATURE } from '../png.ts';
import { capsuleText, parseCapsule, type Capsule } from './capsule.ts';

/** Name of the capsule wherever a file format asks for one. */
export const CAPSULE_FILE = 'honeybee-figure.json';
const KEYWORD = 'honeybee-figure';
const NAMESPACE = 'https://honeybee.invalid/figure';

/** Puts the capsule into the drawing's `<metadata>`. */
export function embedInSvg(svg: SVGSVGElement, capsule: Capsule): void {
	const page = svg.ownerDocument;
	const metadata = page.createElementNS('http://www.w3.org/2000/svg', 'metadata');
	const holder = page.createElementNS(NAMESPACE, 'honeybee:figure');
	holder.textContent = capsuleText(capsule);
	metadata.append(holder);
	svg.prepend(metadata);
}

/** Puts the capsule into a PNG as an iTXt chunk, and its resolution as pHYs, before the pixels. */
export function embedInPng(
	png: Uint8Array,
	capsule: Capsule | undefined,
	dpi: number
): Uint8Array<ArrayBuffer> {
	const physical = new Uint8Array(9);
	const view = new DataView(physical.buffer);
	const perMetre = Math.round(dpi / 0.0254);
	view.setUint32(0, perMetre);
	view.setUint32(4, perMetre);
	physical[8] = 1;
	const added = [pngChunk('pHYs', physical)];
	if (capsule) {
		// Keyword, end, not compressed, no language, no translated keyword.
		const head = [...strToU8(KEYWORD), 0, 0, 0, 0, 0];
		const text = strToU8(capsuleText(capsule));
		const body = new Uint8Array(head.length + text.length);
		body.set(head);
		body.set(text, head.length);
		added.push(pngChunk('iTXt', body));
	}
	// After IHDR, whose length is fixed.
	const after = PNG_SIGNATURE.length + 25;
	const size = added.reduce((sum, part) => sum + part.length, 0);
	const out = new Uint8Array(png.length + size);
	out.set(png.subarray(0, after));
	let at = after;
	for (const part of added) {
		out.set(part, at);
		at += part.length;
	}
	out.set(png.subarray(after), at);
	return out;
}

/**
 * The capsule in an exported file; undefined when the file carries none, e.g. any other image.
 * @throws InputError when it carries one that cannot be read
 */
export function readCapsule(file: Uint8Array): Capsule | undefined {
	const text = isPng(file) ? inPng(file) : startsWith(file, '%PDF-') ? inPdf(file) : inText(file);
	return text === undefined ? undefined : parseCapsule(text);
}

function isPng(file: Uint8Array): boolean {
	return PNG_SIGNATURE.every((byte, i) => file[i] === byte);
}

function startsWith(file: Uint8Array, text: string): boolean {
	return [...text].every((letter, i) => file[i] === letter.charCodeAt(0));
}

function inPng(file: Uint8Array): string | undefined {
	const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
	for (let at = PNG_SIGNATURE.length; at + 12 <= file.length;) {
		const length = view.getUint32(at);
		const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
		if (name === 'iTXt') {
			const data = file.subarray(at + 8, at + 8 + length);
			const text = international(data);
			if (text !== undefined) return text;
		}
		at += length + 12;
	}
	return undefined;
}

/** Text of an iTXt chunk under our keyword, compressed or not. */
function international(data: Uint8Array): string | undefined {
	const end = data.indexOf(0);
	if (strFromU8(data.subarray(0, end)) !== KEYWORD) return undefined;
	const compressed = data[end + 1] === 1;
	const language = data.indexOf(0, end + 3);
	const start = data.indexOf(0, language + 1) + 1;
	const body = data.subarray(start);
	return strFromU8(compressed ? unzlibSync(body) : body);
}

/** A PDF's attachment: the first embedded file stream that is a capsule, whatever the order of the objects. */
function inPdf(file: Uint8Array): string | undefined {
	const text = latin1(file);
	const marker = /\/Type\s*\/EmbeddedFile\b/g;
	for (let match = marker.exec(text); match; match = marker.exec(text)) {
		const opening = text.lastIndexOf(' obj', match.index);
		const stream = /stream\r?\n/g;
		stream.lastIndex = match.index;
		const begin = stream.exec(text);
		if (!begin || opening < 0) continue;
		const from = begin.index + begin[0].length;
		const to = text.indexOf('endstream', from);
		const dictionary = text.slice(opening, begin.index);
		const length = /\/Length\s+(\d+)(?!\s+\d+\s+R)/.exec(dictionary)?.[1];
		const bytes = file.subarray(from, length === undefined ? to : from + Number(length));
		const content = /\/FlateDecode/.test(dictionary) ? inflated(bytes) : strFromU8(bytes);
		if (content?.includes(`"${KEYWORD}"`)) return content.trim();
	}
	return undefined;
}

function inflated(bytes: Uint8Array): string | undefined {
	try {
		return strFromU8(unzlibSync(bytes));
	} catch {
		return undefined;
	}
}

function latin1(bytes: Uint8Array): string {
	let text = '';
	for (let at = 0; at < bytes.length; at += 8192)
		text += String.fromCharCode(...bytes.subarray(at, at + 8192));
	return text;
}

/** SVG, also after an editor has saved it (the prefix may change), and JSON files of numbers. */
function inText(file: Uint8Array): string | undefined {
	const text = strFromU8(file);
	if (text.trimStart().startsWith('{')) {
		try {
			const value = JSON.parse(text) as { capsule?: unknown };
			return value.capsule === undefined ? undefined : JSON.stringify(value.capsule);
		} catch {
			return undefined;
		}
	}
	if (!/<svg[\s>]/.test(text)) return undefined;
	const found = new RegExp(`<(\\w+:)?figure[^>]*>([^<]*)</`).exec(text);
	return found?.[2] === undefined || !text.includes(NAMESPACE) ? undefined : unescapeXml(found[2]);
}

function unescapeXml(text: string): string {
	const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
	return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (all, name: string) =>
		name.startsWith('#')
			? characterOf(Number(name.toLowerCase().replace('#x', '0x').replace('#', '')))
			: (named[name] ?? all)
	);
}
