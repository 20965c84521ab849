import { Tensor } from 'onnxruntime-common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

/** Largest number of a row, and what sums of products may reach. */
const MOST = 16383;
const SUMS = 2 ** 31;
/** Keys of a run. */
const KEYS = 32;

interface Shape extends Readonly<Record<'heads' | 'kvHeads' | 'width' | 'past' | 'rows' | 'parts', number>> {
	readonly data: 'random' | 'equal' | 'outlier' | 'sink';
}

/** Values of a cache [.., width], changed as the kind of data says. */
function cacheOf(data: Shape['data'], which: 'keys' | 'values', all: Float32Array, width: number) {
	if (data === 'equal') return all.fill(which === 'keys' ? 1.5 : -2);
	return all.map((value, i) => {
		if (data === 'outlier' && which === 'keys' && i % width === 5) return 200 + value;
		if (data === 'sink' && i < width) return which === 'keys' ? 1 : value / 1000;
		return value;
	});
}

/**
 * Attention of one query in double precision, and how far a result may be: of a query in whole numbers scores are off by half a unit for each
 * column, and by roundings of float32; of weights in whole numbers each is off by half a unit of its run, times its value.
 */
function reference({
	query,
	keys,
	values,
	scale,
	count,
	partKeys
}: {
	query: Float64Array;
	keys: Float32Array;
	values: Float32Array;
	scale: number;
	count: number;
	partKeys: number;
}): { exact: number[]; bound: number[] } {
	const width = query.length;
	const row = (all: Float32Array, p: number) => all.subarray(p * width, (p + 1) * width);
	const largest = (all: Iterable<number>) => Math.max(...Array.from(all, Math.abs));
	const positions = Array.from({ length: count }, (_, p) => p);
	const length = SUMS / (MOST * Math.sqrt(width)) - Math.sqrt(width);
	const unit = scale * Math.max(largest(query) / 32767, Math.hypot(...query) / length);
	const dots = positions.map((p) => row(keys, p).map((key, i) => key * query[i]! * scale));
	const scores = dots.map((products) => products.reduce((a, b) => a + b));
	const off = Math.max(
		...positions.map(
			(p) =>
				0.51 * unit * row(keys, p).reduce((sum, key) => sum + Math.abs(key), 0) +
				2 ** -21 * dots[p]!.reduce((sum, product) => sum + Math.abs(product), 0)
		)
	);
	const most = Math.max(...scores);
	const weights = scores.map((score) => Math.exp(score - most));
	const sum = weights.reduce((a, b) => a + b);
	const exact = Array.from(
		{ length: width },
		(_, i) => positions.reduce((all, p) => all + weights[p]! * row(values, p)[i]!, 0) / sum
	);
	const rounded = new Array<number>(width).fill(0);
	for (let part = 0; part < count; part += partKeys)
		for (let first = part; first < Math.min(count, part + partKeys); first += KEYS) {
			const run = positions.slice(first, Math.min(count, part + partKeys, first + KEYS));
			const units = run.map((p) => largest(row(values, p)) / MOST);
			const shares = run.map((p, i) => weights[p]! * units[i]!);
			const worth = Math.max(
				largest(shares) / 32767,
				shares.reduce((a, b) => a + b) / (SUMS / MOST - KEYS - 1)
			);
			for (let i = 0; i < width; i++)
				rounded[i]! += run.reduce(
					(all, p, at) =>
						all + (units[at]! > 0 ? Math.abs(row(values, p)[i]! / units[at]!) : 0) * 0.51 * worth,
					0
				);
		}
	const bound = exact.map((value, i) => {
		const spread = positions.reduce((all, p) => all + weights[p]! * Math.abs(row(values, p)[i]! - value), 0);
		const greatest = Math.max(...positions.map((p) => Math.abs(row(values, p)[i]!)));
		return ((Math.exp(2 * off) - 1) * spread + Math.exp(2 * off) * rounded[i]!) / sum + 2 ** -20 * greatest;
	});
	return { exact, bound };
}

const floats = (count: number, next: () => number, size = 1) =>
	Float32Array.from({ length: count }, () => next() * size);

