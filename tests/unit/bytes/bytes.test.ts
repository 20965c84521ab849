import { createHash } from 'node:crypto';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Lru } from '../../../src/lib/bytes/lru.ts';
import { fromBase64, toBase64 } from '../../../src/lib/bytes/base64.ts';
import { crc32 } from '../../../src/lib/bytes/crc32.ts';
import { dataUrl, fetchedDataUrl, imageType } from '../../../src/lib/bytes/data-url.ts';
import { hex, sha256 } from '../../../src/lib/bytes/hash.ts';
import { join } from '../../../src/lib/bytes/join.ts';
import { isObject } from '../../../src/lib/bytes/json.ts';
import { seededRandom, normals } from '../../../src/lib/bytes/random.ts';
import { sentence } from '../../../src/lib/bytes/sentence.ts';
import { gigabytes, megabytes, sizeInWords } from '../../../src/lib/bytes/sizes.ts';

/** Longer than what a call takes as arguments. */
const large = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 7919) >>> 3);

describe('isObject', () => {
	it('takes objects only', () => {
		expect([{}, { a: 1 }].every(isObject)).toBe(true);
		expect([null, undefined, [], 'a', 1, true].some(isObject)).toBe(false);
	});
});

describe('join', () => {
	it('copies parts one after the other, views among them', () => {
		const parts = [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(0, 3, 4, 0).subarray(1, 3)];
		const whole = join(parts);
		expect([...whole]).toEqual([1, 2, 3, 4]);
		parts[0]![0] = 9;
		expect(whole[0]).toBe(1);
		expect(join([]).length).toBe(0);
	});
});

describe('base64', () => {
	it('is that of Node, both ways, for files of any length', () => {
		for (const bytes of [new Uint8Array(), Uint8Array.of(255), large]) {
			const text = Buffer.from(bytes).toString('base64');
			expect(toBase64(bytes) === text).toBe(true);
			expect(Buffer.from(fromBase64(text)).equals(Buffer.from(bytes))).toBe(true);
		}
	});

	it('refuses what is not base64', () => {
		expect(() => fromBase64('a*b=')).toThrow();
	});
});

describe('data URLs', () => {
	it('carry the type that the first bytes tell', () => {
		expect(imageType(Uint8Array.of(0xff, 0xd8, 0xff))).toBe('image/jpeg');
		expect(imageType(Uint8Array.from('RIFF', (c) => c.charCodeAt(0)))).toBe('image/webp');
		expect(dataUrl(Uint8Array.of(0x89, 0x50))).toBe('data:image/png;base64,iVA=');
		expect(dataUrl(Uint8Array.of(1), 'text/plain')).toBe('data:text/plain;base64,AQ==');
	});

	it('of an address hold what lies there', async () => {
		const address = URL.createObjectURL(new Blob([Uint8Array.of(1, 2)], { type: 'image/png' }));
		expect(await fetchedDataUrl(address)).toBe('data:image/png;base64,AQI=');
		URL.revokeObjectURL(address);
		expect(await fetchedDataUrl('data:,as it is')).toBe('data:,as it is');
	});
});

describe('check sums', () => {
	it('crc32 is that of zlib', () => {
		expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
		expect(crc32(large)).toBe(zlibCrc32(large));
		expect(crc32(new Uint8Array())).toBe(0);
	});

	it('sha256 is that of Node, in hexadecimal', async () => {
		expect(hex(Uint8Array.of(0, 10, 255))).toBe('000aff');
		expect(await sha256(large)).toBe(createHash('sha256').update(large).digest('hex'));
	});
});

describe('sizes in words', () => {
	it.each([
		[0, '0 B'],
		[999, '999 B'],
		[1000, '1.00 kB'],
		[9_996, '10.0 kB'],
		[34_123_456, '34.1 MB'],
		[999_600, '1.00 MB'],
		[4_890_000_000, '4.89 GB'],
		[2e15, '2000 TB']
	])('%d bytes', (bytes, words) => expect(sizeInWords(bytes)).toBe(words));

	it('keeps one unit where sizes are compared', () => {
		expect(megabytes(1_250_000_000)).toBe('1250 MB');
		expect(gigabytes(8e9)).toBe('8.0 GB');
		expect(gigabytes(17e6)).toBe('0.017 GB');
		expect(gigabytes(0, 2)).toBe('0.00 GB');
	});
});

describe('Lru', () => {
	it('lets go of what was not used for longest', () => {
		const kept = new Lru<string, number>(2);
		kept.set('a', 1);
		kept.set('b', 2);
		expect(kept.get('a')).toBe(1);
		kept.set('c', 3);
		expect([...kept.entries()]).toEqual([
			['a', 1],
			['c', 3]
		]);
		expect(kept.get('b')).toBeUndefined();
	});

	it('counts a key that is set again once, and forgets', () => {
		const kept = new Lru<number, string>(2);
		kept.set(1, 'a');
		kept.set(1, 'b');
		expect(kept.size).toBe(1);
		kept.delete(1);
		expect(kept.get(1)).toBeUndefined();
		kept.set(2, 'c');
		kept.clear();
		expect(kept.size).toBe(0);
	});
});

describe('random', () => {
	it('gives the same numbers in [0, 1) for a seed, others for another', () => {
		const draw = (seed: number) => Array.from({ length: 1000 }, seededRandom(seed));
		expect(draw(7)).toEqual(draw(7));
		expect(draw(7)).not.toEqual(draw(8));
		expect(draw(7).every((value) => value >= 0 && value < 1)).toBe(true);
		const values = normals(10_001, seededRandom(1));
		const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
		const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
		expect(Math.abs(mean)).toBeLessThan(0.03);
		expect(Math.abs(variance - 1)).toBeLessThan(0.05);
	});
});

describe('sentence', () => {
	it('is the message, or says that something went wrong', () => {
		expect(sentence(new Error('The file is gone.'))).toBe('The file is gone.');
		expect(sentence('It stopped.')).toBe('It stopped.');
		for (const nothing of [new Error(), undefined, null, {}])
			expect(sentence(nothing)).toBe('Something went wrong; try again.');
	});
});
