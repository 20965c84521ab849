import { createHash } from 'node:crypto';
import type { Hasher } from '../../lib/model/convert/sink.ts';

/** Running SHA-256 of Node's own crypto. */
export function sha256(): Hasher {
	const hash = createHash('sha256');
	return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}
