/**
 * Derivatives of operators on float32: what reaches an operator's inputs of what reached its output. A gradient of a value [d0, d1, …] is
 * [vector, d0, d1, …], for as many vectors as run together; values have no such axis, so that what is computed of them alone is computed once.
 */
import { elementCount } from '../tensor/tensor.ts';
import type { Graph } from './graph.ts';
import type { FileNode } from './model-file.ts';
import {
	Add,
	MatMul,
	Mul,
	ReduceMean,
	ReduceSum,
	Reshape,
	Sigmoid,
	Slice,
	Sqrt,
	Sub,
	Transpose
} from './ops.ts';
import { axesOf, fromFront, sliceBounds, type Known } from './shapes.ts';
import { int, ints, type Value } from './types.ts';

/** What reaches a value on one way. */
export interface Gradient {
	readonly value: Value;
	/** It has length 1 along axes over which it is the same. */
	readonly spread: boolean;
}

interface Context {
	/** Takes the new nodes. */
	readonly g: Graph;
	readonly node: FileNode;
	/** What reached the first output. */
	readonly gradient: Value;
	/** Shape of a value. @throws RangeError when it is not known */
	readonly dims: (name: string) => readonly number[];
	readonly known: (name: string) => Known | undefined;
	/** Whether the derivative by input i is wanted. */
	readonly wants: (i: number) => boolean;
}

/** Gives the gradients of inputs; those that nobody wants may be left out. @throws RangeError for a use of the operator that it does not know */
export type Derivative = (context: Context) => readonly (Gradient | undefined)[];

const full = (value: Value): Gradient => ({ value, spread: false });

const valueOf = (name: string): Value => ({ name, dtype: 'float32' });
const input = ({ node }: Context, i = 0): Value => valueOf(node.inputs[i]!);
const output = ({ node }: Context): Value => valueOf(node.outputs[0]!);
const inputDims = ({ node, dims }: Context, i = 0): readonly number[] => dims(node.inputs[i]!);
const outputDims = ({ node, dims }: Context): readonly number[] => dims(node.outputs[0]!);

const refuse = ({ node }: Context, what: string): never => {
	throw new RangeError(`The derivative of the operator ${node.op} (${node.name}) is not known ${what}.`);
};

/** A gradient [vector, …from] as one of a value [to] that was broadcast to that shape. */
function fit(g: Graph, gradient: Value, from: readonly number[], to: readonly number[]): Gradient {
	const before = from.length - to.length;
	const summed = from.flatMap((size, i) => {
		const own = i < before ? 0 : to[i - before]!;
		return own === 0 || (own === 1 && size !== 1) ? [i + 1] : [];
	});
	const sum = summed.length > 0 ? ReduceSum(g, gradient, summed) : gradient;
	return full(summed.length > 0 ? Reshape(g, sum, [0, ...to]) : sum);
}

/** Of two values that are broadcast to each other: what reaches value i, before it is summed over what it was broadcast along. */
const pairwise =
	(reaching: (g: Graph, context: Context, i: number) => Value): Derivative =>
	(context) =>
		[0, 1].map((i) => {
			if (!context.wants(i)) return undefined;
			const g = context.g.scope(i);
			return fit(g, reaching(g, context, i), outputDims(context), inputDims(context, i));
		});

/** y = f(x) value by value: the gradient times f′, which is computed once for all vectors. */
const elementwise =
	(slope: (context: Context) => Value): Derivative =>
	(context) => [full(Mul(context.g, context.gradient, slope(context)))];

/** The same numbers in another shape. */
const reshaped: Derivative = (context) => [
	full(Reshape(context.g, context.gradient, [0, ...inputDims(context)]))
];

const reduced =
	(factor: (count: number) => number): Derivative =>
	(context) => {
		const { g, node, known } = context;
		const dims = inputDims(context);
		const along = axesOf({ dims }, node.inputs[1] ? known(node.inputs[1]) : undefined);
		if (!along) return refuse(context, 'along axes that are known at run time only');
		const kept = dims.map((size, i) => (along.includes(i) ? 1 : size));
		const count = elementCount(dims) / elementCount(kept);
		const scaled = factor(count) === 1 ? context.gradient : Mul(g, context.gradient, g.scalar(factor(count)));
		return [{ value: Reshape(g, scaled, [0, ...kept]), spread: true }];
	};

const lastAxesSwapped = (g: Graph, x: Value, rank: number): Value =>
	Transpose(g, x, [...Array(rank - 2).keys(), rank - 1, rank - 2]);

/** What LayerNormalization and RMSNorm divide by, upside down: 1 / sqrt(mean(x²) + ε) over the last axis of x. */
function inverseRms(context: Context, x: Value): Value {
	const { g, node } = context;
	const squares = ReduceMean(g.scope('variance'), Mul(g.scope('variance'), x, x), [-1]);
	// What the standard has where none is given.
	const padded = Add(g.scope('variance'), squares, g.scalar(node.floats['epsilon'] ?? 1e-5));
	return g.op('Reciprocal', [Sqrt(g.scope('variance'), padded)]);
}

