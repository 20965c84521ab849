import { Tensor } from 'onnxruntime-common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float32ToHalf, halvesToFloat32 } from '../../../../src/lib/tensor/half.ts';
import { Kernels } from '../../../../src/lib/model/decoder/kernels.ts';
import { Float, Program } from '../../../../src/lib/model/decoder/steps.ts';
import { startKernelThread } from '../../../../src/cli/kernels/threads.ts';
import { random } from '../../../support/random-checkpoint.ts';

const kernels: Partial<Record<'relaxed' | 'plain', Kernels>> = {};
beforeAll(async () => {
	for (const name of ['relaxed', 'plain'] as const)
		kernels[name] = await Kernels.start({
			...{ Tensor, threads: 1, startThread: startKernelThread, plainOnly: name === 'plain' }
		});
});
afterAll(() => Object.values(kernels).forEach((each) => each.dispose()));

const floats = (count: number, next: () => number, size = 1) =>
	Float32Array.from({ length: count }, () => next() * size);

describe.each(['relaxed', 'plain'] as const)('with %s SIMD', (name) => {
	it('a cache holds float16: the nearest, of two as near the even one', () => {
		const { memory } = kernels[name]!;
		const next = random(3);
		const edges = [
			...[
				0,
				-0,
				1,
				1 + 2 ** -11,
				1 + 3 * 2 ** -11,
				1 + 2 ** -11 + 2 ** -20,
				-1 - 3 * 2 ** -11,
				65504,
				-65504
			],
			...[2 ** -14, 2 ** -14 * (1 - 2 ** -10), 2 ** -24, -(2 ** -24), 3 * 2 ** -25, 2 ** -26, 0.1]
		];
		const values = Float32Array.from([...edges, ...floats(64, next, 10), ...floats(64, next, 1e-4)]);
		const tensor = memory.allocate('float32', [1, 1, values.length / 8, 8], 'cache');
		memory.write(tensor, values);
		return expect(memory.read(tensor)).resolves.toEqual(halvesToFloat32(float32ToHalf(values)));
	});

	it('what is beyond float16 is its largest', async () => {
		const { memory } = kernels[name]!;
		const tensor = memory.allocate('float32', [1, 1, 1, 8], 'cache');
		memory.write(tensor, Float32Array.of(65520, -65520, 1e30, -1e30, 65504, 0, 1, 2));
		expect([...(await memory.read(tensor))]).toEqual([65504, -65504, 65504, -65504, 65504, 0, 1, 2]);
	});

	it.each([
		// Every number of heads to a kv head that a tile has a kernel for, and more than one tile.
		{ heads: 2, kvHeads: 2, width: 16, past: 6, rows: 1, parts: 1 },
		{ heads: 4, kvHeads: 2, width: 24, past: 130, rows: 1, parts: 2 },
		{ heads: 6, kvHeads: 2, width: 64, past: 100, rows: 1, parts: 1 },
		{ heads: 6, kvHeads: 2, width: 40, past: 63, rows: 1, parts: 1 },
		{ heads: 8, kvHeads: 2, width: 32, past: 127, rows: 1, parts: 2 },
		{ heads: 10, kvHeads: 2, width: 8, past: 64, rows: 1, parts: 1 },
		{ heads: 6, kvHeads: 2, width: 32, past: 0, rows: 1, parts: 1 },
		{ heads: 3, kvHeads: 1, width: 16, past: 5, rows: 9, parts: 1 },
		{ heads: 6, kvHeads: 2, width: 48, past: 60, rows: 70, parts: 3 }
	])('attention of $rows rows, $heads heads on $kvHeads of $width, $past positions before', async (shape) => {
		const { heads, kvHeads, width, past, rows, parts } = shape;
		const own = kernels[name]!;
		const { heap, memory } = own;
		const next = random(heads + width + past);
		const [total, room] = [past + rows, past + rows + 3];
		const put = (values: Float32Array) => {
			const at = heap.allocate(values.byteLength);
			heap.floats(at, values.length).set(values);
			return at;
		};
		const columns = (heads + 2 * kvHeads) * width;
		const qkv = floats(rows * columns, next, 2);
		const angles = floats((total * width) / 2, next, 3);
		const [cos, sin] = [angles.map(Math.cos), angles.map(Math.sin)];
		const caches = [0, 1].map(() => {
			const tensor = memory.allocate('float32', [1, kvHeads, room, width], 'cache');
			memory.write(tensor, floats(kvHeads * room * width, next, 2));
			return tensor;
		});
		const at = (tensor: Tensor) => (tensor.gpuBuffer as unknown as { at: number }).at;
		const query = put(qkv);
		const output = put(new Float32Array(rows * heads * width + 4).fill(7));
		const units = kvHeads * Math.ceil((rows * heads) / kvHeads / 4);
		const args = [
			...[query, query + heads * width * 4, query + (heads + kvHeads) * width * 4],
			...[columns * 4, columns * 4, put(cos), put(sin), at(caches[0]!), at(caches[1]!)],
			...[room, past, rows, heads, kvHeads, width, new Float(0.3), output, parts],
			...[64 * Math.ceil(total / parts / 64), heap.allocate(units * parts * (2 + width) * 16)]
		];
		const program = new Program(heap);
		program.begin(3);
		program.step('remember', rows, args);
		program.step('attend', units * parts, args);
		if (parts > 1) program.step('join', units, args);
		own.run(program);

		const turned = (row: number, from: number) => {
			const half = width / 2;
			return Float64Array.from({ length: width }, (_, i) => {
				const [a, b] = [
					qkv[row * columns + from + (i % half)]!,
					qkv[row * columns + from + (i % half) + half]!
				];
				const angle = (past + row) * half + (i % half);
				return i < half ? a * cos[angle]! - b * sin[angle]! : b * cos[angle]! + a * sin[angle]!;
			});
		};
		const [keys, values] = [await memory.read(caches[0]!), await memory.read(caches[1]!)];
		for (let kv = 0; kv < kvHeads; kv++)
			for (let row = 0; row < rows; row++) {
				const written = (kv * room + past + row) * width;
				const key = turned(row, (heads + kv) * width);
				const value = qkv.subarray(row * columns + (heads + kvHeads + kv) * width);
				for (let i = 0; i < width; i++) {
					// Half a unit in the last place, and float32's own rounding of the turned key.
					expect(Math.abs(keys[written + i]! - key[i]!)).toBeLessThanOrEqual(
						2 ** -11 * Math.abs(key[i]!) + 1e-6
					);
					expect(Math.abs(values[written + i]! - value[i]!)).toBeLessThanOrEqual(
						2 ** -11 * Math.abs(value[i]!)
					);
				}
			}
		// Of what the cache holds, attention is float32's.
		const result = heap.floats(output, rows * heads * width + 4);
		expect([...result.subarray(rows * heads * width)]).toEqual([7, 7, 7, 7]);
		for (let row = 0; row < rows; row++)
			for (let head = 0; head < heads; head++) {
				const q = turned(row, head * width);
				const start = Math.floor(head / (heads / kvHeads)) * room * width;
				const weights = Array.from({ length: past + row + 1 }, (_, position) => {
					let dot = 0;
					for (let i = 0; i < width; i++) dot += q[i]! * keys[start + position * width + i]!;
					return dot * 0.3;
				});
				const most = Math.max(...weights);
				const shares = weights.map((weight) => Math.exp(weight - most));
				const sum = shares.reduce((a, b) => a + b);
				for (let i = 0; i < width; i++) {
					const exact =
						shares.reduce((all, share, p) => all + share * values[start + p * width + i]!, 0) / sum;
					expect(Math.abs(result[(row * heads + head) * width + i]! - exact)).toBeLessThan(2e-5);
				}
			}
	});

	it.each([NaN, Infinity])('a key of %s is told, and the next program runs', (wrong) => {
		const own = kernels[name]!;
		const { heap, memory } = own;
		const [cache, other] = [0, 1].map(() => memory.allocate('float32', [1, 1, 4, 8], 'cache'));
		const at = (tensor: Tensor) => (tensor.gpuBuffer as unknown as { at: number }).at;
		const put = (values: number[]) => {
			const piece = heap.allocate(values.length * 4);
			heap.floats(piece, values.length).set(values);
			return piece;
		};
		const angles = [put(Array(16).fill(1)), put(Array(16).fill(0))];
		const run = (value: number) => {
			const query = put([...Array<number>(23).fill(1), value]);
			const program = new Program(heap);
			program.begin(1);
			program.step('remember', 1, [
				...[query, query + 32, query + 64, 96, 96, ...angles, at(cache!), at(other!)],
				...[4, 0, 1, 1, 1, 8, new Float(1), 0, 1, 64, 0]
			]);
			own.run(program);
		};
		expect(() => run(wrong)).toThrow('Keys or values of the language model are no finite numbers.');
		expect(() => run(2)).not.toThrow();
	});
});
