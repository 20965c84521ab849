import { InputError } from '../../tensor/errors.ts';
import { rgbImage } from './rgb.ts';
import type { RgbImage } from './rgb.ts';
import { layOnWhite, type Transparency } from './transparency.ts';

/** Colour types of the IHDR chunk. */
const GRAY = 0;
const RGB = 2;
const PALETTE = 3;
const GRAY_ALPHA = 4;
const RGBA = 6;

const CHANNELS: Readonly<Record<number, number>> = {
	[GRAY]: 1,
	[RGB]: 3,
	[PALETTE]: 1,
	[GRAY_ALPHA]: 2,
	[RGBA]: 4
};
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
	[GRAY]: [1, 2, 4, 8, 16],
	[RGB]: [8, 16],
	[PALETTE]: [1, 2, 4, 8],
	[GRAY_ALPHA]: [8, 16],
	[RGBA]: [8, 16]
};

/** Passes of an interlaced image: first column and row, and the steps between. */
const ADAM7 = [
	{ x: 0, y: 0, dx: 8, dy: 8 },
	{ x: 4, y: 0, dx: 8, dy: 8 },
	{ x: 0, y: 4, dx: 4, dy: 8 },
	{ x: 2, y: 0, dx: 4, dy: 4 },
	{ x: 0, y: 2, dx: 2, dy: 4 },
	{ x: 1, y: 0, dx: 2, dy: 2 },
	{ x: 0, y: 1, dx: 1, dy: 2 }
] as const;
const WHOLE = [{ x: 0, y: 0, dx: 1, dy: 1 }] as const;

interface Chunks {
	readonly width: number;
	readonly height: number;
	readonly depth: number;
	readonly colour: number;
	readonly interlaced: boolean;
	/** R, G, B per entry; empty without a PLTE chunk. */
	readonly palette: Uint8Array;
	/** tRNS: an alpha per entry of the palette, or the samples of the colour that is transparent, 2 bytes each. */
	readonly clear: Uint8Array;
	/** Pieces of the zlib stream. */
	readonly data: readonly Uint8Array[];
}

/**
 * Decodes a PNG as PIL's `open(…).convert("RGB")` does: alpha and tRNS dropped and not composited (the RGB values under
 * alpha are kept), palette and gray expanded, 16-bit colour cut to its high byte, 16-bit gray without alpha clipped to
 * 255 (PIL opens it as mode "I"), gamma, colour profile and orientation ignored. Only the result is kept in memory:
 * rows are inflated, unfiltered and converted one by one.
 *
 * Kept beside fast-png, which writes PNG here: for 7000 × 7000 RGBA in a file of 35 MB that needs 1.09 s of processor time and 590 MB with the
 * conversion to RGB, this 0.54 s and 210 MB (Node 24, November 2026), and it has Pillow's rules to be added in any case.
 *
 * @param name file name for messages
 * @param transparency `white` lays it on white instead
 * @throws InputError when the file is broken or cut off
 */
export async function decodePng(
	bytes: Uint8Array,
	name: string,
	transparency: Transparency = 'drop'
): Promise<RgbImage> {
	const chunks = readChunks(bytes, name);
	const { width, height, depth, colour } = chunks;
	const bitsPerPixel = depth * CHANNELS[colour]!;
	const pixelBytes = Math.max(1, bitsPerPixel >> 3);
	const out = new Uint8Array(width * height * 3);
	const alpha = transparency === 'white' && hasAlpha(chunks) ? new Uint8Array(width * height) : undefined;
	const rows = new RowReader(chunks.data, name);
	try {
		for (const { x, y, dx, dy } of chunks.interlaced ? ADAM7 : WHOLE) {
			const columns = Math.ceil((width - x) / dx);
			if (columns <= 0) continue;
			const rowBytes = Math.ceil((columns * bitsPerPixel) / 8);
			let previous = new Uint8Array(rowBytes);
			for (let line = y; line < height; line += dy) {
				const row = await rows.read(rowBytes + 1);
				const current = row.subarray(1);
				unfilter(row[0]!, current, previous, pixelBytes, name);
				writeRow(current, chunks, columns, out, (line * width + x) * 3, dx * 3);
				if (alpha) writeAlpha(current, chunks, columns, alpha, line * width + x, dx);
				previous = current;
			}
		}
	} finally {
		await rows.close();
	}
	if (alpha) layOnWhite(out, alpha);
	return rgbImage(width, height, out);
}

