import { describe, expect, test } from 'vitest';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import {
	openSafetensors,
	safetensorsHeader,
	writeSafetensors
} from '../../../src/lib/checkpoint/safetensors.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { tensor } from '../../../src/lib/tensor/tensor.ts';
import { concat, fixture, floats, recordingSource, text } from './build.ts';

const open = (bytes: Uint8Array) => openSafetensors(memorySource('x.safetensors', bytes));

/** A file with the header given, as text, in front of `data` zero bytes. */
function file(header: string, data = 0): Uint8Array {
	const json = text(header);
	return concat([new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer), json, new Uint8Array(data)]);
}

const entry = (dtype: string, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets });
const headed = (header: Record<string, unknown>, data = 0) => file(JSON.stringify(header), data);

const sample = [
	['b', floats([2, 3], [1, 2, 3, 4, 5, 6])],
	['odd', tensor('uint8', [3], Uint8Array.of(1, 2, 3))],
	['1', tensor('bfloat16', [2], Uint16Array.of(0x3f80, 0xc000))],
	['long', tensor('int64', [1], BigInt64Array.of(-(2n ** 60n)))],
	['scalar', floats([], [7])],
	['none', tensor('float16', [0, 4], new Uint16Array(0))],
	['flag', tensor('bool', [2], Uint8Array.of(0, 1))]
] as const;

describe('written and read back', () => {
	test('every tensor, in order, with metadata', async () => {
		const bytes = writeSafetensors(sample, { format: 'pt', note: 'é' });
		const opened = await open(bytes);
		expect([...opened.entries.keys()]).toEqual(sample.map(([name]) => name));
		expect(opened.metadata).toEqual({ format: 'pt', note: 'é' });
		for (const [name, value] of sample) expect(await opened.read(name)).toEqual(value);
	});

	test('data begins at a multiple of 64, tensors lie end to end, offsets are those of the file', () => {
		const bytes = writeSafetensors(sample);
		const plan = sample.map(([name, { dtype, dims, data }]) => ({
			name,
			dtype,
			dims,
			byteLength: data.byteLength
		}));
		const { header, offsets, size } = safetensorsHeader(plan);
		expect(header.length % 64).toBe(0);
		expect(size).toBe(bytes.length);
		expect(offsets[0]).toBe(header.length);
		plan.forEach(({ byteLength }, i) => expect(offsets[i + 1] ?? size).toBe(offsets[i]! + byteLength));
		expect(new DataView(bytes.buffer).getFloat32(offsets[0]! + 4, true)).toBe(2);
		expect(safetensorsHeader(plan, undefined, { align: 4096 }).offsets[0]! % 4096).toBe(0);
	});

	test('refuses plans that contradict themselves', () => {
		const plan = { name: 'a', dtype: 'float32', dims: [2], byteLength: 8 } as const;
		expect(() => safetensorsHeader([plan, plan])).toThrow('named a');
		expect(() => safetensorsHeader([{ ...plan, byteLength: 7 }])).toThrow('cannot have 7 bytes');
	});
});

test('opening reads the header alone, reading a tensor its bytes alone', async () => {
	const bytes = fixture('golden/linear/last/model.safetensors');
	const { source, ranges } = recordingSource('model.safetensors', bytes);
	const opened = await openSafetensors(source);
	const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
	expect(Math.max(...ranges.map(([, end]) => end))).toBe(headerEnd);
	ranges.length = 0;
	const { data } = await opened.read('vision_model.vision_model.embeddings.class_embedding');
	expect(ranges.map(([start, end]) => end - start)).toEqual([data.byteLength]);
});

describe('refused with a sentence', () => {
	const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
		['empty file', new Uint8Array(0), /x\.safetensors is truncated/],
		['no header', file('').subarray(0, 5), /truncated: the header length/],
		['huge header', concat([new Uint8Array(8).fill(0xff), text('{}')]), /not a safetensors file/],
		['header beyond the end', file('{"a":1}').subarray(0, 10), /truncated: the header ends/],
		['not JSON', file('{"a":'), /not a JSON object/],
		['JSON array', file('[]'), /not a JSON object/],
		['deep JSON', file('['.repeat(200_000)), /not a JSON object/],
		['not UTF-8', concat([new Uint8Array(BigUint64Array.of(2n).buffer), Uint8Array.of(0xff, 0xfe)]), /UTF-8/],
		['entry no object', headed({ a: 3 }), /tensor a is not described/],
		['unknown dtype backwards', headed({ a: entry('F8_E4M3', [1], [1, 0]) }, 1), /ends before it begins/],
		['no dtype', headed({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /has no dtype/],
		['negative dimension', headed({ a: entry('F32', [-1], [0, 4]) }, 4), /no valid shape/],
		['fractional dimension', headed({ a: entry('F32', [1.5], [0, 6]) }, 6), /no valid shape/],
		['one offset', headed({ a: entry('F32', [1], [0]) }, 4), /no valid data_offsets/],
		['offsets backwards', headed({ a: entry('F32', [1], [4, 0]) }, 4), /needs 4 bytes, its offsets span -4/],
		[
			'shape and offsets differ',
			headed({ a: entry('F32', [2], [0, 4]) }, 4),
			/needs 8 bytes, its offsets span 4/
		],
		[
			'product overflows',
			headed({ a: entry('F32', Array(40).fill(2 ** 52), [0, 4]) }, 4),
			/its offsets span 4/
		],
		[
			'overlap',
			headed({ a: entry('F32', [2], [0, 8]), b: entry('F32', [2], [4, 12]) }, 12),
			/tensor b begins at byte 4 of the data, inside the tensor before it/
		],
		[
			'gap',
			headed({ a: entry('F32', [1], [0, 4]), b: entry('F32', [1], [8, 12]) }, 12),
			/tensor b begins at byte 8 of the data, leaving a gap/
		],
		['data too short', headed({ a: entry('F32', [2], [0, 8]) }, 7), /truncated: its header describes/],
		['data too long', headed({ a: entry('F32', [2], [0, 8]) }, 9), /damaged: its header describes/],
		[
			'a web page',
			text('\n<!DOCTYPE html><html><body>Sign in</body></html>'),
			/is a web page, not the weights/
		],
		[
			'LFS pointer',
			text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
			/git lfs pull/
		]
	];
	test.each(cases)('%s', async (_, bytes, message) => {
		const failure = await open(bytes).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(InputError);
		expect((failure as Error).message).toMatch(message);
	});

	test('a tensor that is not there', async () => {
		await expect((await open(writeSafetensors(sample))).read('nothing')).rejects.toThrow(
			'x.safetensors has no tensor nothing.'
		);
	});

	test('cut off at any byte', async () => {
		const bytes = writeSafetensors(sample);
		for (let size = 0; size < bytes.length; size++) {
			const failure = await open(bytes.subarray(0, size)).catch((error: unknown) => error);
			if (!(failure instanceof InputError)) throw new Error(`cut at ${size}: ${String(failure)}`);
		}
	});
});

test('a name like a property of objects is only a name', async () => {
	const opened = await open(writeSafetensors([['__proto__', floats([1], [3])]]));
	expect((await opened.read('__proto__')).data).toEqual(Float32Array.of(3));
});
