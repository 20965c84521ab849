/** Running SHA-256 in WebAssembly: ours and hash-wasm's, for Node and for a page. */
import { createSHA256 } from 'hash-wasm';
import type { Hasher } from '../../../src/lib/bytes/hash.ts';
import { sha256Hasher } from '../../../src/lib/kernels/sha256.ts';

/** MB of a round. */
export const MEGABYTES = 256;
const PIECE = 4e6;

export async function hashers(): Promise<Readonly<Record<string, () => Hasher>>> {
	const theirs = await createSHA256();
	const begun = (): Hasher => {
		theirs.init();
		return { update: (bytes) => void theirs.update(bytes), digest: () => theirs.digest() };
	};
	return { kernel: sha256Hasher, 'hash-wasm': begun };
}

/**
 * MB a second, the best of five rounds: others that run on the machine only take away from it.
 * @param now milliseconds
 */
export function rate(make: () => Hasher, now: () => number): number {
	const piece = Uint8Array.from({ length: PIECE }, (_, i) => i * 7);
	let best = 0;
	for (let round = 0; round < 5; round++) {
		const before = now();
		const hasher = make();
		for (let done = 0; done < MEGABYTES * 1e6; done += PIECE) hasher.update(piece);
		hasher.digest();
		best = Math.max(best, (MEGABYTES * 1000) / (now() - before));
	}
	return best;
}