describe.each(['relaxed', 'plain'] as const)('with %s SIMD', (name) => {
	it('a cache holds whole numbers of 16 bits for each row, and takes back what it gave', async () => {
		const { memory } = kernels[name]!;
		const next = random(3);
		const width = 24;
		const sizes = [1, 1e-3, 1e-29, 1e30, 3e38, 0, 1e-31, 100, 1e-9];
		const values = Float32Array.from(sizes.flatMap((size) => [...floats(width, next, size)]));
		// One column far larger than the others, and a row whose greatest is negative.
		values.set([300, -0, 2 ** -11, -299.99], 0);
		values.set([-4], 7 * width);
		const tensor = memory.allocate('float32', [1, 3, 3, width], 'cache');
		memory.write(tensor, values);
		const read = await memory.read(tensor);
		for (const [row, size] of sizes.entries()) {
			const [given, held] = [values, read].map((all) => all.subarray(row * width, (row + 1) * width));
			const unit = Math.max(...given!.map(Math.abs)) / MOST;
			// Half a unit, and three roundings of float32.
			for (let i = 0; i < width; i++)
				expect(Math.abs(held![i]! - given![i]!)).toBeLessThanOrEqual(
					size > 1e-30 ? (0.5 + 3 * MOST * 2 ** -24) * unit : size
				);
			if (size <= 1e-30) expect([...held!].every((value) => value === 0)).toBe(true);
		}
		memory.write(tensor, read);
		const again = await memory.read(tensor);
		for (let i = 0; i < values.length; i++)
			expect(Math.abs(again[i]! - read[i]!)).toBeLessThanOrEqual(2 ** -23 * Math.abs(read[i]!));
	});

	it('a cache goes into a wider one', async () => {
		const { memory } = kernels[name]!;
		const values = floats(2 * 3 * 8, random(5), 4);
		const narrow = memory.allocate('float32', [1, 2, 3, 8], 'cache');
		memory.write(narrow, values);
		const wide = memory.allocate('float32', [1, 2, 5, 8], 'cache');
		memory.copy(narrow, wide, 2);
		const [from, to] = [await memory.read(narrow), await memory.read(wide)];
		for (const head of [0, 1]) {
			expect([...to.subarray(head * 40, head * 40 + 16)]).toEqual([
				...from.subarray(head * 24, head * 24 + 16)
			]);
			expect([...to.subarray(head * 40 + 16, head * 40 + 40)].every((value) => value === 0)).toBe(true);
		}
	});

	it.each([
		// Every number of heads to a kv head that a tile has a kernel for, and more than one tile.
		{ heads: 2, kvHeads: 2, width: 16, past: 6, rows: 1, parts: 1, data: 'random' },
		{ heads: 4, kvHeads: 2, width: 24, past: 130, rows: 1, parts: 2, data: 'random' },
		{ heads: 6, kvHeads: 2, width: 64, past: 100, rows: 1, parts: 1, data: 'random' },
		{ heads: 6, kvHeads: 2, width: 40, past: 63, rows: 1, parts: 1, data: 'random' },
		{ heads: 8, kvHeads: 2, width: 32, past: 127, rows: 1, parts: 2, data: 'random' },
		{ heads: 10, kvHeads: 2, width: 8, past: 64, rows: 1, parts: 1, data: 'random' },
		{ heads: 6, kvHeads: 2, width: 32, past: 0, rows: 1, parts: 1, data: 'random' },
		{ heads: 3, kvHeads: 1, width: 16, past: 5, rows: 9, parts: 1, data: 'random' },
		{ heads: 6, kvHeads: 2, width: 48, past: 60, rows: 70, parts: 3, data: 'random' },
		{ heads: 2, kvHeads: 1, width: 512, past: 70, rows: 1, parts: 1, data: 'random' },
		// All of a row at its greatest: what sums may reach.
		{ heads: 3, kvHeads: 1, width: 64, past: 200, rows: 2, parts: 1, data: 'equal' },
		// One column of keys a hundred times the others, as of a model whose keys have a bias.
		{ heads: 6, kvHeads: 2, width: 64, past: 200, rows: 1, parts: 2, data: 'outlier' },
		// The first position takes nearly all weight and has next to no value.
		{ heads: 6, kvHeads: 2, width: 64, past: 200, rows: 1, parts: 1, data: 'sink' }
	] as readonly Shape[])(
		'attention of $rows rows, $heads heads on $kvHeads of $width, $past positions before, $data',
		async (shape) => {
			const { heads, kvHeads, width, past, rows, parts, data } = shape;
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
			if (data === 'equal') qkv.fill(1.5);
			if (data === 'sink') qkv.fill(1, 0, heads * width);
			const angles = floats((total * width) / 2, next, data === 'random' || data === 'outlier' ? 3 : 0);
			const [cos, sin] = [angles.map(Math.cos), angles.map(Math.sin)];
			const caches = (['keys', 'values'] as const).map((which) => {
				const tensor = memory.allocate('float32', [1, kvHeads, room, width], 'cache');
				memory.write(tensor, cacheOf(data, which, floats(kvHeads * room * width, next, 2), width));
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
					// Half a unit, and float32's own rounding of the turned key.
					const [ofKey, ofValue] = [key, value.subarray(0, width)].map(
						(all) => (0.51 * Math.max(...all.map(Math.abs))) / MOST
					);
					for (let i = 0; i < width; i++) {
						expect(Math.abs(keys[written + i]! - key[i]!)).toBeLessThanOrEqual(ofKey! + 1e-6);
						expect(Math.abs(values[written + i]! - value[i]!)).toBeLessThanOrEqual(ofValue!);
					}
				}
			const result = heap.floats(output, rows * heads * width + 4);
			expect([...result.subarray(rows * heads * width)]).toEqual([7, 7, 7, 7]);
			const partKeys = 64 * Math.ceil(total / parts / 64);
			for (let row = 0; row < rows; row++)
				for (let head = 0; head < heads; head++) {
					const kv = Math.floor(head / (heads / kvHeads));
					const { exact, bound } = reference({
						...{ query: turned(row, head * width), scale: 0.3, count: past + row + 1, partKeys },
						keys: keys.subarray(kv * room * width),
						values: values.subarray(kv * room * width)
					});
					for (let i = 0; i < width; i++) {
						const off = Math.abs(result[(row * heads + head) * width + i]! - exact[i]!);
						expect(off).toBeLessThanOrEqual(bound[i]!);
					}
				}
		}
	);

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
