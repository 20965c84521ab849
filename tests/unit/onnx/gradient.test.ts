import { describe, expect, it } from 'vitest';
import { normals, seededRandom } from '../../../src/lib/bytes/random.ts';
import { Graph } from '../../../src/lib/onnx/graph.ts';
import { readModelFile } from '../../../src/lib/onnx/model-file.ts';
import * as ops from '../../../src/lib/onnx/ops.ts';
import { float, int, ints, type Value } from '../../../src/lib/onnx/types.ts';
import { elementCount } from '../../../src/lib/tensor/tensor.ts';
import { float32, openBytes, productsGraph, writeGraph } from '../../support/run-graph.ts';

const random = seededRandom(11);
const values = (dims: readonly number[], scale = 1): Float32Array =>
	Float32Array.from(normals(elementCount(dims), random), (value) => value * scale);
const constant = (g: Graph, dims: readonly number[], data = values(dims)): Value =>
	g.constant({ dtype: 'float32', dims, data });

interface Example {
	readonly x: readonly number[];
	readonly y: (g: Graph, x: Value) => Value;
	readonly out: readonly number[];
	/** x is moved by so much: short of kinks. */
	readonly step?: number;
}

const T = [1, 6, 8];
const MAP = [1, 4, 5, 7];

/** Operators as models use them. What a derivative is checked with is nothing but the graph itself, run twice. */
const examples: Readonly<Record<string, Example>> = {
	'Add of a row to all': { x: [1, 1, 8], y: (g, x) => ops.Add(g, x, constant(g, T)), out: T },
	'Add of x to itself': { x: T, y: (g, x) => ops.Add(g, x, ops.Mul(g, x, x)), out: T },
	Sub: { x: T, y: (g, x) => ops.Sub(g, constant(g, [8]), x), out: T },
	'Mul with a gate for every channel': {
		x: T,
		y: (g, x) => ops.Mul(g, x, ops.Sigmoid(g, ops.ReduceMean(g, x, [1]))),
		out: T
	},
	Abs: { x: T, y: (g, x) => ops.Abs(g, x), out: T, step: 1e-4 },
	Relu: { x: T, y: (g, x) => ops.Relu(g, x), out: T, step: 1e-4 },
	Sigmoid: { x: T, y: (g, x) => ops.Sigmoid(g, x), out: T },
	HardSigmoid: { x: T, y: (g, x) => ops.HardSigmoid(g, x), out: T, step: 1e-4 },
	QuickGelu: { x: T, y: (g, x) => ops.QuickGelu(g, x), out: T },
	SiLU: { x: T, y: (g, x) => ops.SiLU(g, x), out: T },
	Gelu: { x: T, y: (g, x) => ops.Gelu(g, x), out: T },
	FastGelu: { x: T, y: (g, x) => ops.FastGelu(g, x), out: T },
	Softmax: { x: T, y: (g, x) => ops.Softmax(g, x), out: T },
	LayerNormalization: {
		x: T,
		y: (g, x) => ops.LayerNormalization(g, x, constant(g, [8]), constant(g, [8]), 1e-5),
		out: T
	},
	SimplifiedLayerNormalization: {
		x: T,
		y: (g, x) => ops.SimplifiedLayerNormalization(g, x, constant(g, [8]), 1e-5),
		out: T
	},
	'MatMul by a matrix': { x: T, y: (g, x) => ops.MatMul(g, x, constant(g, [8, 3])), out: [1, 6, 3] },
	'MatMul with a matrix before it': {
		x: T,
		y: (g, x) => ops.MatMul(g, constant(g, [4, 6]), x),
		out: [1, 4, 8]
	},
	'MatMul of x by x, heads apart': {
		x: [1, 2, 6, 4],
		y: (g, x) => ops.MatMul(g, x, ops.Transpose(g, x, [0, 1, 3, 2])),
		out: [1, 2, 6, 6]
	},
	'MatMul with one matrix for several': {
		x: [1, 1, 6, 4],
		y: (g, x) => ops.MatMul(g, constant(g, [1, 3, 5, 6]), x),
		out: [1, 3, 5, 4]
	},
	'Reshape with sizes taken over': {
		x: T,
		y: (g, x) => ops.Reshape(g, x, [0, -1, 2, 4]),
		out: [1, 6, 2, 4]
	},
	'Reshape to sizes known at run time': {
		x: T,
		y: (g, x) => ops.Reshape(g, x, ops.Concat(g, [ops.Shape(g, x, 0, 1), g.ints([4, 12])], 0)),
		out: [1, 4, 12]
	},
	Transpose: { x: [1, 2, 3, 4], y: (g, x) => ops.Transpose(g, x, [0, 3, 1, 2]), out: [1, 4, 2, 3] },
	Concat: {
		x: T,
		y: (g, x) => ops.Concat(g, [constant(g, [1, 2, 8]), x, ops.Mul(g, x, g.scalar(2))], 1),
		out: [1, 14, 8]
	},
	Unsqueeze: { x: T, y: (g, x) => ops.Unsqueeze(g, x, [0, -1]), out: [1, 1, 6, 8, 1] },
	Expand: { x: [1, 1, 8], y: (g, x) => ops.Expand(g, x, g.ints([1, 6, 8])), out: T },
	Gather: { x: T, y: (g, x) => ops.Gather(g, x, g.ints([5, 0, 5]), 2), out: [1, 6, 3] },
	Slice: { x: T, y: (g, x) => ops.Slice(g, x, g.ints([2]), g.ints([-1]), [2]), out: [1, 6, 5] },
	'ReduceMean alone': { x: T, y: (g, x) => ops.ReduceMean(g, x, [1]), out: [1, 1, 8] },
	ReduceSum: { x: T, y: (g, x) => ops.ReduceSum(g, x, [1]), out: [1, 8] },
	'Conv, every channel its own': {
		x: MAP,
		y: (g, x) => ops.Conv(g, x, constant(g, [4, 1, 3, 3]), { kernel: 3, pad: 1, group: 4 }),
		out: MAP
	},
	'Conv, two groups of channels, without padding': {
		x: MAP,
		y: (g, x) => ops.Conv(g, x, constant(g, [6, 2, 3, 3]), { kernel: 3, group: 2 }),
		out: [1, 6, 3, 5]
	},
	'Conv in steps of 2': {
		x: MAP,
		y: (g, x) => ops.Conv(g, x, constant(g, [4, 1, 3, 3]), { kernel: 3, pad: 1, stride: 2, group: 4 }),
		out: [1, 4, 3, 4]
	},
	'Conv in steps of 2 that leaves a row out': {
		x: [1, 2, 6, 6],
		y: (g, x) => ops.Conv(g, x, constant(g, [3, 2, 3, 3]), { kernel: 3, stride: 2 }),
		out: [1, 3, 2, 2]
	}
};

