import { crc32 } from '../../bytes/crc32.ts';
import { join } from '../../bytes/join.ts';
import { InputError } from '../../tensor/errors.ts';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** 1 January 1980, the earliest date: the same content gives the same bytes. */
const DATE = 0x21;

/** A zip archive of small files, stored. */
export function writeZip(files: Readonly<Record<string, string>>): Uint8Array {
	const encoder = new TextEncoder();
	const parts: Uint8Array[] = [];
	const directory: Uint8Array[] = [];
	let offset = 0;
	for (const [path, text] of Object.entries(files)) {
		const name = encoder.encode(path);
		const bytes = encoder.encode(text);
		// Version 2.0, UTF-8 names, method 0 (stored).
		const common = [20, 0x0800, 0, 0, DATE];
		const sizes = [crc32(bytes), bytes.length, bytes.length];
		const local = record([LOCAL], common, sizes, [name.length, 0]);
		directory.push(record([CENTRAL], [20, ...common], sizes, [name.length, 0, 0, 0, 0], [0, offset]), name);
		parts.push(local, name, bytes);
		offset += local.length + name.length + bytes.length;
	}
	const size = directory.reduce((sum, part) => sum + part.length, 0);
	const count = Object.keys(files).length;
	return join([...parts, ...directory, record([END], [0, 0, count, count], [size, offset], [0])]);
}

/** Little-endian groups: 32, 16, 32, 16, 32 bits in turn. */
function record(...groups: readonly (readonly number[])[]): Uint8Array {
	const widths = groups.map((_, i) => (i % 2 === 0 ? 4 : 2));
	const bytes = new Uint8Array(groups.reduce((sum, group, i) => sum + group.length * widths[i]!, 0));
	const view = new DataView(bytes.buffer);
	let at = 0;
	groups.forEach((group, i) => {
		for (const value of group) {
			if (widths[i] === 4) view.setUint32(at, value, true);
			else view.setUint16(at, value, true);
			at += widths[i]!;
		}
	});
	return bytes;
}

/** Files of a zip archive in memory, inflated; for office documents, not for weights. @throws InputError when damaged */
export async function readZip(bytes: Uint8Array, name: string): Promise<Map<string, Uint8Array>> {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const damaged = () =>
		new InputError(`${name} is not a whole zip archive; it is damaged, cut off or another kind of file.`);
	let end = bytes.length - 22;
	while (end >= 0 && view.getUint32(end, true) !== END) end--;
	if (end < 0) throw damaged();
	const files = new Map<string, Uint8Array>();
	try {
		let at = view.getUint32(end + 16, true);
		for (let left = view.getUint16(end + 10, true); left > 0; left--) {
			if (view.getUint32(at, true) !== CENTRAL) throw damaged();
			const method = view.getUint16(at + 10, true);
			const size = view.getUint32(at + 20, true);
			const [nameLength, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
			const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength!));
			const local = view.getUint32(at + 42, true);
			const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
			const packed = bytes.subarray(start, start + size);
			if (method !== 0 && method !== 8) throw damaged();
			files.set(path, method === 0 ? packed : await inflate(packed));
			at += 46 + nameLength! + extra! + comment!;
		}
	} catch (error) {
		if (error instanceof InputError) throw error;
		throw damaged();
	}
	return files;
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
	const stream = new Blob([new Uint8Array(bytes)])
		.stream()
		.pipeThrough(new DecompressionStream('deflate-raw'));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}