/** Walks the chunks, checks lengths and order, and keeps what the pixels need. */
function readChunks(bytes: Uint8Array, name: string): Chunks {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	let header: Omit<Chunks, 'palette' | 'clear' | 'data'> | undefined;
	let palette = new Uint8Array(0);
	let clear = new Uint8Array(0);
	const data: Uint8Array[] = [];
	for (let at = 8; ;) {
		if (at + 8 > bytes.length) break;
		const length = view.getUint32(at);
		const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
		const start = at + 8;
		const end = start + length;
		if (type === 'IEND') break;
		if (header === undefined && type !== 'IHDR') throw broken(name, 'does not begin with an IHDR chunk');
		if (type === 'IDAT') {
			// A cut-off chunk still gives its rows; the row reader says where the pixels end.
			data.push(bytes.subarray(start, Math.min(end, bytes.length)));
		} else if (end > bytes.length) {
			throw cutOff(name);
		} else if (type === 'IHDR') {
			if (length < 13) throw broken(name, 'has a short IHDR chunk');
			header = checkHeader(
				{
					width: view.getUint32(start),
					height: view.getUint32(start + 4),
					depth: bytes[start + 8]!,
					colour: bytes[start + 9]!,
					interlaced: bytes[start + 12] === 1
				},
				name
			);
		} else if (type === 'PLTE') {
			palette = bytes.slice(start, end);
		} else if (type === 'tRNS') {
			clear = bytes.slice(start, end);
		}
		at = end + 4;
	}
	if (header === undefined) throw cutOff(name);
	if (header.colour === PALETTE && palette.length === 0) throw broken(name, 'has no palette');
	return { ...header, palette, clear, data };
}

function checkHeader<H extends { width: number; height: number; depth: number; colour: number }>(
	header: H,
	name: string
): H {
	const { width, height, depth, colour } = header;
	if (width === 0 || height === 0) throw broken(name, `is ${width}×${height} pixels`);
	if (!DEPTHS[colour]?.includes(depth)) throw broken(name, `has colour type ${colour} with ${depth} bits`);
	return header;
}

/** Reads the zlib stream row by row. */
class RowReader {
	readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
	readonly #name: string;
	#piece = new Uint8Array(0);

	constructor(pieces: readonly Uint8Array[], name: string) {
		let next = 0;
		const source = new ReadableStream<BufferSource>({
			pull(controller) {
				const piece = pieces[next++];
				if (piece === undefined) controller.close();
				else controller.enqueue(new Uint8Array(piece));
			}
		});
		this.#reader = source.pipeThrough(new DecompressionStream('deflate')).getReader();
		this.#name = name;
	}

	/** The next `length` bytes, as a copy of their own. */
	async read(length: number): Promise<Uint8Array<ArrayBuffer>> {
		const row = new Uint8Array(length);
		for (let filled = 0; filled < length;) {
			if (this.#piece.length === 0) this.#piece = await this.#nextPiece();
			const part = this.#piece.subarray(0, length - filled);
			row.set(part, filled);
			filled += part.length;
			this.#piece = this.#piece.subarray(part.length);
		}
		return row;
	}

	/** Lets go of the stream; data after the last row is of no interest. */
	async close(): Promise<void> {
		await this.#reader.cancel().catch(() => undefined);
	}

	async #nextPiece(): Promise<Uint8Array<ArrayBuffer>> {
		const { value, done } = await this.#reader.read().catch(() => {
			throw cutOff(this.#name);
		});
		if (done) throw cutOff(this.#name);
		return value;
	}
}

/** Undoes a row's filter in place. `previous` is the unfiltered row above, zeros for the first one. */
function unfilter(
	filter: number,
	row: Uint8Array,
	previous: Uint8Array,
	pixelBytes: number,
	name: string
): void {
	switch (filter) {
		case 0:
			return;
		case 1:
			for (let i = pixelBytes; i < row.length; i++) row[i]! += row[i - pixelBytes]!;
			return;
		case 2:
			for (let i = 0; i < row.length; i++) row[i]! += previous[i]!;
			return;
		case 3:
			for (let i = 0; i < row.length; i++) {
				const left = i < pixelBytes ? 0 : row[i - pixelBytes]!;
				row[i]! += (left + previous[i]!) >> 1;
			}
			return;
		case 4:
			for (let i = 0; i < row.length; i++) {
				const inside = i >= pixelBytes;
				row[i]! += paeth(
					inside ? row[i - pixelBytes]! : 0,
					previous[i]!,
					inside ? previous[i - pixelBytes]! : 0
				);
			}
			return;
		default:
			throw broken(name, `uses an unknown row filter ${filter}`);
	}
}

