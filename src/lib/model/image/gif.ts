import { rgbImage, type RgbImage } from './rgb.ts';
import { layOnWhite, type Transparency } from './transparency.ts';

/** The first frame of a GIF: what the pixels need, before they are unpacked. */
export interface GifFrame {
	/** Of the picture: the screen, or more where the frame reaches beyond it. */
	readonly width: number;
	readonly height: number;
	readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
	/** R, G, B per entry; undefined without a table, which is gray. */
	readonly palette: Uint8Array | undefined;
	/** Index around the frame: the transparent one, or else 0. */
	readonly around: number;
	/** The transparent index, where there is one. */
	readonly transparent: number | undefined;
	readonly interlaced: boolean;
	/** Bits of the smallest code. */
	readonly bits: number;
	/** Where the sub-blocks of codes begin. */
	readonly codes: number;
}

/** Rows of an interlaced frame: first one and step of each pass. */
const PASSES = [
	{ from: 0, step: 8 },
	{ from: 4, step: 8 },
	{ from: 2, step: 4 },
	{ from: 1, step: 2 }
] as const;
const IN_ORDER = [{ from: 0, step: 1 }] as const;

/** Most bits of a code. */
const MOST_BITS = 12;

/** Finds the first frame; undefined when the file is cut off before its pixels or has none. */
export function gifFrame(bytes: Uint8Array): GifFrame | undefined {
	if (bytes.length < 13) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const table = (flags: number, at: number) =>
		flags & 0x80 ? bytes.subarray(at, at + 3 * 2 ** ((flags & 7) + 1)) : undefined;
	const shared = table(bytes[10]!, 13);
	let transparent: number | undefined;
	for (let at = 13 + (shared?.length ?? 0); at < bytes.length;) {
		const kind = bytes[at++];
		// Trailer.
		if (kind === 0x3b) return undefined;
		if (kind === 0x21) {
			// Graphic control: its third flag says that the fourth byte is the transparent index.
			if (bytes[at] === 0xf9 && bytes[at + 2]! & 1) transparent = bytes[at + 5]!;
			for (at++; at < bytes.length && bytes[at] !== 0;) at += 1 + bytes[at]!;
			at++;
		} else if (kind === 0x2c) {
			if (at + 10 > bytes.length) return undefined;
			const [x, y, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true));
			const flags = bytes[at + 8]!;
			const own = table(flags, at + 9);
			const codes = at + 10 + (own?.length ?? 0);
			return {
				width: Math.max(view.getUint16(6, true), x! + width!),
				height: Math.max(view.getUint16(8, true), y! + height!),
				box: { x: x!, y: y!, width: width!, height: height! },
				palette: own ?? shared,
				around: transparent ?? 0,
				transparent,
				interlaced: (flags & 0x40) !== 0,
				bits: bytes[codes - 1]!,
				codes
			};
		}
	}
	return undefined;
}

/**
 * The first frame as PIL's `open(…).convert("RGB")` gives it: a transparent pixel has the colour of its index, not black or white, unless it is to be
 * laid on white; what the
 * frame leaves free has that of the transparent index, or of index 0. Browsers and sharp drop these colours, hence this decoder.
 *
 * @returns undefined when the codes end early or are none
 */
export function decodeGif(
	bytes: Uint8Array,
	frame: GifFrame,
	transparency: Transparency = 'drop'
): RgbImage | undefined {
	const { width, height, box, palette } = frame;
	const indices = unpack(bytes, frame);
	if (!indices) return undefined;
	const out = new Uint8Array(width * height * 3);
	const alpha = new Uint8Array(width * height).fill(255);
	const paint = (at: number, index: number) => {
		if (index === frame.transparent) alpha[at] = 0;
		// PIL reads colours beyond the table's end as black.
		for (let c = 0; c < 3; c++) out[at * 3 + c] = palette ? (palette[index * 3 + c] ?? 0) : index;
	};
	if (box.width < width || box.height < height)
		for (let at = 0; at < width * height; at++) paint(at, frame.around);
	let from = 0;
	for (const { from: first, step } of frame.interlaced ? PASSES : IN_ORDER)
		for (let row = first; row < box.height; row += step)
			for (let column = 0; column < box.width; column++)
				paint((box.y + row) * width + box.x + column, indices[from++]!);
	if (transparency === 'white') layOnWhite(out, alpha);
	return rgbImage(width, height, out);
}

/** Undoes GIF's LZW: an index per pixel in the order of the file. */
function unpack(bytes: Uint8Array, { box, bits, codes: start }: GifFrame): Uint8Array | undefined {
	if (bits < 1 || bits > 8) return undefined;
	const out = new Uint8Array(box.width * box.height);
	const clear = 1 << bits;
	const prefix = new Uint16Array(1 << MOST_BITS);
	const suffix = new Uint8Array(1 << MOST_BITS);
	const text = new Uint8Array((1 << MOST_BITS) + 1);
	for (let code = 0; code < clear; code++) suffix[code] = code;
	let size = bits + 1;
	let next = clear + 2;
	let previous = -1;
	let first = 0;
	let filled = 0;
	let held = 0;
	let buffer = 0;
	let at = start;
	let left = 0;
	while (filled < out.length) {
		while (held < size) {
			if (left === 0) left = bytes[at++] ?? 0;
			if (left === 0 || at >= bytes.length) return undefined;
			buffer |= bytes[at++]! << held;
			held += 8;
			left--;
		}
		const code = buffer & ((1 << size) - 1);
		buffer >>>= size;
		held -= size;
		if (code === clear) {
			size = bits + 1;
			next = clear + 2;
			previous = -1;
			continue;
		}
		if (code === clear + 1 || code > next || (code === next && previous < 0)) return undefined;
		let length = 0;
		// The code that is just being made: what came before, and its first index once more.
		let walk = code === next ? previous : code;
		if (code === next) text[length++] = first;
		for (; walk > clear; walk = prefix[walk]!) text[length++] = suffix[walk]!;
		first = text[length++] = suffix[walk]!;
		while (length > 0 && filled < out.length) out[filled++] = text[--length]!;
		if (previous >= 0 && next < 1 << MOST_BITS) {
			prefix[next] = previous;
			suffix[next] = first;
			next++;
			if (next === 1 << size && size < MOST_BITS) size++;
		}
		previous = code;
	}
	return out;
}
