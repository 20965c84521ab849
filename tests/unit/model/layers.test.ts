import { expect, it } from 'vitest';
import * as ort from 'onnxruntime-node';
import { writeSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import { openSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import {
	attention,
	attentionByHead,
	halfSumPart,
	joinedLinear,
	linear
} from '../../../src/lib/model/layers.ts';
import { Module } from '../../../src/lib/model/module.ts';
import { StateDict } from '../../../src/lib/model/state-dict.ts';
import { Graph } from '../../../src/lib/onnx/graph.ts';
import { Add } from '../../../src/lib/onnx/ops.ts';
import { float32ToHalf, halvesToFloat32 } from '../../../src/lib/tensor/half.ts';
import { tensor } from '../../../src/lib/tensor/tensor.ts';
import { random } from '../../support/random-checkpoint.ts';
import { openGraph, relativeError } from '../../support/run-graph.ts';

it.each([
	[96, 96],
	[512, 512],
	[1024, 512],
	[4096, 512],
	[5120, 512],
	[11008, 344],
	[13824, 512],
	// No divisor between 128 and 512.
	[1009, 1009]
])('a sum of %i products in float16 is cut into parts of %i', (columns, part) => {
	expect(halfSumPart(columns)).toBe(part);
});

it('a linear layer in float16 computes the same in parts', async () => {
	const [T, C, D] = [5, 1376, 24];
	expect(halfSumPart(C)).toBe(344);
	const next = random(3);
	const half = (count: number) => halvesToFloat32(float32ToHalf(Float32Array.from({ length: count }, next)));
	const [x, weight, bias] = [half(T * C), half(D * C), half(D)];
	const file = await openSafetensors(
		memorySource(
			'',
			writeSafetensors(
				new Map([
					['fc.weight', tensor('float32', [D, C], weight)],
					['fc.bias', tensor('float32', [D], bias)]
				])
			)
		)
	);
	const g = new Graph('layer');
	const fc = new Module(g, new StateDict(file), { key: 'fc' });
	const input = g.input('x', 'float32', [1, 'token', C]);
	g.output('y', linear(fc, input, { in: C, out: D, dtype: 'fp16' }), [1, 'token', D]);
	const session = await openGraph(g);
	const { y } = await session.run({ x: new ort.Tensor('float32', x, [1, T, C]) });
	expect(y!.dims).toEqual([1, T, D]);
	const { buffer, byteOffset, length } = y!.data as unknown as Uint16Array<ArrayBuffer>;
	const expected = Float64Array.from({ length: T * D }, (_, i) => {
		let sum = bias[i % D]!;
		for (let c = 0; c < C; c++) sum += x[Math.floor(i / D) * C + c]! * weight[(i % D) * C + c]!;
		return sum;
	});
	// Four parts and their sum are each rounded to 11 bits.
	expect(relativeError(halvesToFloat32(new Uint16Array(buffer, byteOffset, length)), expected)).toBeLessThan(
		5 * 2 ** -11
	);
	await session.release();
});

it.each([
	['q4', true],
	['q4', false],
	['q8', true],
	['q4f16', true]
] as const)(
	'layers of one input in %s, biases: %s, are side by side in one product, bit by bit',
	async (dtype, bias) => {
		// Rows that end within a block and a byte.
		const [T, C] = [3, 72];
		const parts = [
			{ name: 'a', out: 40 },
			{ name: 'b', out: 16 },
			{ name: 'c', out: 24 }
		];
		const next = random(11);
		const values = (count: number) => Float32Array.from({ length: count }, next);
		const tensors = parts.flatMap(({ name, out }) => [
			[`at.${name}.weight`, tensor('float32', [out, C], values(out * C))] as const,
			[`at.${name}.bias`, tensor('float32', [out], values(out))] as const
		]);
		const state = new StateDict(await openSafetensors(memorySource('', writeSafetensors(new Map(tensors)))));
		const g = new Graph('layers');
		const at = new Module(g, state, { key: 'at' });
		const input = g.input('x', 'float32', [1, 'token', C]);
		g.output('all', joinedLinear(at, input, { in: C, bias, dtype, name: 'abc', parts }), [1, 'token', 80]);
		for (const { name, out } of parts)
			g.output(name, linear(at.at(name), input, { in: C, out, bias, dtype }), [1, 'token', out]);
		expect(state.unused()).toEqual(bias ? [] : parts.map(({ name }) => `at.${name}.bias`));
		const session = await openGraph(g);
		const outputs = await session.run({ x: new ort.Tensor('float32', values(T * C), [1, T, C]) });
		const row = (name: string, token: number) => {
			const { data, dims } = outputs[name]!;
			return [...(data as Float32Array)].slice(token * dims[2]!, (token + 1) * dims[2]!);
		};
		for (let token = 0; token < T; token++) {
			expect(row('all', token)).toEqual(parts.flatMap(({ name }) => row(name, token)));
			expect(new Set(row('all', token)).size).toBeGreaterThan(70);
		}
		await session.release();
	}
);

it('an output is named where it is made; only an input, or what has a name already, is copied', async () => {
	const g = new Graph('outputs');
	const x = g.input('x', 'float32', ['row']);
	const doubled = Add(g, x, x);
	g.output('doubled', doubled, ['row']);
	const more = Add(g, doubled, x);
	g.output('again', doubled, ['row']);
	g.output('same', x, ['row']);
	g.output('more', more, ['row']);
	expect(g.operators()).toEqual({ Add: 2, Identity: 2 });
	const session = await openGraph(g);
	const outputs = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2), [2]) });
	expect(
		Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...(data as Float32Array)]]))
	).toEqual({
		doubled: [2, 4],
		again: [2, 4],
		same: [1, 2],
		more: [3, 6]
	});
	await session.release();
});

it.each([1, 3, 16])(
	'attention of %i heads is the same head by head, in kernels of few buffers',
	async (heads) => {
		const [T, width] = [7, 48];
		const g = new Graph('attention');
		const inputs = {
			q: g.input('q', 'float32', [1, 'token', width]),
			k: g.input('k', 'float32', [1, 'token', width]),
			v: g.input('v', 'float32', [1, 'token', width])
		};
		const shape = [1, 'token', width];
		g.output('all', attention(g.scope('all'), inputs, { heads, width }).context, shape);
		g.output('each', attentionByHead(g.scope('each'), inputs, { heads, width }), shape);
		const buffers = g.nodes().map((node) => node.inputs.length + node.outputs.length);
		expect(Math.max(...buffers)).toBeLessThanOrEqual(8);
		const next = random(5);
		const session = await openGraph(g);
		const feed = () =>
			new ort.Tensor('float32', Float32Array.from({ length: T * width }, next), [1, T, width]);
		const { all, each } = await session.run({ q: feed(), k: feed(), v: feed() });
		expect(each!.dims).toEqual([1, T, width]);
		expect(relativeError(each!.data as Float32Array, all!.data as Float32Array)).toBeLessThan(1e-6);
	}
);
