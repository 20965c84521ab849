import { InputError } from '../tensor/errors.ts';
import { decodeText } from './bytes.ts';
import type { ByteSource, SourceFolder } from './source.ts';

// Header layout: POSIX.1-2017, pax, "ustar Interchange Format"; the GNU long name ('L') and base-256 sizes beside it.
const BLOCK = 512;
/** Longest extended header; it holds a path and a size. */
const EXTENDED_LIMIT = 2 ** 20;
const MOST_ENTRIES = 100_000;
const LONGEST_PATH = 4096;

/**
 * A regular file of an archive. Read here because a checkpoint's tar is used in place: an index of offsets is wanted, not a stream of contents as
 * packages for tar give it, and paths out of the folder are refused.
 */
export interface TarEntry {
	/** Relative, with forward slashes, without `..`. */
	readonly path: string;
	readonly size: number;
	/** Where its bytes begin in the archive. */
	readonly offset: number;
}

/** The bytes of an archive in order. */
export interface TarBytes {
	/** The next `length` bytes; fewer only at the end. */
	take(length: number): Promise<Uint8Array>;
	/** Passes over the next `length` bytes. @returns how many; fewer only at the end */
	skip(length: number): Promise<number>;
}

/**
 * Calls back for each regular file of an archive, in order; `read` gives the next bytes of it, what is left unread is skipped.
 * Folders are left out. Everything that could reach outside of the folder it is unpacked into (links, devices, absolute paths,
 * `..`), sparse files and two files of one name are refused.
 */
export async function readTar(
	name: string,
	bytes: TarBytes,
	onEntry: (entry: TarEntry, read: (length: number) => Promise<Uint8Array>) => Promise<void>
): Promise<void> {
	const damaged = (what: string) =>
		new InputError(`${name} is a damaged tar archive: ${what}; copy or download it again.`);
	const seen = new Set<string>();
	let offset = 0;
	let longPath: string | undefined;
	let pax: { path?: string; size?: number } = {};
	const advance = (got: number, length: number) => {
		if (got < length) throw damaged(`it ends ${length - got} bytes too early`);
		offset += length;
	};
	const take = async (length: number) => {
		const taken = await bytes.take(length);
		advance(taken.length, length);
		return taken;
	};
	const skip = async (length: number) => advance(await bytes.skip(length), length);
	const padded = (size: number) => Math.ceil(size / BLOCK) * BLOCK;

	for (let blank = 0; ;) {
		const header = await bytes.take(BLOCK);
		offset += header.length;
		// Two blank blocks end an archive; some writers leave them out.
		if (header.length === 0) return;
		if (header.length < BLOCK) throw damaged('it ends within a header');
		if (header.every((byte) => byte === 0)) {
			if (++blank === 2) return;
			continue;
		}
		blank = 0;
		if (!hasRightSum(header)) throw damaged(`the header at byte ${offset - BLOCK} has a wrong checksum`);
		const type = String.fromCharCode(header[156] || 0x30);
		const size = number(header, 124, 12) ?? -1;
		if (!Number.isSafeInteger(size) || size < 0)
			throw damaged(`the header at byte ${offset - BLOCK} has no size`);

		if (type === 'x' || type === 'g' || type === 'L') {
			if (size > EXTENDED_LIMIT) throw damaged(`an extended header would have ${size} bytes`);
			const content = (await take(padded(size))).subarray(0, size);
			if (type === 'L') longPath = textOf(content, 0, size, name);
			if (type === 'x') pax = paxFields(decodeText(content, name), damaged);
			continue;
		}
		const prefix = textOf(header, 345, 155, name);
		const ustar = textOf(header, 257, 5, name) === 'ustar' && header[262] === 0;
		const short = textOf(header, 0, 100, name);
		const path = pax.path ?? longPath ?? (ustar && prefix ? `${prefix}/${short}` : short);
		const fileSize = pax.size ?? size;
		longPath = undefined;
		pax = {};
		if (type === '5') {
			await skip(padded(fileSize));
			continue;
		}
		if (type !== '0' && type !== '7') throw new InputError(`${name} holds ${path}, ${strange(type)}.`);
		const clean = path.replace(/^(\.\/)+/, '');
		if (!isInside(clean))
			throw new InputError(
				`${name} holds ${JSON.stringify(path.slice(0, 200))}, a path that leads out of the archive's folder; it is not opened.`
			);
		if (seen.has(clean)) throw damaged(`it holds ${clean} twice`);
		seen.add(clean);
		if (seen.size > MOST_ENTRIES)
			throw new InputError(`${name} holds more than ${MOST_ENTRIES} files; it is no checkpoint.`);

		let left = fileSize;
		await onEntry({ path: clean, size: fileSize, offset }, async (length) => {
			const part = await take(Math.min(length, left));
			left -= part.length;
			return part;
		});
		await skip(padded(fileSize) - (fileSize - left));
	}
}

