import type { Hasher } from '../bytes/hash.ts';
import { SHA256_START, sha256Kernel } from './sha256-kernel.ts';

const BLOCK = 64;

/**
 * Running SHA-256 (FIPS 180-4) for browsers, whose own can only hash what is in memory as a whole. Any number of them can be
 * in work at a time. Kept beside hash-wasm because it takes two thirds of its processor time (README.md).
 */
export function sha256Hasher(): Hasher {
	const state = SHA256_START.slice();
	const pending = new Uint8Array(BLOCK);
	let pendingLength = 0;
	let total = 0;

	/** Whole blocks. */
	const compress = (bytes: Uint8Array) => {
		if (bytes.length === 0) return;
		const kernel = sha256Kernel();
		kernel.state.set(state);
		for (let at = 0; at < bytes.length; at += kernel.data.length) {
			const part = bytes.subarray(at, at + kernel.data.length);
			kernel.data.set(part);
			kernel.compress(part.length);
		}
		state.set(kernel.state);
	};

	return {
		update(bytes) {
			total += bytes.length;
			let at = 0;
			if (pendingLength > 0) {
				at = Math.min(BLOCK - pendingLength, bytes.length);
				pending.set(bytes.subarray(0, at), pendingLength);
				pendingLength += at;
				if (pendingLength < BLOCK) return;
				compress(pending);
			}
			const end = at + Math.floor((bytes.length - at) / BLOCK) * BLOCK;
			compress(bytes.subarray(at, end));
			pending.set(bytes.subarray(end));
			pendingLength = bytes.length - end;
		},
		digest() {
			compress(lastBlocks(pending.subarray(0, pendingLength), total));
			return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
		}
	};
}

/** The end of a message of `length` bytes: what is left of it, a one, zeros, and its length in bits as 64 of them. */
export function lastBlocks(left: Uint8Array, length: number): Uint8Array {
	const tail = new Uint8Array(left.length < BLOCK - 8 ? BLOCK : 2 * BLOCK);
	tail.set(left);
	tail[left.length] = 0x80;
	new DataView(tail.buffer).setBigUint64(tail.length - 8, BigInt(length) * 8n);
	return tail;
}
