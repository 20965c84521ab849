import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { lastBlocks, sha256Hasher } from '../../../src/lib/kernels/sha256.ts';
import { random } from '../../support/random-checkpoint.ts';

const node = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const next = random(3);
/** 0 … end − 1 */
const upTo = (end: number) => Math.min(end - 1, Math.floor(((next() + 1) / 2) * end));
const noise = Uint8Array.from({ length: 300_000 }, () => upTo(256));

function ours(...parts: readonly Uint8Array[]): string {
	const hasher = sha256Hasher();
	for (const part of parts) hasher.update(part);
	return hasher.digest();
}

describe('running SHA-256', () => {
	it.each([
		// FIPS 180-2, appendix B, and the empty message.
		['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
		['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
		[
			'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
			'248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1'
		],
		['a'.repeat(1e6), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0']
	])('gives the standard’s digest of %#', (message, digest) => {
		expect(ours(new TextEncoder().encode(message))).toBe(digest);
	});

	it('gives Node’s digest for every length around the block', () => {
		for (let length = 0; length <= 300; length++) {
			const bytes = noise.subarray(length, 2 * length);
			expect(ours(bytes), `${length} bytes`).toBe(node(bytes));
		}
	});

	it('gives it however the bytes are cut: every cut in two, and every step', () => {
		const bytes = noise.subarray(0, 200);
		const expected = node(bytes);
		for (let cut = 0; cut <= bytes.length; cut++)
			expect(ours(bytes.subarray(0, cut), bytes.subarray(cut)), `cut at ${cut}`).toBe(expected);
		for (let step = 1; step <= bytes.length; step++) {
			const hasher = sha256Hasher();
			for (let at = 0; at < bytes.length; at += step) hasher.update(bytes.subarray(at, at + step));
			expect(hasher.digest(), `steps of ${step}`).toBe(expected);
		}
	});

	it('gives it for 10,000 messages of any length and place, in any number of parts', () => {
		for (let i = 0; i < 10_000; i++) {
			// Most are short; some are longer than the kernel's memory.
			const length = upTo(i % 500 === 0 ? noise.length : 1000);
			const start = upTo(noise.length - length);
			const bytes = noise.subarray(start, start + length);
			const cuts = Array.from({ length: upTo(5) }, () => upTo(length + 1)).sort((a, b) => a - b);
			const parts = [0, ...cuts].map((cut, k) => bytes.subarray(cut, cuts[k] ?? length));
			if (ours(...parts) !== node(bytes)) expect.fail(`${length} bytes from ${start}, cut at ${cuts.join()}`);
		}
	});

	it('keeps hashers apart that take turns', () => {
		const hashers = Array.from({ length: 50 }, () => ({ ours: sha256Hasher(), node: createHash('sha256') }));
		for (let turn = 0; turn < 2000; turn++) {
			const hasher = hashers[upTo(hashers.length)]!;
			const start = upTo(1000);
			const bytes = noise.subarray(start, start + upTo(400));
			hasher.ours.update(bytes);
			hasher.node.update(bytes);
		}
		for (const hasher of hashers) expect(hasher.ours.digest()).toBe(hasher.node.digest('hex'));
	});

	it('counts bits beyond 32 and bytes beyond 32 bits', () => {
		const tail = lastBlocks(new TextEncoder().encode('abc'), 2 ** 32 + 3);
		expect([...tail.subarray(0, 5)]).toEqual([0x61, 0x62, 0x63, 0x80, 0]);
		expect([...tail.subarray(56)]).toEqual([0, 0, 0, 8, 0, 0, 0, 24]);
		expect(lastBlocks(new Uint8Array(55), 55).length).toBe(64);
		expect(lastBlocks(new Uint8Array(56), 56).length).toBe(128);
	});

	it('hashes where bytes lie in a memory that is not its own', () => {
		const memory = new WebAssembly.Memory({ initial: 2 });
		new Uint8Array(memory.buffer).set(noise.subarray(0, 100_000), 17);
		expect(ours(new Uint8Array(memory.buffer, 17, 100_000))).toBe(node(noise.subarray(0, 100_000)));
	});
});