/** Normalisation over the last axis, with or without the mean. y = x̂ · scale + bias; the gradient loses its parts along x̂ and 1. */
const normalised =
	(centred: boolean): Derivative =>
	(context) => {
		const { g, node, gradient } = context;
		if ((node.integers['axis'] ?? -1) !== -1) return refuse(context, 'over other axes than the last');
		const x = input(context);
		const from = centred ? Sub(g.scope('centred'), x, ReduceMean(g.scope('centred'), x, [-1])) : x;
		const inverse = inverseRms(context, from);
		const normed = Mul(g.scope('normed'), from, inverse);
		const scale = Mul(g.scope('scale'), inverse, input(context, 1));
		const scaled = Mul(g, gradient, scale);
		const along = ReduceMean(g.scope('along'), Mul(g.scope('along'), scaled, normed), [-1]);
		const across = Sub(g, scaled, Mul(g.scope('along'), normed, along));
		return [full(centred ? Sub(g, across, ReduceMean(g.scope('mean'), scaled, [-1])) : across)];
	};

/** σ(αx) + αx·σ(αx)·(1 − σ(αx)) */
const quickGeluSlope = (context: Context): Value => {
	const { g, node } = context;
	const scaled = Mul(g, input(context), g.scalar(node.floats['alpha'] ?? 1.702));
	const gate = Sigmoid(g, scaled);
	const rest = Sub(g, g.scalar(1), gate);
	return Mul(g, gate, Add(g, Mul(g, scaled, rest), g.scalar(1)));
};

