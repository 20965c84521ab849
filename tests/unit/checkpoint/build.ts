import { readFileSync } from 'node:fs';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import type { ByteSource } from '../../../src/lib/checkpoint/source.ts';
import { tensor } from '../../../src/lib/tensor/tensor.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';

const fixtures = new URL('../../fixtures/', import.meta.url);

export function fixture(path: string): Uint8Array<ArrayBuffer> {
	return new Uint8Array(readFileSync(new URL(path, fixtures)));
}

export const fixturePath = (path: string) => new URL(path, fixtures).pathname;

export const text = (value: string) => new TextEncoder().encode(value);

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
	let at = 0;
	for (const part of parts) {
		out.set(part, at);
		at += part.length;
	}
	return out;
}

export const floats = (dims: readonly number[], values: readonly number[]): Tensor<'float32'> =>
	tensor('float32', dims, Float32Array.from(values));

/** A source that notes every range it is asked for. */
export function recordingSource(name: string, bytes: Uint8Array) {
	const ranges: [start: number, end: number][] = [];
	const inner = memorySource(name, bytes);
	const source: ByteSource = {
		...inner,
		read(start, end) {
			ranges.push([start, end]);
			return inner.read(start, end);
		}
	};
	return { source, ranges };
}

const u16 = (value: number) => Uint8Array.of(value & 0xff, value >> 8);
const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: number) => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);

/** A zip archive of stored files; with `zip64` offsets, or sizes too, lie in the 64-bit fields. */
export function storedZip(
	files: Readonly<Record<string, Uint8Array>>,
	{ zip64, method = 0, flags = 0 }: { zip64?: 'all' | 'offsets'; method?: number; flags?: number } = {}
): Uint8Array<ArrayBuffer> {
	const parts: Uint8Array[] = [];
	const directory: Uint8Array[] = [];
	let offset = 0;
	const add = (list: Uint8Array[], ...bytes: Uint8Array[]) => {
		list.push(...bytes);
		return bytes.reduce((size, part) => size + part.length, 0);
	};
	for (const [path, data] of Object.entries(files)) {
		const name = text(path);
		const padding = new Uint8Array(5);
		const wide = [...(zip64 === 'all' ? [u64(data.length), u64(data.length)] : []), u64(offset)];
		const size = zip64 === 'all' ? u32(0xffffffff) : u32(data.length);
		const extra = zip64
			? concat([u16(0x4641), u16(2), u16(0), u16(1), u16(wide.length * 8), ...wide])
			: new Uint8Array(0);
		const common = [u16(20), u16(flags), u16(method), u32(0), u32(0), size, size, u16(name.length)];
		add(
			directory,
			u32(0x02014b50),
			u16(20),
			...common,
			u16(extra.length),
			u16(0),
			u16(0),
			u16(0),
			u32(0),
			zip64 ? u32(0xffffffff) : u32(offset),
			name,
			extra
		);
		offset += add(parts, u32(0x04034b50), ...common, u16(padding.length), name, padding, data);
	}
	const listing = concat(directory);
	const count = Object.keys(files).length;
	const record = concat([
		u32(0x06064b50),
		u64(44),
		u16(45),
		u16(45),
		u32(0),
		u32(0),
		u64(count),
		u64(count),
		u64(listing.length),
		u64(offset)
	]);
	const locator = concat([u32(0x07064b50), u32(0), u64(offset + listing.length), u32(1)]);
	const end = zip64
		? [
				record,
				locator,
				u32(0x06054b50),
				u32(0),
				u16(0xffff),
				u16(0xffff),
				u32(0xffffffff),
				u32(0xffffffff),
				u16(0)
			]
		: [u32(0x06054b50), u32(0), u16(count), u16(count), u32(listing.length), u32(offset), u16(0)];
	return concat([...parts, listing, ...end]);
}

/** Files of a stored zip made by Python's zipfile or by `storedZip`, read in the simplest way. */
export function unzipStored(zip: Uint8Array): Record<string, Uint8Array> {
	const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
	const files: Record<string, Uint8Array> = {};
	let at = 0;
	while (view.getUint32(at, true) === 0x04034b50) {
		const size = view.getUint32(at + 18, true);
		const nameEnd = at + 30 + view.getUint16(at + 26, true);
		const start = nameEnd + view.getUint16(at + 28, true);
		files[new TextDecoder().decode(zip.subarray(at + 30, nameEnd))] = zip.slice(start, start + size);
		at = start + size;
	}
	return files;
}

/** A torch.save archive around a pickle written by hand. */
export function torchFile(pickle: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}) {
	return storedZip({
		'archive/data.pkl': pickle,
		...Object.fromEntries(Object.entries(storages).map(([key, data]) => [`archive/data/${key}`, data]))
	});
}
