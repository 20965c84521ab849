import type { InferenceSession } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { memorySource } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors, writeSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import { linear } from '../../../../src/lib/model/layers.ts';
import type { WeightDType } from '../../../../src/lib/model/manifest.ts';
import { Module } from '../../../../src/lib/model/module.ts';
import { StateDict } from '../../../../src/lib/model/state-dict.ts';
import { Graph } from '../../../../src/lib/onnx/graph.ts';
import { readModelFile, withChanges } from '../../../../src/lib/onnx/model-file.ts';
import { Add } from '../../../../src/lib/onnx/ops.ts';
import { tensor } from '../../../../src/lib/tensor/tensor.ts';
import {
	activationsIn8Bits,
	hasInt8Products,
	int8Products,
	productOf
} from '../../../../src/lib/model/runtime/int8-products.ts';
import { random } from '../../../support/random-checkpoint.ts';
import { float32, openBytes, relativeError, writeGraph } from '../../../support/run-graph.ts';

const [C, D, WIDE] = [96, 80, 96 * 16];

/** y = a(x) + b(x), z = wide(x): three products of one input, the last much wider than long. */
async function products(dtype: WeightDType) {
	const next = random(11);
	const values = (count: number) => Float32Array.from({ length: count }, next);
	const file = await openSafetensors(
		memorySource(
			'',
			writeSafetensors(
				new Map([
					['a.weight', tensor('float32', [D, C], values(D * C))],
					['a.bias', tensor('float32', [D], values(D))],
					['b.weight', tensor('float32', [D, C], values(D * C))],
					['wide.weight', tensor('float32', [WIDE, C], values(WIDE * C))]
				])
			)
		)
	);
	const g = new Graph('products');
	const state = new StateDict(file);
	const layer = (key: string) => new Module(g, state, { key });
	const x = g.input('x', 'float32', [1, 'token', C]);
	const a = linear(layer('a'), x, { in: C, out: D, dtype });
	const b = linear(layer('b'), x, { in: C, out: D, bias: false, dtype });
	g.output('y', Add(g, a, b), [1, 'token', D]);
	g.output('z', linear(layer('wide'), x, { in: C, out: WIDE, bias: false, dtype }), [1, 'token', WIDE]);
	return writeGraph(g);
}

const run = async (session: InferenceSession, x: Float32Array) => {
	const outputs = await session.run({ x: float32([1, x.length / C, C], x) });
	return { y: outputs['y']!.data as Float32Array, z: outputs['z']!.data as Float32Array };
};

it.each(['q4', 'q8'] as const)(
	'%s products are made in 8 bits by column, or float32 where they are wide',
	async (dtype) => {
		const stored = await products(dtype);
		// Node's kernels are right with these on every processor.
		const made = int8Products(stored, { pairs: true });
		const operators = readModelFile(made.graph).nodes.map(({ op }) => op);
		expect(operators.filter((op) => op === 'MatMulNBits')).toHaveLength(0);
		expect(operators.filter((op) => op === 'DynamicQuantizeMatMul')).toHaveLength(2);
		expect(operators.filter((op) => op === 'MatMul')).toHaveLength(1);
		// Both products of x share its divided rows.
		expect(operators.filter((op) => op === 'Div')).toHaveLength(1);
		expect(made.weights).toHaveLength(1);

		const next = random(5);
		const x = Float32Array.from({ length: 7 * C }, next);
		const [exact, fast] = [await openBytes(stored), await openBytes(made)];
		const [expected, got] = [await run(exact, x), await run(fast, x)];
		expect(relativeError(got.z, expected.z)).toBeLessThan(1e-5);
		const error = relativeError(got.y, expected.y);
		expect(error).toBeLessThan(0.02);
		// It is not the same computation under another name.
		expect(error).toBeGreaterThan(1e-5);
		await exact.release();
		await fast.release();
	}
);

