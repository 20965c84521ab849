/** A component of a scan: its blocks in an MCU, and its tables. */
interface Component {
	readonly blocks: number;
	readonly dc: Codes;
	readonly ac: Codes;
}

/** Huffman codes: for each length the first code, how many there are, and where their values begin. */
interface Codes {
	readonly counts: Uint8Array;
	readonly values: Uint8Array;
}

/** Whether there is an end marker behind the pixels, whatever comes after it. Within the pixels 0xFF is escaped. */
export function hasEndMarker(bytes: Uint8Array, from = 2): boolean {
	for (let at = bytes.length - 2; at >= from; at--)
		if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
	return false;
}

/**
 * Where the pixels of a baseline JPEG end, by counting its blocks: files are found whose end marker is missing and that go on with other
 * data, and Pillow and browsers read them. Nothing is decoded.
 *
 * @returns undefined when the pixels end early, or when the file is of another kind (progressive ones need their end marker)
 */
export function endOfPixels(bytes: Uint8Array): number | undefined {
	const word = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
	const tables = new Map<number, Codes>();
	const sampling = new Map<number, readonly [across: number, down: number]>();
	let width = 0;
	let height = 0;
	let restart = 0;
	for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
		const marker = bytes[at + 1]!;
		if (marker === 0xff) {
			at++;
			continue;
		}
		const end = at + 2 + word(at + 2);
		if (end > bytes.length) return undefined;
		if (marker === 0xc4) {
			for (let from = at + 4; from + 17 <= end;) {
				const counts = bytes.subarray(from + 1, from + 17);
				const total = counts.reduce((sum, count) => sum + count, 0);
				tables.set(bytes[from]!, { counts, values: bytes.subarray(from + 17, from + 17 + total) });
				from += 17 + total;
			}
		} else if (marker === 0xdd) restart = word(at + 4);
		else if (marker === 0xc0 || marker === 0xc1) {
			height = word(at + 5);
			width = word(at + 7);
			for (let i = 0; i < bytes[at + 9]!; i++) {
				const packed = bytes[at + 11 + 3 * i]!;
				sampling.set(bytes[at + 10 + 3 * i]!, [packed >> 4, packed & 15]);
			}
		} else if (marker === 0xda) {
			const count = bytes[at + 4]!;
			// Scans of one component each would have to be followed one by one.
			if (sampling.size === 0 || count !== sampling.size) return undefined;
			const components: Component[] = [];
			for (let i = 0; i < count; i++) {
				const size = sampling.get(bytes[at + 5 + 2 * i]!);
				const table = bytes[at + 6 + 2 * i]!;
				const dc = tables.get(table >> 4);
				const ac = tables.get(0x10 | (table & 15));
				if (!size || !dc || !ac) return undefined;
				// A component alone is not interleaved: its MCU is one block.
				components.push({ blocks: count === 1 ? 1 : size[0] * size[1], dc, ac });
			}
			const sizes = count === 1 ? [[1, 1] as const] : [...sampling.values()];
			const across = Math.ceil(width / (8 * Math.max(...sizes.map(([x]) => x))));
			const down = Math.ceil(height / (8 * Math.max(...sizes.map(([, y]) => y))));
			return new Scan(bytes, end).skip(components, across * down, restart);
		}
		at = end;
	}
	return undefined;
}

/** Reads entropy-coded bits. */
class Scan {
	readonly #bytes: Uint8Array;
	#at: number;
	#byte = 0;
	#left = 0;

	constructor(bytes: Uint8Array, at: number) {
		this.#bytes = bytes;
		this.#at = at;
	}

	/** Passes over MCUs. @returns where they end; undefined when the data end before */
	skip(components: readonly Component[], units: number, restart: number): number | undefined {
		for (let unit = 0; unit < units; unit++) {
			if (restart > 0 && unit > 0 && unit % restart === 0) {
				// RST0 to RST7, on a whole byte.
				this.#left = 0;
				if (this.#bytes[this.#at] !== 0xff || (this.#bytes[this.#at + 1]! & 0xf8) !== 0xd0) return undefined;
				this.#at += 2;
			}
			for (const { blocks, dc, ac } of components)
				for (let block = 0; block < blocks; block++) if (!this.#skipBlock(dc, ac)) return undefined;
		}
		return this.#at;
	}

	#skipBlock(dc: Codes, ac: Codes): boolean {
		const size = this.#symbol(dc);
		if (size === undefined || !this.#skipBits(size)) return false;
		for (let k = 1; k < 64; k++) {
			const symbol = this.#symbol(ac);
			if (symbol === undefined) return false;
			const bits = symbol & 15;
			// No bits: 16 zeros, or the end of the block.
			if (bits === 0 && symbol !== 0xf0) break;
			k += symbol >> 4;
			if (!this.#skipBits(bits)) return false;
		}
		return true;
	}

	#symbol({ counts, values }: Codes): number | undefined {
		let code = 0;
		let first = 0;
		let index = 0;
		for (const count of counts) {
			const bit = this.#bit();
			if (bit === undefined) return undefined;
			code |= bit;
			if (code - first < count) return values[index + code - first];
			index += count;
			first = (first + count) << 1;
			code <<= 1;
		}
		return undefined;
	}

	#skipBits(count: number): boolean {
		for (let i = 0; i < count; i++) if (this.#bit() === undefined) return false;
		return true;
	}

	#bit(): number | undefined {
		if (this.#left === 0) {
			const byte = this.#bytes[this.#at];
			if (byte === undefined) return undefined;
			// 0xFF is followed by 0 within pixels; anything else is a marker.
			if (byte === 0xff && this.#bytes[this.#at + 1] !== 0) return undefined;
			this.#at += byte === 0xff ? 2 : 1;
			this.#byte = byte;
			this.#left = 8;
		}
		this.#left--;
		return (this.#byte >> this.#left) & 1;
	}
}
