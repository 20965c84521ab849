import type { Hasher } from '../../bytes/hash.ts';
import type { ByteSource } from '../../checkpoint/source.ts';

/** Bytes hashed at a time. */
const CHUNK = 2 * 1024 * 1024;

/** SHA-256 of a file that is read piece by piece. @throws what `onBytes` throws, too */
export async function hashSource(
	source: ByteSource,
	hash: Hasher,
	onBytes: (bytes: number) => void
): Promise<string> {
	const size = Math.min(CHUNK, source.size);
	const buffers = [new Uint8Array(size), new Uint8Array(size)] as const;
	// One part is read while the one before it is hashed.
	const read = (at: number, part: number) => {
		const end = Math.min(at + CHUNK, source.size);
		return source.read(at, end, buffers[part & 1]!.subarray(0, end - at));
	};
	let next = source.size > 0 ? read(0, 0) : undefined;
	try {
		for (let at = CHUNK, part = 1; next; at += CHUNK, part++) {
			const bytes: Uint8Array = await next;
			next = at < source.size ? read(at, part) : undefined;
			hash.update(bytes);
			onBytes(bytes.length);
		}
	} finally {
		await next?.catch(() => undefined);
	}
	return hash.digest();
}
