import { createHash } from 'node:crypto';
import type { Hasher } from '../../lib/bytes/hash.ts';

/** Running SHA-256 of Node's own crypto. */
export function sha256(): Hasher {
	const hash = createHash('sha256');
	return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}
