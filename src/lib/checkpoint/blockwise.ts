import { Lru } from '../bytes/lru.ts';
import type { ByteSource } from './source.ts';

/** Bytes asked for at a time. */
const BLOCK = 2 * 2 ** 20;
/** What is read may lie across two; the one before them is soon wanted no more. */
const KEPT = 2;

/**
 * A source whose short reads come out of its blocks, of which the last ones are kept: in a browser, asking for a piece of a file
 * takes longer than reading a megabyte of it, and most tensors of a checkpoint are small and lie in the order in which they are read.
 */
export function blockwise(source: ByteSource): ByteSource {
	const { name, size } = source;
	const kept = new Lru<number, Promise<Uint8Array>>(KEPT);
	const block = (index: number): Promise<Uint8Array> => {
		const known = kept.get(index);
		if (known) return known;
		const loading = source.read(index * BLOCK, Math.min((index + 1) * BLOCK, size));
		kept.set(index, loading);
		loading.catch(() => kept.delete(index));
		return loading;
	};
	return {
		name,
		size,
		async read(start, end, into) {
			const inside = start >= 0 && start <= end && end <= size;
			if (!inside || end - start >= BLOCK / 2) return source.read(start, end, into);
			const bytes = into ?? new Uint8Array(end - start);
			for (let at = start; at < end;) {
				const index = Math.floor(at / BLOCK);
				const first = index * BLOCK;
				const part = (await block(index)).subarray(at - first, end - first);
				bytes.set(part, at - start);
				at += part.length;
			}
			return bytes;
		}
	};
}
