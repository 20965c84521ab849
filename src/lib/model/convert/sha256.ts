import type { Hasher } from './sink.ts';

/** Round constants: fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
const K = Uint32Array.from(firstPrimes(64), (prime) => fraction(Math.cbrt(prime)));
/** Initial hash: fractional parts of the square roots of the first 8 primes (5.3.3). */
const H0 = Uint32Array.from(firstPrimes(8), (prime) => fraction(Math.sqrt(prime)));

function firstPrimes(count: number): number[] {
	const primes: number[] = [];
	for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime)) primes.push(n);
	return primes;
}

function fraction(value: number): number {
	return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

const BLOCK = 64;

/** Running SHA-256 (FIPS 180-4) for browsers, whose own can only hash what is in memory as a whole. */
export function sha256Hasher(): Hasher {
	const state = H0.slice();
	const words = new Uint32Array(64);
	const pending = new Uint8Array(BLOCK);
	let pendingLength = 0;
	let total = 0;

	const compress = (bytes: Uint8Array, start: number, end: number) => {
		let [h0, h1, h2, h3, h4, h5, h6, h7] = state as unknown as [
			number,
			number,
			number,
			number,
			number,
			number,
			number,
			number
		];
		const w = words;
		for (let at = start; at < end; at += BLOCK) {
			for (let i = 0, p = at; i < 16; i++, p += 4)
				w[i] = (bytes[p]! << 24) | (bytes[p + 1]! << 16) | (bytes[p + 2]! << 8) | bytes[p + 3]!;
			for (let i = 16; i < 64; i++) {
				const x = w[i - 15]!;
				const y = w[i - 2]!;
				const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
				const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
				w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
			}
			let a = h0 | 0;
			let b = h1 | 0;
			let c = h2 | 0;
			let d = h3 | 0;
			let e = h4 | 0;
			let f = h5 | 0;
			let g = h6 | 0;
			let h = h7 | 0;
			for (let i = 0; i < 64; i++) {
				const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
				const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
				const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
				const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
				h = g;
				g = f;
				f = e;
				e = (d + t1) | 0;
				d = c;
				c = b;
				b = a;
				a = (t1 + t2) | 0;
			}
			h0 = (h0 + a) | 0;
			h1 = (h1 + b) | 0;
			h2 = (h2 + c) | 0;
			h3 = (h3 + d) | 0;
			h4 = (h4 + e) | 0;
			h5 = (h5 + f) | 0;
			h6 = (h6 + g) | 0;
			h7 = (h7 + h) | 0;
		}
		state.set([h0, h1, h2, h3, h4, h5, h6, h7]);
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
				compress(pending, 0, BLOCK);
				pendingLength = 0;
			}
			const end = at + Math.floor((bytes.length - at) / BLOCK) * BLOCK;
			compress(bytes, at, end);
			pending.set(bytes.subarray(end));
			pendingLength = bytes.length - end;
		},
		digest() {
			const tail = new Uint8Array(pendingLength < 56 ? BLOCK : 2 * BLOCK);
			tail.set(pending.subarray(0, pendingLength));
			tail[pendingLength] = 0x80;
			new DataView(tail.buffer).setBigUint64(tail.length - 8, BigInt(total) * 8n);
			compress(tail, 0, tail.length);
			return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
		}
	};
}