/** A tar archive that is read in place, as the folder it holds. */
export async function openTar(source: ByteSource): Promise<SourceFolder> {
	const entries = new Map<string, TarEntry>();
	let at = 0;
	const bytes: TarBytes = {
		async take(length) {
			const end = Math.min(at + length, source.size);
			const taken = await source.read(Math.min(at, end), end);
			at = end;
			return taken;
		},
		async skip(length) {
			const end = Math.min(at + length, source.size);
			const skipped = end - at;
			at = end;
			return skipped;
		}
	};
	await readTar(source.name, bytes, async (entry) => {
		if (entry.offset + entry.size > source.size)
			throw new InputError(`${source.name} is cut off within ${entry.path}; copy or download it again.`);
		entries.set(entry.path, entry);
	});
	return {
		name: source.name,
		list: async () => [...entries.keys()],
		async open(path) {
			const entry = entries.get(path);
			if (!entry) return undefined;
			const { offset, size } = entry;
			return {
				name: path,
				size,
				async read(start, end, into) {
					if (!(start >= 0 && start <= end && end <= size))
						throw new RangeError(`Bytes ${start} to ${end} are outside ${path} (${size} bytes).`);
					return source.read(offset + start, offset + end, into);
				}
			};
		}
	};
}

export interface StreamHooks {
	/** Told of every chunk as it comes. */
	readonly onChunk?: (length: number) => void;
	/** What is thrown where the stream itself fails; its own error when absent. */
	readonly failure?: (error: unknown) => unknown;
}

/** Bytes of a stream, for `readTar`. */
export function streamBytes(
	stream: ReadableStream<Uint8Array>,
	{ onChunk, failure = (error) => error }: StreamHooks = {}
): TarBytes & { cancel(): Promise<void> } {
	const reader = stream.getReader();
	let chunk = new Uint8Array(0);
	const more = async () => {
		const { done, value } = await reader.read().catch((error: unknown) => {
			throw failure(error);
		});
		if (done) return false;
		onChunk?.(value.length);
		chunk = value as Uint8Array<ArrayBuffer>;
		return true;
	};
	return {
		async take(length) {
			if (chunk.length >= length) {
				const taken = chunk.subarray(0, length);
				chunk = chunk.subarray(length);
				return taken;
			}
			const taken = new Uint8Array(length);
			let done = 0;
			while (done < length) {
				if (chunk.length === 0 && !(await more())) return taken.subarray(0, done);
				const part = chunk.subarray(0, length - done);
				taken.set(part, done);
				chunk = chunk.subarray(part.length);
				done += part.length;
			}
			return taken;
		},
		async skip(length) {
			let left = length;
			while (left > 0) {
				if (chunk.length === 0 && !(await more())) break;
				const part = Math.min(left, chunk.length);
				chunk = chunk.subarray(part);
				left -= part;
			}
			return length - left;
		},
		cancel: () => reader.cancel().catch(() => undefined)
	};
}

/** Checksum: the sum of the header's bytes with the field itself as blanks. */
function hasRightSum(header: Uint8Array): boolean {
	let sum = 0;
	for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!;
	return number(header, 148, 8) === sum;
}

/** An octal field, or base-256 where its first bit is set. */
function number(header: Uint8Array, start: number, length: number): number | undefined {
	if (header[start]! & 0x80) {
		let value = header[start]! & 0x7f;
		for (let i = 1; i < length; i++) value = value * 256 + header[start + i]!;
		return value;
	}
	let text = '';
	for (let i = start; i < start + length && header[i]; i++) text += String.fromCharCode(header[i]!);
	return /^ *[0-7]+ *$/.test(text) ? Number.parseInt(text.trim(), 8) : undefined;
}

function textOf(bytes: Uint8Array, start: number, length: number, name: string): string {
	const field = bytes.subarray(start, start + length);
	const end = field.indexOf(0);
	return decodeText(end < 0 ? field : field.subarray(0, end), name);
}

/** Records "length key=value\n". */
function paxFields(text: string, damaged: (what: string) => InputError): { path?: string; size?: number } {
	const fields: { path?: string; size?: number } = {};
	for (const line of text.split('\n')) {
		if (line === '') continue;
		const [, key, value] = /^\d+ ([^=]+)=(.*)$/s.exec(line) ?? [];
		if (key === undefined || value === undefined) throw damaged('an extended header is malformed');
		if (key.startsWith('GNU.sparse')) throw damaged('it holds a sparse file, which is not unpacked');
		if (key === 'path') fields.path = value;
		if (key === 'size') {
			const size = Number(value);
			if (!Number.isSafeInteger(size) || size < 0) throw damaged('an extended header has no usable size');
			fields.size = size;
		}
	}
	return fields;
}

function strange(type: string): string {
	if (type === '1' || type === '2') return 'a link, which is not followed; pack the files themselves';
	if (type === 'S') return 'a sparse file, which is not unpacked; pack it without --sparse';
	if (/[346]/.test(type)) return 'a device, which no checkpoint has; it is not opened';
	return `an entry of the unknown type ${JSON.stringify(type)}; pack it again with tar --format=pax`;
}

function isInside(path: string): boolean {
	return (
		path.length <= LONGEST_PATH &&
		!/[\\:\0]/.test(path) &&
		path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
	);
}
