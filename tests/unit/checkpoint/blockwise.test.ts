import { describe, expect, it } from 'vitest';
import { blockwise } from '../../../src/lib/checkpoint/blockwise.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import type { ByteSource } from '../../../src/lib/checkpoint/source.ts';
import { random } from '../../support/random-checkpoint.ts';

const size = 7 * 2 ** 20 + 5;
const content = Uint8Array.from({ length: size }, (_, i) => Math.imul(i, 2654435761) >>> 24);

/** A source that counts how often it is asked, and fails when it is told to. */
function counted(): ByteSource & { asked: number; fails: boolean } {
	const memory = memorySource('file', content);
	return {
		...memory,
		asked: 0,
		fails: false,
		async read(start, end) {
			this.asked++;
			if (this.fails) throw new Error('unreadable');
			return memory.read(start, end);
		}
	};
}

describe('a source read in blocks', () => {
	it('gives the bytes of any range, into what it is given, several at a time', async () => {
		const source = blockwise(counted());
		const next = random(4);
		const upTo = (end: number) => Math.floor(((next() + 1) / 2) * end);
		const reads = Array.from({ length: 400 }, async (_, i) => {
			const start = upTo(size);
			const end = Math.min(size, start + upTo(i % 4 ? 5000 : 3 * 2 ** 20));
			const into = i % 2 ? new Uint8Array(end - start) : undefined;
			const bytes = await source.read(start, end, into);
			expect(Buffer.compare(bytes, content.subarray(start, end)), `${start} to ${end}`).toBe(0);
		});
		await Promise.all(reads);
		expect(await source.read(size, size)).toEqual(new Uint8Array(0));
		expect(await source.read(size - 3, size)).toEqual(content.slice(-3));
	});

	it('asks once for what lies together, and at once for what is long', async () => {
		const plain = counted();
		const source = blockwise(plain);
		for (let at = 0; at < size; at += 3000) await source.read(at, Math.min(at + 3000, size));
		expect(plain.asked).toBe(4);
		await source.read(100, 100 + 2 ** 21);
		expect(plain.asked).toBe(5);
	});

	it('asks again after an error, and refuses what is outside', async () => {
		const plain = counted();
		const source = blockwise(plain);
		plain.fails = true;
		await expect(source.read(0, 10)).rejects.toThrow('unreadable');
		plain.fails = false;
		expect(await source.read(0, 10)).toEqual(content.slice(0, 10));
		await expect(source.read(size - 1, size + 1)).rejects.toThrow(RangeError);
		await expect(source.read(-1, 1)).rejects.toThrow(RangeError);
	});
});
