import { describe, expect, it } from 'vitest';
import { toBytes } from '../../../src/lib/checkpoint/bytes.ts';
import type { NamedTensor } from '../../../src/lib/checkpoint/checkpoint.ts';
import {
	encodeQuantized,
	encodeTransposed,
	encodeValues,
	quantizedSides
} from '../../../src/lib/kernels/encode.ts';
import { instantiateKernels } from '../../../src/lib/kernels/kernels.ts';
import { transpose } from '../../../src/lib/model/layers.ts';
import { quantizeMatrix } from '../../../src/lib/kernels/quantize.ts';
import {
	bfloat16sToFloat32,
	float32ToHalf,
	halvesToFloat32,
	toFloat32
} from '../../../src/lib/tensor/half.ts';
import { bytesPerElement, type DType, type Tensor } from '../../../src/lib/tensor/tensor.ts';
import { random } from '../../support/random-checkpoint.ts';
import { float32ToBfloat16 } from '../../support/bfloat16.ts';

function readerOf(tensor: Tensor, asked: number[] = []): NamedTensor {
	const size = bytesPerElement[tensor.dtype];
	const bytes = toBytes(tensor);
	return {
		name: 'the.weight',
		dtype: tensor.dtype,
		count: tensor.data.length,
		async read(start, end, into) {
			asked.push(end - start);
			const part = bytes.slice(start * size, end * size);
			// Sources may fill what they are given, or not.
			if (!into || asked.length % 2) return part;
			into.set(part);
			return into;
		}
	};
}

/** Copies a piece when the next one is there, which is as long as it is valid. */
async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
	const parts: Uint8Array[] = [];
	let held: Uint8Array | undefined;
	for await (const piece of pieces) {
		if (held) parts.push(held.slice());
		held = piece;
	}
	if (held) parts.push(held.slice());
	return Buffer.concat(parts);
}

const bytesOf = (data: ArrayBufferView) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** Fails with the first place that differs; a plain comparison of large arrays takes seconds. */
function expectSame(got: Uint8Array, wanted: Uint8Array, what: string): void {
	expect(got.length, what).toBe(wanted.length);
	if (Buffer.compare(got, wanted) === 0) return;
	const at = got.findIndex((byte, i) => byte !== wanted[i]);
	expect({ what, at, byte: got[at] }).toEqual({ what, at, byte: wanted[at] });
}

/** Matrices whose blocks meet every case: one sign, zeros, subnormal ranges, ties, numbers that float16 does not have. */
function matrix(rows: number, columns: number, seed: number, { large = false } = {}): Float32Array {
	const next = random(seed);
	const values = Float32Array.from({ length: rows * columns }, () => next() * 0.1);
	for (let row = 0; row < rows; row++) {
		const kind = (row * 7 + seed) % 9;
		for (let c = 0; c < columns; c++) {
			const at = row * columns + c;
			if (kind === 1) values[at] = Math.abs(values[at]!);
			if (kind === 2) values[at] = -Math.abs(values[at]!);
			if (kind === 3) values[at] = 0;
			if (kind === 4) values[at]! *= 2 ** -140;
			if (kind === 5) values[at]! *= 2 ** -146;
			// Multiples of a half of the scale: every quotient is a tie.
			if (kind === 6) values[at] = ((at % 31) - 15) / 64;
			if (kind === 7 && large) values[at]! *= 2 ** 120;
			if (kind === 8 && c % 5 === 0) values[at] = -0;
		}
	}
	return values;
}

const sources = {
	float32: (values: Float32Array) => values,
	bfloat16: float32ToBfloat16,
	float16: float32ToHalf
} as const;
const dtypes = Object.keys(sources) as (keyof typeof sources)[];