/** Whichever of left, above and upper left is nearest to left + above − upper left. */
function paeth(left: number, above: number, corner: number): number {
	const toLeft = Math.abs(above - corner);
	const toAbove = Math.abs(left - corner);
	const toCorner = Math.abs(left + above - 2 * corner);
	if (toLeft <= toAbove && toLeft <= toCorner) return left;
	return toAbove <= toCorner ? above : corner;
}

/** The sample of pixel `x` where pixels share bytes. */
function packed(row: Uint8Array, x: number, depth: number): number {
	const bit = x * depth;
	return (row[bit >> 3]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

/** Converts an unfiltered row to RGB, writing a pixel every `step` bytes of `out` from `at` on. */
function writeRow(
	row: Uint8Array,
	{ depth, colour, palette }: Chunks,
	columns: number,
	out: Uint8Array,
	at: number,
	step: number
): void {
	// Bytes from one pixel to the next; below 8 bits pixels share bytes and this is not used.
	const sampleBytes = depth === 16 ? 2 : 1;
	const pixelBytes = sampleBytes * CHANNELS[colour]!;
	if (colour === RGB || colour === RGBA) {
		for (let x = 0, from = 0; x < columns; x++, from += pixelBytes, at += step) {
			out[at] = row[from]!;
			out[at + 1] = row[from + sampleBytes]!;
			out[at + 2] = row[from + 2 * sampleBytes]!;
		}
		return;
	}
	const mask = (1 << depth) - 1;
	for (let x = 0; x < columns; x++, at += step) {
		let value: number;
		if (depth < 8) {
			value = packed(row, x, depth);
			if (colour === GRAY) value = (value * 255) / mask;
		} else {
			value = row[x * pixelBytes]!;
			if (colour === GRAY && depth === 16 && value > 0) value = 255;
			else if (colour === GRAY && depth === 16) value = row[x * pixelBytes + 1]!;
		}
		if (colour !== PALETTE) {
			out[at] = out[at + 1] = out[at + 2] = value;
			continue;
		}
		// PIL reads colours beyond the palette's end as black.
		out[at] = palette[value * 3] ?? 0;
		out[at + 1] = palette[value * 3 + 1] ?? 0;
		out[at + 2] = palette[value * 3 + 2] ?? 0;
	}
}

const hasAlpha = ({ colour, clear }: Chunks): boolean =>
	colour === RGBA || colour === GRAY_ALPHA || clear.length > 0;

/** Whether a pixel of the file can be transparent; no pixel is read for it. @throws as `decodePng` */
export const pngHasAlpha = (bytes: Uint8Array, name: string): boolean => hasAlpha(readChunks(bytes, name));

/** Alpha of an unfiltered row, a pixel every `step` bytes of `out` from `at` on; 16 bits are cut to the high byte. */
function writeAlpha(
	row: Uint8Array,
	{ depth, colour, clear }: Chunks,
	columns: number,
	out: Uint8Array,
	at: number,
	step: number
): void {
	const sampleBytes = depth === 16 ? 2 : 1;
	const channels = CHANNELS[colour]!;
	const sample = (x: number, channel: number): number => {
		if (depth < 8) return packed(row, x, depth);
		const from = (x * channels + channel) * sampleBytes;
		return depth === 16 ? row[from]! * 256 + row[from + 1]! : row[from]!;
	};
	for (let x = 0; x < columns; x++, at += step) {
		if (colour === RGBA || colour === GRAY_ALPHA) out[at] = row[(x * channels + channels - 1) * sampleBytes]!;
		else if (colour === PALETTE) out[at] = clear[sample(x, 0)] ?? 255;
		else {
			let same = true;
			for (let channel = 0; channel < channels; channel++)
				same &&= sample(x, channel) === clear[2 * channel]! * 256 + clear[2 * channel + 1]!;
			out[at] = same ? 0 : 255;
		}
	}
}

function broken(name: string, what: string): InputError {
	return new InputError(`${name} is not a usable PNG: it ${what}; export the image again.`);
}

function cutOff(name: string): InputError {
	return new InputError(`${name} is cut off or damaged: its pixels end early; get the whole PNG file again.`);
}
