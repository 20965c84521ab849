import { describe, expect, test } from 'vitest';
import {
	bfloat16sToFloat32,
	float32ToHalf,
	halfToFloat32,
	halvesToFloat32,
	toFloat32
} from '../../../src/lib/tensor/half.ts';
import { tensor } from '../../../src/lib/tensor/tensor.ts';
import { float32ToBfloat16 } from '../../support/bfloat16.ts';

const allBits = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
/** float16 bits of one number, rounded to float32 first. */
const halfOf = (value: number) => float32ToHalf(Float32Array.of(value))[0]!;
const bfloat16Of = (value: number) => float32ToBfloat16(Float32Array.of(value))[0]!;
const fromBfloat16 = (bits: number) => bfloat16sToFloat32(Uint16Array.of(bits))[0]!;
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

/** float32 values of every exponent, and those around every tie between two float16 values. */
function awkwardFloats(): Float32Array {
	const bits: number[] = [];
	let state = 12345;
	for (let i = 0; i < 200_000; i++) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		bits.push(state);
	}
	for (let half = 0; half < 0x7c00; half++) {
		const tie = (halfToFloat32(half) + (half === 0x7bff ? 65536 : halfToFloat32(half + 1))) / 2;
		const [at] = bitsOf(Float32Array.of(tie));
		for (const near of [at! - 1, at!, at! + 1]) bits.push(near, near | 0x80000000);
	}
	return new Float32Array(Uint32Array.from(bits).buffer);
}

describe('float16', () => {
	test('known values', () => {
		expect(halfToFloat32(0x3c00)).toBe(1);
		expect(halfToFloat32(0xc000)).toBe(-2);
		expect(halfToFloat32(0x7bff)).toBe(65504);
		expect(halfToFloat32(0x0001)).toBe(2 ** -24);
		expect(halfToFloat32(0x0400)).toBe(2 ** -14);
		expect(halfToFloat32(0x8000)).toBe(-0);
		expect(halfToFloat32(0xfc00)).toBe(-Infinity);
		expect(halfToFloat32(0x7e01)).toBeNaN();
		expect(halfOf(65519.99)).toBe(0x7bff);
		expect(halfOf(65520)).toBe(0x7c00);
		expect(halfOf(2 ** -25)).toBe(0);
		expect(halfOf(2 ** -25 * 1.001)).toBe(1);
		expect(halfOf(-0)).toBe(0x8000);
		expect(halfOf(1 + 2 ** -11)).toBe(0x3c00);
		expect(halfOf(1 + 3 * 2 ** -11)).toBe(0x3c02);
		expect(halfOf(NaN) & 0x7fff).toBe(0x7e00);
	});

	test('every value survives widening and narrowing, one by one and in bulk', () => {
		const wide = halvesToFloat32(allBits);
		const back = float32ToHalf(wide);
		for (const bits of allBits) {
			const value = wide[bits]!;
			if (!Object.is(value, halfToFloat32(bits))) throw new Error(`0x${bits.toString(16)}: ${value}`);
			if (Number.isNaN(value) ? (back[bits]! & 0x7e00) !== 0x7e00 : back[bits] !== bits)
				throw new Error(`0x${bits.toString(16)} came back as 0x${back[bits]!.toString(16)}`);
		}
	});

	test('rounds like the IEEE conversion of DataView.setFloat16', () => {
		const values = awkwardFloats();
		const ours = float32ToHalf(values);
		const view = new DataView(new ArrayBuffer(2)) as DataView & {
			setFloat16(at: number, value: number): void;
		};
		let wrong = 0;
		values.forEach((value, i) => {
			if (Number.isNaN(value)) return;
			view.setFloat16(0, value);
			if (view.getUint16(0) !== ours[i]) wrong++;
		});
		expect(wrong).toBe(0);
	});
});

describe('bfloat16', () => {
	test('widening puts the bits on top, narrowing takes them back', () => {
		const wide = bfloat16sToFloat32(allBits);
		expect(bitsOf(wide).every((bits, i) => bits === i * 0x10000)).toBe(true);
		const back = float32ToBfloat16(wide);
		let wrong = 0;
		for (const bits of allBits)
			if (Number.isNaN(wide[bits]!) ? back[bits] !== (bits | 0x40) : back[bits] !== bits) wrong++;
		expect(wrong).toBe(0);
	});

	test('rounds to nearest, ties to even', () => {
		const values = awkwardFloats();
		const narrow = float32ToBfloat16(values);
		let wrong = 0;
		values.forEach((value, i) => {
			if (!Number.isFinite(value)) return;
			const low = bitsOf(values)[i]! >>> 16;
			const candidates = [low, low + 1].filter((bits) => (bits & 0x7f80) !== 0x7f80);
			const distance = (bits: number) => Math.abs(fromBfloat16(bits) - value);
			const [a = low, b = a] = candidates;
			const nearest = distance(a) < distance(b) ? a : distance(a) > distance(b) ? b : a & 1 ? b : a;
			if (candidates.length === 2 && narrow[i] !== nearest) wrong++;
		});
		expect(wrong).toBe(0);
		expect(bfloat16Of(3.4028234663852886e38)).toBe(0x7f80);
		expect(bfloat16Of(-Infinity)).toBe(0xff80);
		expect(fromBfloat16(bfloat16Of(NaN))).toBeNaN();
	});
});

test('toFloat32 widens every dtype', () => {
	const values = (t: Parameters<typeof toFloat32>[0]) => [...toFloat32(t).data];
	expect(values(tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000)))).toEqual([1, -2]);
	expect(values(tensor('bfloat16', [1], Uint16Array.of(0x3fc0)))).toEqual([1.5]);
	expect(values(tensor('int64', [2], BigInt64Array.of(-3n, 7n)))).toEqual([-3, 7]);
	expect(values(tensor('bool', [2], Uint8Array.of(1, 0)))).toEqual([1, 0]);
	expect(values(tensor('float64', [1], Float64Array.of(0.1)))).toEqual([Math.fround(0.1)]);
	const kept = tensor('float32', [1, 1], Float32Array.of(4));
	expect(toFloat32(kept)).toEqual(kept);
	expect(toFloat32(kept).data).toBe(kept.data);
});
