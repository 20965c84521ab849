import { describe, expect, it } from 'vitest';
import { protobufFields, ProtoWriter } from '../../../src/lib/bytes/protobuf.ts';

describe('protobuf', () => {
	it('reads what it writes, field by field', () => {
		const bytes = new ProtoWriter()
			.int(1, 300)
			.string(2, 'ä')
			.float(3, 1.5)
			.message(20, (inner) => inner.int(1, 2 ** 40))
			.finish();
		// 300 in two groups of seven bits, as in the format's own description.
		expect([...bytes.subarray(0, 3)]).toEqual([0x08, 0xac, 0x02]);
		const [first, second, third, fourth] = [...protobufFields(bytes)];
		expect(first).toEqual({ field: 1, value: 300 });
		expect(new TextDecoder().decode(second!.value as Uint8Array)).toBe('ä');
		expect(new Float32Array((third!.value as Uint8Array).slice().buffer)[0]).toBe(1.5);
		expect(fourth!.field).toBe(20);
		expect([...protobufFields(fourth!.value as Uint8Array)]).toEqual([{ field: 1, value: 2 ** 40 }]);
	});

	it('reads negative integers', () => {
		const bytes = new ProtoWriter()
			.int(1, -1)
			.int(1, -300)
			.int(1, 2 ** 40)
			.finish();
		expect([...protobufFields(bytes)].map(({ value }) => value)).toEqual([-1, -300, 2 ** 40]);
	});

	it('writes negative integers as 64 bits', () => {
		expect([...new ProtoWriter().int(1, -1).finish()]).toEqual([0x08, ...Array<number>(9).fill(0xff), 0x01]);
	});

	it('refuses what is cut off or has no such type', () => {
		const whole = new ProtoWriter().string(1, 'text').finish();
		for (const bytes of [whole.subarray(0, 3), Uint8Array.of(0x80), Uint8Array.of(0x0b)])
			expect(() => [...protobufFields(bytes)]).toThrow(RangeError);
	});
});
