import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256Hasher } from '../../../src/lib/model/convert/sha256.ts';
import { random } from '../../support/random-checkpoint.ts';

describe('running SHA-256', () => {
	it('gives Node’s digest for every length around the block, however it is cut', () => {
		const next = random(3);
		const bytes = Uint8Array.from({ length: 3000 }, () => Math.floor((next() + 1) * 128));
		for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 3000])
			for (const step of [1, 7, 64, 100, 4096]) {
				const hasher = sha256Hasher();
				for (let at = 0; at < length; at += step)
					hasher.update(bytes.subarray(at, Math.min(at + step, length)));
				const expected = createHash('sha256').update(bytes.subarray(0, length)).digest('hex');
				expect(hasher.digest(), `${length} bytes in steps of ${step}`).toBe(expected);
			}
	});
});
