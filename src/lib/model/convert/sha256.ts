import { SHA256_START, sha256Kernel } from '../kernels/sha256.ts';
import type { Hasher } from './sink.ts';

const BLOCK = 64;

/** A hash in the middle of its message. */
export interface Sha256Progress {
	/** 8 words. */
	readonly state: Readonly<Uint32Array>;
	/** Bytes that went into it, a multiple of 64. */
	readonly length: number;
}

/**
 * Running SHA-256 (FIPS 180-4) for browsers, whose own can only hash what is in memory as a whole. Any number of them can be
 * in work at a time.
 * @param from where to go on
 */
export function sha256Hasher(from: Sha256Progress = { state: SHA256_START, length: 0 }): Hasher {
	const state = from.state.slice();
	const pending = new Uint8Array(BLOCK);
	let pendingLength = 0;
	let total = from.length;

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
			const tail = new Uint8Array(pendingLength < BLOCK - 8 ? BLOCK : 2 * BLOCK);
			tail.set(pending.subarray(0, pendingLength));
			tail[pendingLength] = 0x80;
			new DataView(tail.buffer).setBigUint64(tail.length - 8, BigInt(total) * 8n);
			compress(tail);
			return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
		}
	};
}
