import type { ByteSource, SourceFolder } from './source.ts';

/** Bytes in memory as a source; ranges are copies. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
	return {
		name,
		size: bytes.length,
		async read(start, end) {
			if (!(start >= 0 && start <= end && end <= bytes.length))
				throw new RangeError(`Bytes ${start} to ${end} are outside ${name} (${bytes.length} bytes).`);
			return bytes.slice(start, end);
		}
	};
}

/** A folder in memory: path → bytes, or text. */
export function memoryFolder(
	name: string,
	files: Readonly<Record<string, Uint8Array | string>>
): SourceFolder {
	const byPath = new Map(Object.entries(files));
	return {
		name,
		async list() {
			return [...byPath.keys()];
		},
		async open(path) {
			const content = byPath.get(path);
			if (content === undefined) return undefined;
			return memorySource(path, typeof content === 'string' ? new TextEncoder().encode(content) : content);
		}
	};
}

/** A `File` dropped on the page, or any Blob, as a source. */
export function blobSource(name: string, blob: Blob): ByteSource {
	return {
		name,
		size: blob.size,
		async read(start, end) {
			if (!(start >= 0 && start <= end && end <= blob.size))
				throw new RangeError(`Bytes ${start} to ${end} are outside ${name} (${blob.size} bytes).`);
			return new Uint8Array(await blob.slice(start, end).arrayBuffer());
		}
	};
}
