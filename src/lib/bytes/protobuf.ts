/** Protobuf's wire format, read and written; the numbers of fields belong to who knows the message. */

const utf8 = new TextEncoder();

/** Writes protobuf wire format; nested messages are written into their own writer first. */
export class ProtoWriter {
	#bytes = new Uint8Array(1024);
	#length = 0;

	#reserve(count: number): void {
		if (this.#length + count <= this.#bytes.length) return;
		const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
		grown.set(this.#bytes.subarray(0, this.#length));
		this.#bytes = grown;
	}

	#varint(value: bigint): void {
		this.#reserve(10);
		let rest = BigInt.asUintN(64, value);
		while (rest >= 0x80n) {
			this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
			rest >>= 7n;
		}
		this.#bytes[this.#length++] = Number(rest);
	}

	#tag(field: number, wireType: number): void {
		this.#varint(BigInt((field << 3) | wireType));
	}

	/** An integer field (int32, int64, enum, bool). */
	int(field: number, value: number | bigint): this {
		this.#tag(field, 0);
		this.#varint(BigInt(value));
		return this;
	}

	float(field: number, value: number): this {
		this.#tag(field, 5);
		this.#reserve(4);
		new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
		this.#length += 4;
		return this;
	}

	bytes(field: number, value: Uint8Array): this {
		this.#tag(field, 2);
		this.#varint(BigInt(value.length));
		this.#reserve(value.length);
		this.#bytes.set(value, this.#length);
		this.#length += value.length;
		return this;
	}

	string(field: number, value: string): this {
		return this.bytes(field, utf8.encode(value));
	}

	message(field: number, write: (writer: ProtoWriter) => void): this {
		const inner = new ProtoWriter();
		write(inner);
		return this.bytes(field, inner.finish());
	}

	finish(): Uint8Array {
		return this.#bytes.slice(0, this.#length);
	}
}

/** A varint of ten bytes, which only negative numbers have. */
function signed(bytes: Uint8Array): number {
	let value = 0n;
	bytes.forEach((byte, i) => (value |= BigInt(byte & 0x7f) << BigInt(7 * i)));
	return Number(BigInt.asIntN(64, value));
}

/**
 * Fields of a protobuf message in order; values of wire types 1, 2 and 5 are their bytes, not copied.
 *
 * @throws RangeError when the message is cut off or none
 */
export function* protobufFields(bytes: Uint8Array): Generator<{ field: number; value: number | Uint8Array }> {
	let at = 0;
	const varint = (): number => {
		const start = at;
		let value = 0;
		for (let scale = 1; ; scale *= 128) {
			const byte = bytes[at++];
			if (byte === undefined || scale > 2 ** 63) throw new RangeError('Varint runs over the end.');
			value += (byte & 0x7f) * scale;
			if (byte >= 0x80) continue;
			return value < 2 ** 63 ? value : signed(bytes.subarray(start, at));
		}
	};
	const take = (length: number): Uint8Array => {
		if (at + length > bytes.length) throw new RangeError('Field runs over the end.');
		at += length;
		return bytes.subarray(at - length, at);
	};
	while (at < bytes.length) {
		const key = varint();
		const field = Math.floor(key / 8);
		switch (key % 8) {
			case 0:
				yield { field, value: varint() };
				break;
			case 1:
				yield { field, value: take(8) };
				break;
			case 2:
				yield { field, value: take(varint()) };
				break;
			case 5:
				yield { field, value: take(4) };
				break;
			default:
				throw new RangeError(`Unknown wire type ${key % 8}.`);
		}
	}
}
