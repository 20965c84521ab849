import { InputError } from '../tensor/errors.ts';
import { decodeText, readRange } from './bytes.ts';
import type { ByteSource } from './source.ts';

/** A file of a zip archive, as its central directory tells. */
export interface ZipEntry {
	readonly name: string;
	readonly size: number;
	readonly compressed: boolean;
	/** Where its local header lies. */
	readonly headerOffset: number;
}

/**
 * An archive that stays where it is. Read here because tensors are ranges inside of stored entries of up to 10 GB (zip64), while fflate and its like
 * want the whole file in memory or hand out whole entries.
 */
export interface ZipArchive {
	readonly entries: ReadonlyMap<string, ZipEntry>;
	/** Bytes `[start, end)` of a file; by default all of it. */
	read(entry: ZipEntry, start?: number, end?: number, into?: Uint8Array): Promise<Uint8Array>;
}

// Signatures and field offsets: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3.
const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const ZIP64_END = 0x06064b50;
const ZIP64_LOCATOR = 0x07064b50;
const ZIP64_EXTRA = 1;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const UNSET_16 = 0xffff;
const UNSET_32 = 0xffffffff;

/** Largest central directory that is read: room for half a million files. */
const DIRECTORY_LIMIT = 64 * 2 ** 20;

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Opens a zip archive (zip64 too) of stored files by reading its central directory; `read` refuses compressed ones. */
export async function openZip(source: ByteSource): Promise<ZipArchive> {
	const directory = await readDirectory(source);
	const entries = new Map<string, ZipEntry>();
	for (const entry of directory) {
		if (entries.has(entry.name))
			throw new InputError(`${source.name} is damaged: it holds two files named ${entry.name}.`);
		entries.set(entry.name, entry);
	}

	return {
		entries,
		async read(entry, start = 0, end = entry.size, into = undefined) {
			if (entry.compressed)
				throw new InputError(
					`${entry.name} in ${source.name} is compressed; PyTorch stores its files as they are, so load it in PyTorch and torch.save it again.`
				);
			if (!(start >= 0 && start <= end && end <= entry.size))
				throw new InputError(
					`${source.name} is damaged: bytes ${start} to ${end} of ${entry.name} are needed, it has ${entry.size}.`
				);
			const header = viewOf(
				await readRange(source, entry.headerOffset, entry.headerOffset + 30, `the header of ${entry.name}`)
			);
			if (header.getUint32(0, true) !== LOCAL_HEADER)
				throw new InputError(
					`${source.name} is damaged: its directory points ${entry.name} to byte ${entry.headerOffset}, where no file begins.`
				);
			const dataStart = entry.headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
			return readRange(source, dataStart + start, dataStart + end, entry.name, into);
		}
	};
}

const damaged = (source: ByteSource, what: string) =>
	new InputError(`${source.name} is damaged or truncated: ${what}; copy or download it again.`);