/** Φ(x) + x·φ(x) */
const geluSlope = (context: Context): Value => {
	const { g } = context;
	const x = input(context);
	const times = (value: Value, factor: number) => Mul(g, value, g.scalar(factor));
	const below = times(Add(g, g.op('Erf', [times(x, Math.SQRT1_2)]), g.scalar(1)), 0.5);
	const density = times(g.op('Exp', [times(Mul(g, x, x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));
	return Add(g, below, Mul(g, x, density));
};

/** Of x/2·(1 + t), t = tanh(k·(x + c·x³)): (1 + t)/2 + x/2·(1 − t²)·k·(1 + 3c·x²) */
const fastGeluSlope = (context: Context): Value => {
	const { g } = context;
	const x = input(context);
	const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
	const times = (value: Value, factor: number) => Mul(g, value, g.scalar(factor));
	const plusOne = (value: Value) => Add(g, value, g.scalar(1));
	const square = Mul(g, x, x);
	const t = g.op('Tanh', [times(Mul(g, x, plusOne(times(square, c))), k)]);
	const inner = times(plusOne(times(square, 3 * c)), k);
	const bend = Mul(g, Sub(g, g.scalar(1), Mul(g, t, t)), Mul(g, x, inner));
	return times(Add(g, plusOne(t), bend), 0.5);
};

const sign = (g: Graph, x: Value): Value => g.op('Sign', [x]);

export const derivatives: Readonly<Record<string, Derivative>> = {
	Identity: ({ gradient }) => [full(gradient)],
	Add: pairwise((_, { gradient }) => gradient),
	Sub: pairwise((g, { gradient }, i) => (i === 0 ? gradient : g.op('Neg', [gradient]))),
	Mul: pairwise((g, context, i) => Mul(g, context.gradient, input(context, 1 - i))),
	// At their kinks 0, as PyTorch has it.
	Abs: elementwise((context) => sign(context.g, input(context))),
	Relu: elementwise((context) => sign(context.g, output(context))),
	Sigmoid: elementwise((context) => {
		const { g } = context;
		const y = output(context);
		return Mul(g, y, Sub(g, g.scalar(1), y));
	}),
	HardSigmoid: elementwise((context) => {
		const { g, node } = context;
		const y = output(context);
		const inside = Mul(g, sign(g, y), sign(g, Sub(g, g.scalar(1), y)));
		return Mul(g, inside, g.scalar(node.floats['alpha'] ?? 0.2));
	}),
	QuickGelu: elementwise(quickGeluSlope),
	Gelu: elementwise(geluSlope),
	FastGelu: elementwise(fastGeluSlope),
	Softmax: (context) => {
		const { g, node, gradient } = context;
		if (fromFront(node.integers['axis'] ?? -1, inputDims(context).length) !== inputDims(context).length - 1)
			return refuse(context, 'over other axes than the last');
		const y = output(context);
		const weighted = Mul(g, gradient, y);
		const total = g.op('ReduceSum', [weighted, g.ints([-1])], { keepdims: int(1) });
		return [full(Sub(g, weighted, Mul(g.scope('total'), y, total)))];
	},
	LayerNormalization: normalised(true),
	SimplifiedLayerNormalization: normalised(false),
	MatMul: (context) => {
		const { g, gradient, wants } = context;
		const [a, b] = [inputDims(context, 0), inputDims(context, 1)];
		const out = outputDims(context);
		const batch = out.slice(0, -2);
		const byLeft = () => {
			const right = lastAxesSwapped(g.scope('right'), input(context, 1), b.length);
			return fit(g.scope('left'), MatMul(g.scope('left'), gradient, right), [...batch, ...a.slice(-2)], a);
		};
		const byRight = () => {
			const left = lastAxesSwapped(g.scope('left'), input(context, 0), a.length);
			return fit(g.scope('right'), MatMul(g.scope('right'), left, gradient), [...batch, ...b.slice(-2)], b);
		};
		return [wants(0) ? byLeft() : undefined, wants(1) ? byRight() : undefined];
	},
	Conv: (context) => {
		const { g, node, gradient } = context;
		const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1] } = node.lists;
		if (!context.wants(0) || context.wants(1) || dilations.some((size) => size !== 1))
			return refuse(context, 'by its kernel or with gaps in it');
		const [dims, out] = [inputDims(context), outputDims(context)];
		const [filters, perGroup, ...kernel] = inputDims(context, 1);
		if (kernel.length !== 2) return refuse(context, 'over other maps than those of two sides');
		const group = node.integers['group'] ?? 1;
		const maps = Reshape(g, gradient, [-1, ...out.slice(1)]);
		const weight = input(context, 1);
		const attributes = { kernel_shape: ints(kernel), group: int(group) };
		const back = (moved: Value) => [full(Reshape(g.scope('back'), moved, [-1, ...dims]))];
		if (strides.some((stride) => stride !== 1)) {
			const padded = [0, 1].map((i) => dims[i + 2]! + pads[i]! + pads[i + 2]!);
			const reached = [0, 1].map((i) => (out[i + 2]! - 1) * strides[i]! + kernel[i]!);
			const moved = g.op('ConvTranspose', [maps, weight], {
				...attributes,
				strides: ints(strides),
				pads: ints(pads),
				output_padding: ints([0, 1].map((i) => padded[i]! - reached[i]!))
			});
			return back(moved);
		}
		// A convolution with the kernel turned by half a turn, from filters to channels.
		const turned = g.op('Slice', [
			weight,
			g.ints([-1, -1]),
			g.ints([-kernel[0]! - 1, -kernel[1]! - 1]),
			g.ints([2, 3]),
			g.ints([-1, -1])
		]);
		const swapped = Transpose(
			g.scope('kernel'),
			Reshape(g.scope('kernel'), turned, [group, filters! / group, perGroup!, ...kernel]),
			[0, 2, 1, 3, 4]
		);
		const kernels = Reshape(g.scope('kernel'), swapped, [group * perGroup!, filters! / group, ...kernel]);
		const rest = pads.map((pad, i) => kernel[i % 2]! - 1 - pad);
		return back(g.op('Conv', [maps, kernels], { ...attributes, strides: ints([1, 1]), pads: ints(rest) }));
	},
	Reshape: reshaped,
	Unsqueeze: reshaped,
	Transpose: (context) => {
		const rank = inputDims(context).length;
		const perm = context.node.lists['perm'] ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
		const inverse = perm.map((_, axis) => perm.indexOf(axis) + 1);
		return [full(Transpose(context.g, context.gradient, [0, ...inverse]))];
	},
	Expand: (context) => [fit(context.g, context.gradient, outputDims(context), inputDims(context))],
	Concat: (context) => {
		const { g, node, gradient, wants } = context;
		const axis = fromFront(node.integers['axis']!, outputDims(context).length);
		let from = 0;
		return node.inputs.map((_, i) => {
			const start = from;
			from += inputDims(context, i)[axis]!;
			return wants(i)
				? full(Slice(g.scope(i), gradient, g.ints([start]), g.ints([from]), [axis + 1]))
				: undefined;
		});
	},
	Slice: (context) => {
		const { g, node, known, gradient } = context;
		const dims = inputDims(context);
		const [, starts, ends, axes, steps] = node.inputs;
		const along = axes ? known(axes) : undefined;
		const bounds = sliceBounds(dims, known(starts!)!, known(ends!)!, along);
		if (steps || !bounds || (axes && !along))
			return refuse(context, 'with steps, or with bounds known at run time only');
		const pads = [0, ...bounds.map(([from]) => from), 0, ...bounds.map(([, to], i) => dims[i]! - to)];
		return [full(g.op('Pad', [gradient, g.ints(pads)]))];
	},
	Gather: (context) => {
		const { g, node, known, gradient } = context;
		const dims = inputDims(context);
		const axis = fromFront(node.integers['axis'] ?? 0, dims.length);
		const indices = known(node.inputs[1]!);
		if (axis !== dims.length - 1 || indices?.dims.length !== 1 || !indices.numbers)
			return refuse(context, 'along other axes than the last, or by indices known at run time only');
		const size = dims[axis]!;
		const places = new Float32Array(indices.numbers.length * size);
		indices.numbers.forEach((index, i) => (places[i * size + fromFront(index, size)] = 1));
		const matrix = g.constant({ dtype: 'float32', dims: [indices.numbers.length, size], data: places });
		return [full(MatMul(g, gradient, matrix))];
	},
	ReduceMean: reduced((count) => 1 / count),
	ReduceSum: reduced(() => 1)
};