it('makes anew only matrices in the bits asked for', async () => {
	const [q4, q8] = [await products('q4'), await products('q8')];
	expect(int8Products(q4, { bits: 8 })).toEqual(q4);
	expect(hasInt8Products(q4.graph, { bits: 8 })).toBe(false);
	expect(hasInt8Products(q4.graph)).toBe(true);
	expect(hasInt8Products(q8.graph, { bits: 8 })).toBe(true);
	const made = int8Products(q8, { bits: 8, pairs: true });
	expect(hasInt8Products(made.graph)).toBe(false);
	const next = random(5);
	const x = Float32Array.from({ length: 7 * C }, next);
	const [exact, fast] = [await openBytes(q8), await openBytes(made)];
	const error = relativeError((await run(fast, x)).y, (await run(exact, x)).y);
	expect(error).toBeLessThan(0.02);
	expect(error).toBeGreaterThan(1e-5);
	await exact.release();
	await fast.release();
});

it('activations are rounded to 8 bits for what is stored in 4, and the weights stay', async () => {
	const stored = await products('q4');
	const graph = activationsIn8Bits(stored.graph);
	const before = readModelFile(stored.graph);
	const { nodes, initializers } = readModelFile(graph);
	expect(initializers).toEqual(before.initializers);
	expect(nodes.map(({ op, inputs, outputs }) => ({ op, inputs, outputs }))).toEqual(
		before.nodes.map(({ op, inputs, outputs }) => ({ op, inputs, outputs }))
	);
	const levels = (of: typeof nodes) => of.map(({ integers }) => integers['accuracy_level'] ?? 0);
	expect(Math.max(...levels(before.nodes))).toBe(0);
	expect(levels(nodes).filter((level) => level === 4)).toHaveLength(3);
	const next = random(5);
	const x = Float32Array.from({ length: 7 * C }, next);
	const [exact, fast] = [await openBytes(stored), await openBytes({ ...stored, graph })];
	const [expected, got] = [await run(exact, x), await run(fast, x)];
	for (const name of ['y', 'z'] as const) {
		expect(relativeError(got[name], expected[name])).toBeLessThan(0.02);
		expect(relativeError(got[name], expected[name])).toBeGreaterThan(1e-5);
	}
	await exact.release();
	await fast.release();
	const other = (await products('q8')).graph;
	expect(activationsIn8Bits(other)).toBe(other);
});

it('a row with large values, or of zeros, costs the other rows nothing', async () => {
	const fast = await openBytes(int8Products(await products('q4'), { pairs: true }));
	const next = random(6);
	const x = Float32Array.from({ length: 3 * C }, next);
	const alone = await run(fast, x.slice(0, C));
	x.fill(0, C, 2 * C);
	for (let i = 2 * C; i < 3 * C; i++) x[i]! *= 1e4;
	const { y } = await run(fast, x);
	// One scale for all rows would leave nothing of the first.
	expect(relativeError(y.subarray(0, D), alone.y)).toBeLessThan(0.01);
	expect(y.every(Number.isFinite)).toBe(true);
	await fast.release();
});

it('a graph without such products stays as it is', async () => {
	const stored = await products('fp32');
	expect(int8Products(stored)).toEqual(stored);
});

it('a model with the same nodes and initializers is the same model', async () => {
	const { graph } = await products('q4');
	const { nodes, initializers } = readModelFile(graph);
	const again = withChanges(graph, {
		nodes: nodes.map(({ bytes }) => bytes),
		initializers: initializers.map(({ bytes }) => bytes)
	});
	expect(again.length).toBe(graph.length);
	expect(readModelFile(again)).toEqual(readModelFile(graph));
});

it('matrices much wider than long are multiplied in float32', () => {
	expect(productOf(576, 49_152)).toBe('float32');
	expect(productOf(576, 1536)).toBe('int8');
	expect(productOf(2048, 5632)).toBe('int8');
});