async function readDirectory(source: ByteSource): Promise<ZipEntry[]> {
	const { count, size, offset } = await findDirectory(source);
	if (size > DIRECTORY_LIMIT) throw damaged(source, `its zip directory would have ${size} bytes`);
	const bytes = await readRange(source, offset, offset + size, 'the zip directory');
	const view = viewOf(bytes);
	const entries: ZipEntry[] = [];
	let at = 0;
	for (let i = 0; i < count; i++) {
		if (at + 46 > size || view.getUint32(at, true) !== CENTRAL_HEADER)
			throw damaged(source, `entry ${i + 1} of ${count} in its zip directory is not one`);
		const nameEnd = at + 46 + view.getUint16(at + 28, true);
		const extraEnd = nameEnd + view.getUint16(at + 30, true);
		const next = extraEnd + view.getUint16(at + 32, true);
		if (next > size) throw damaged(source, `entry ${i + 1} of ${count} in its zip directory is cut off`);
		const name = decodeText(bytes.subarray(at + 46, nameEnd), `The directory of ${source.name}`);
		if (view.getUint16(at + 8, true) & 1)
			throw new InputError(`${name} in ${source.name} is encrypted, which is not supported.`);
		const wide = zip64Fields(view, nameEnd, extraEnd, [
			view.getUint32(at + 24, true),
			view.getUint32(at + 20, true),
			view.getUint32(at + 42, true)
		]);
		if (!wide) throw damaged(source, `sizes of ${name} are missing from its zip directory`);
		const [fileSize, storedSize, headerOffset] = wide;
		const compressed = view.getUint16(at + 10, true) !== 0;
		if ((fileSize !== storedSize && !compressed) || headerOffset + 30 + storedSize > offset)
			throw damaged(source, `${name} does not fit in front of its zip directory`);
		entries.push({ name, size: fileSize, compressed, headerOffset });
		at = next;
	}
	if (at !== size) throw damaged(source, `its zip directory has ${size} bytes, its ${count} entries ${at}`);
	return entries;
}

type Triple = [size: number, storedSize: number, headerOffset: number];

/** 32-bit fields, each replaced by the 64-bit one of the extra field when it is all ones. */
function zip64Fields(view: DataView, start: number, end: number, fields: Triple): Triple | undefined {
	if (!fields.includes(UNSET_32)) return fields;
	for (let at = start; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
		if (view.getUint16(at, true) !== ZIP64_EXTRA) continue;
		const extraEnd = Math.min(end, at + 4 + view.getUint16(at + 2, true));
		let field = at + 4;
		for (const i of [0, 1, 2] as const) {
			if (fields[i] !== UNSET_32) continue;
			if (field + 8 > extraEnd) return undefined;
			fields[i] = Number(view.getBigUint64(field, true));
			field += 8;
		}
		return fields;
	}
	return undefined;
}

/** Where the central directory lies, from the end record (or the zip64 one it points to). */
async function findDirectory(source: ByteSource): Promise<{ count: number; size: number; offset: number }> {
	const tailStart = Math.max(0, source.size - END_SIZE - LONGEST_COMMENT);
	const tail = await readRange(source, tailStart, source.size, 'the end');
	const view = viewOf(tail);
	let at = tail.length - END_SIZE;
	while (
		at >= 0 &&
		!(view.getUint32(at, true) === END && at + END_SIZE + view.getUint16(at + 20, true) === tail.length)
	)
		at--;
	if (at < 0) throw damaged(source, 'it has no zip directory at its end');
	const count = view.getUint16(at + 10, true);
	const size = view.getUint32(at + 12, true);
	const offset = view.getUint32(at + 16, true);
	const endOffset = tailStart + at;
	const found =
		count === UNSET_16 || size === UNSET_32 || offset === UNSET_32
			? await findZip64(source, endOffset)
			: undefined;
	const directory = found ?? { count, size, offset };
	if (directory.offset + directory.size > endOffset)
		throw damaged(source, 'its zip directory lies outside the file');
	return directory;
}

async function findZip64(source: ByteSource, endOffset: number) {
	if (endOffset < 20) return undefined;
	const locator = viewOf(await readRange(source, endOffset - 20, endOffset, 'the zip64 locator'));
	if (locator.getUint32(0, true) !== ZIP64_LOCATOR) return undefined;
	const recordOffset = Number(locator.getBigUint64(8, true));
	if (recordOffset + 56 > endOffset - 20) throw damaged(source, 'its zip64 end record lies outside the file');
	const record = viewOf(await readRange(source, recordOffset, recordOffset + 56, 'the zip64 end record'));
	if (record.getUint32(0, true) !== ZIP64_END) throw damaged(source, 'its zip64 end record is not one');
	return {
		count: Number(record.getBigUint64(32, true)),
		size: Number(record.getBigUint64(40, true)),
		offset: Number(record.getBigUint64(48, true))
	};
}