function graphOf({ x, y, out }: Example): Graph {
	const g = new Graph('example');
	g.output('y', y(g.scope('it'), g.input('x', 'float32', x)), out);
	return g;
}

const derivativeOf = (graph: Uint8Array, x: readonly number[]): Uint8Array =>
	productsGraph(graph, { of: 'y', by: 'x', inputs: new Map([['x', { dims: x }]]) });

describe('derivatives of operators', () => {
	it.each(Object.entries(examples))('%s', async (_, example) => {
		const { x, out, step = 1e-2 } = example;
		const { graph, weights } = await writeGraph(graphOf(example));
		const forward = await openBytes({ graph, weights });
		const backward = await openBytes({ graph: derivativeOf(graph, x), weights });
		const at = values(x);
		const vectors = values([3, ...out]);
		const { products } = await backward.run({
			x: float32(x, at),
			vectors: float32([3, ...out], vectors)
		});
		expect(products!.dims).toEqual([3, ...x]);
		const moved = async (by: Float32Array, factor: number) => {
			const there = at.map((value, i) => value + factor * by[i]!);
			return (await forward.run({ x: float32(x, there) }))['y']!.data as Float32Array;
		};
		const dot = (a: Float32Array, b: ArrayLike<number>) =>
			a.reduce((sum, value, i) => sum + value * b[i]!, 0);
		for (let direction = 0; direction < 3; direction++) {
			const by = values(x);
			const [ahead, behind] = [await moved(by, step), await moved(by, -step)];
			const slope = ahead.map((value, i) => (value - behind[i]!) / (2 * step));
			for (let v = 0; v < 3; v++) {
				const vector = vectors.subarray(v * slope.length, (v + 1) * slope.length);
				const product = (products!.data as Float32Array).subarray(v * at.length, (v + 1) * at.length);
				// Of the length that a product with a random direction has.
				const size = Math.hypot(...product) || 1;
				expect(Math.abs(dot(vector, slope) - dot(product, by)) / size).toBeLessThan(5e-3);
			}
		}
	});

	it('are refused by name where they are not known', async () => {
		const graph = async (y: Example['y'], out: readonly number[]) =>
			(await writeGraph(graphOf({ x: T, y, out }))).graph;
		const unknown = await graph((g, x) => g.op('Sin', [x]), T);
		expect(() => derivativeOf(unknown, T)).toThrow(/shape of "y" is not known/);
		const along = await graph((g, x) => g.op('Softmax', [x], { axis: int(1) }), T);
		expect(() => derivativeOf(along, T)).toThrow(/Softmax \(it\/Softmax\) is not known over other axes/);
		const kernel = await graph(
			(g, x) =>
				g.op('Conv', [constant(g, [1, 1, 6, 8]), ops.Reshape(g, x, [1, 1, 6, 8])], {
					kernel_shape: ints([6, 8])
				}),
			[1, 1, 1, 1]
		);
		expect(() => derivativeOf(kernel, T)).toThrow(/Conv \(it\/Conv\) is not known by its kernel/);
		const apart = await graph((g) => g.op('HardSigmoid', [constant(g, T)], { alpha: float(1) }), T);
		expect(() => derivativeOf(apart, T)).toThrow(/"y" does not depend on "x"/);
	});

	it('leave out what of the graph they do not need', async () => {
		const y = (g: Graph, x: Value) => ops.MatMul(g, ops.Relu(g, x), constant(g, [8, 3]));
		const { graph } = await writeGraph(graphOf({ x: T, y, out: [1, 6, 3] }));
		const { nodes, outputs } = readModelFile(derivativeOf(graph, T));
		expect(outputs).toEqual(['products']);
		// The product of the derivative, but not the graph’s own.
		expect(nodes.filter(({ op }) => op === 'MatMul').map(({ name }) => name)).toEqual([
			'gradient/it/MatMul/left/MatMul'
		]);
		expect(nodes.filter(({ op }) => op === 'Relu')).toHaveLength(1);
	});
});
