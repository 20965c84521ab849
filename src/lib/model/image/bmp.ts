import { rgbImage, type RgbImage } from './rgb.ts';

/** What the pixels of a BMP need; only kinds without compression. */
export interface BmpHeader {
	readonly width: number;
	readonly height: number;
	/** Bits of a pixel: 1, 4 and 8 into a table, 24 and 32 blue, green, red (and one byte that is not used). */
	readonly bits: number;
	/** The first row is the uppermost. */
	readonly topDown: boolean;
	/** Blue, green, red and one byte per entry. */
	readonly table: Uint8Array;
	/** Where the pixels begin. */
	readonly pixels: number;
}

/** Bits of blue, green and red in a pixel of 32 bits, as without masks. */
const USUAL_MASKS = [0xff0000, 0xff00, 0xff];

/** Reads the header; undefined when it is cut off or of a kind that is not decoded (run lengths, 16 bits, other masks, OS/2). */
export function bmpHeader(bytes: Uint8Array): BmpHeader | undefined {
	if (bytes.length < 54) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const size = view.getUint32(14, true);
	if (size < 40 || 14 + size > bytes.length) return undefined;
	const bits = view.getUint16(28, true);
	const compression = view.getUint32(30, true);
	const masked = compression === 3 && bits === 32 && bytes.length >= 66;
	if (masked && USUAL_MASKS.some((mask, i) => view.getUint32(54 + 4 * i, true) !== mask)) return undefined;
	if ((compression !== 0 && !masked) || ![1, 4, 8, 24, 32].includes(bits)) return undefined;
	const height = view.getInt32(22, true);
	const colours = bits > 8 ? 0 : view.getUint32(46, true) || 2 ** bits;
	return {
		...{ width: view.getUint32(18, true), height: Math.abs(height), bits, topDown: height < 0 },
		table: bytes.subarray(14 + size, 14 + size + 4 * colours),
		pixels: view.getUint32(10, true)
	};
}

/** The pixels as PIL's `open(…).convert("RGB")` gives them; undefined when they end early. Node's decoder knows no BMP. */
export function decodeBmp(
	bytes: Uint8Array,
	{ width, height, bits, topDown, table, pixels }: BmpHeader
): RgbImage | undefined {
	// Rows are of whole words of 32 bits.
	const stride = 4 * Math.ceil((width * bits) / 32);
	if (pixels + stride * height > bytes.length) return undefined;
	const out = new Uint8Array(width * height * 3);
	for (let y = 0, to = 0; y < height; y++) {
		const row = pixels + stride * (topDown ? y : height - 1 - y);
		for (let x = 0; x < width; x++, to += 3) {
			const at = row + ((x * bits) >> 3);
			const index = (bytes[at]! >> (8 - bits - ((x * bits) & 7))) & ((1 << bits) - 1);
			const [colours, from] = bits > 8 ? [bytes, at] : [table, 4 * index];
			for (let c = 0; c < 3; c++) out[to + c] = colours[from + 2 - c] ?? 0;
		}
	}
	return rgbImage(width, height, out);
}