describe('kernels give bit for bit what the TypeScript gives', () => {
	const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

	it('widens every finite float16 and bfloat16', async () => {
		for (const [dtype, exponent, widen] of [
			['float16', 0x7c00, halvesToFloat32],
			['bfloat16', 0x7f80, bfloat16sToFloat32]
		] as const) {
			const finite = all.filter((bits) => (bits & exponent) !== exponent);
			const reader = readerOf({ dtype, dims: [finite.length], data: finite });
			expectSame(await collect(encodeValues(reader, 'float32')), bytesOf(widen(finite)), dtype);
		}
	});

	it('narrows: every float16, the numbers halfway between two, their neighbours, and random bits', async () => {
		const next = random(5);
		const halves = halvesToFloat32(all);
		const bits = new Uint32Array(4 * all.length);
		const view = new Uint32Array(halves.buffer);
		for (let i = 0; i < all.length; i++) {
			const between = new Float32Array([(halves[i]! + halves[(i + 1) & 0xffff]!) / 2]);
			const middle = new Uint32Array(between.buffer)[0]!;
			bits.set([view[i]!, middle, middle + (i % 2 ? 1 : -1), (next() * 2 ** 32) >>> 0], 4 * i);
		}
		const values = new Float32Array(bits.buffer).filter((value) => Math.abs(value) < 65520);
		const reader = readerOf({ dtype: 'float32', dims: [values.length], data: values });
		expectSame(await collect(encodeValues(reader, 'float16')), bytesOf(float32ToHalf(values)), 'float16');
	});

	it('narrows every bfloat16 that float16 has', async () => {
		const data = all.filter((bits) => (bits & 0x7fff) < 0x4780);
		const wanted = float32ToHalf(bfloat16sToFloat32(data));
		const reader = readerOf({ dtype: 'bfloat16', dims: [data.length], data });
		expectSame(await collect(encodeValues(reader, 'float16')), bytesOf(wanted), 'float16');
	});

	it('refuses what float16 rounds to infinity, and only that', async () => {
		const half = (value: number) => {
			const data = Float32Array.of(1, value);
			return collect(encodeValues(readerOf({ dtype: 'float32', dims: [2], data }), 'float16'));
		};
		for (const value of [65504, -65519.99]) expect(await half(value)).toHaveLength(4);
		for (const value of [65520, -65520, 3e38]) await expect(half(value)).rejects.toThrow('float16');
	});

	describe.each(dtypes)('from %s', (dtype) => {
		// Widths and heights that are and are not multiples of vectors, blocks and groups of rows.
		it.each([
			[1, 1],
			[3, 31],
			[9, 32],
			[33, 40],
			[40, 64],
			[70, 100],
			[64, 1056]
		])('[%i, %i]', async (rows, columns) => {
			const tensorOf = (values: Float32Array): Tensor => ({
				dtype,
				dims: [rows, columns],
				data: sources[dtype](values)
			});
			const large = tensorOf(matrix(rows, columns, rows + columns, { large: dtype !== 'float16' }));
			for (const bits of [4, 8] as const) {
				const wanted = quantizeMatrix(toFloat32(large).data, rows, columns, bits);
				const sides = quantizedSides(rows, columns, bits, 'float32');
				const packed = await collect(encodeQuantized(readerOf(large), rows, columns, bits, sides));
				expectSame(sides.scales, bytesOf(wanted.scales), `scales, ${bits} bits`);
				expectSame(sides.zeroPoints, wanted.zeroPoints, `zero points, ${bits} bits`);
				expectSame(packed, wanted.packed, `packed, ${bits} bits`);
			}
			const small = tensorOf(matrix(rows, columns, rows + columns));
			const half = quantizedSides(rows, columns, 4, 'float16');
			await collect(encodeQuantized(readerOf(small), rows, columns, 4, half));
			const { scales } = quantizeMatrix(toFloat32(small).data, rows, columns, 4);
			expectSame(half.scales, bytesOf(float32ToHalf(scales)), 'scales as float16');
			for (const type of ['float32', 'float16'] as const) {
				const tensor = type === 'float32' ? large : small;
				const values = toFloat32(tensor).data;
				const encode = (v: Float32Array) => bytesOf(type === 'float32' ? v : float32ToHalf(v));
				expectSame(await collect(encodeValues(readerOf(tensor), type)), encode(values), `as ${type}`);
				expectSame(
					await collect(encodeTransposed(readerOf(tensor), rows, columns, type)),
					encode(transpose(values, rows, columns)),
					`transposed, ${type}`
				);
			}
		});

		it.each([NaN, Infinity, -Infinity])('refuses %s wherever it is, by name', async (value) => {
			const [rows, columns] = [9, 100];
			for (const at of [0, 31, 99, 450, 899]) {
				const values = matrix(rows, columns, 1);
				values[at] = value;
				const tensor: Tensor = { dtype, dims: [rows, columns], data: sources[dtype](values) };
				for (const bits of [4, 8] as const)
					await expect(
						collect(
							encodeQuantized(
								readerOf(tensor),
								rows,
								columns,
								bits,
								quantizedSides(rows, columns, bits, 'float32')
							)
						)
					).rejects.toThrow("The checkpoint's the.weight holds NaN or infinity, which no weight");
				for (const type of ['float32', 'float16'] as const) {
					// What float16 lacks besides is told where numbers become float16.
					const refusal =
						type === 'float16' && dtype !== 'float16'
							? "The checkpoint's the.weight holds NaN, infinity or numbers above 65,504"
							: "The checkpoint's the.weight holds NaN or infinity, which no weight";
					await expect(collect(encodeValues(readerOf(tensor), type))).rejects.toThrow(refusal);
					await expect(collect(encodeTransposed(readerOf(tensor), rows, columns, type))).rejects.toThrow(
						refusal
					);
				}
			}
		});

		it('in several bands', async () => {
			const [rows, columns] = [1300, 4104];
			const data = sources[dtype](matrix(rows, columns, 3));
			const tensor: Tensor = { dtype, dims: [rows, columns], data };
			const values = toFloat32(tensor).data;
			const asked: number[] = [];
			const wanted = quantizeMatrix(values, rows, columns, 4);
			const sides = quantizedSides(rows, columns, 4, 'float32');
			expectSame(
				await collect(encodeQuantized(readerOf(tensor, asked), rows, columns, 4, sides)),
				wanted.packed,
				'packed'
			);
			expectSame(sides.scales, bytesOf(wanted.scales), 'scales');
			expectSame(sides.zeroPoints, wanted.zeroPoints, 'zero points');
			expect(asked.length).toBeGreaterThan(2);
			expectSame(
				await collect(encodeTransposed(readerOf(tensor), rows, columns, 'float16')),
				bytesOf(float32ToHalf(transpose(values, rows, columns))),
				'transposed'
			);
		});
	});

	it('from types that only old tools write', async () => {
		const cases: Tensor[] = [
			{ dtype: 'float64', dims: [2, 3], data: Float64Array.of(0.1, -2, 3e-9, 4, 5, 6) },
			{ dtype: 'int64', dims: [2, 3], data: BigInt64Array.of(1n, -2n, 3n, 4n, 5n, 6n) },
			{ dtype: 'uint8', dims: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) }
		];
		for (const tensor of cases)
			expectSame(
				await collect(encodeTransposed(readerOf(tensor), 2, 3, 'float16')),
				bytesOf(float32ToHalf(transpose(toFloat32(tensor).data, 2, 3))),
				tensor.dtype satisfies DType
			);
	});

	it('gives the error of the source, and works afterwards', async () => {
		const tensor: Tensor = { dtype: 'bfloat16', dims: [3000, 2048], data: new Uint16Array(3000 * 2048) };
		let reads = 0;
		const failing: NamedTensor = {
			...readerOf(tensor),
			read: (start, end) =>
				reads++ ? Promise.reject(new Error('gone')) : Promise.resolve(new Uint8Array(2 * (end - start)))
		};
		const sides = quantizedSides(3000, 2048, 4, 'float32');
		await expect(collect(encodeQuantized(failing, 3000, 2048, 4, sides))).rejects.toThrow('gone');
		expect((await collect(encodeQuantized(readerOf(tensor), 3000, 2048, 4, sides))).length).toBe(
			(3000 * 2048) / 2
		);
	});

	it('two tensors at once do not share memory', async () => {
		const tensors = [1, 2].map((seed): Tensor => {
			const data = float32ToBfloat16(matrix(2000, 2048, seed));
			return { dtype: 'bfloat16', dims: [2000, 2048], data };
		});
		const got = await Promise.all(tensors.map((t) => collect(encodeValues(readerOf(t), 'float16'))));
		for (const [i, tensor] of tensors.entries())
			expectSame(got[i]!, bytesOf(float32ToHalf(toFloat32(tensor).data)), `tensor ${i}`);
	});
});

describe('the module', () => {
	it('is small and valid', () => {
		expect(instantiateKernels().memory.buffer.byteLength).toBe(65536);
	});
});
