/**
 * Shapes of the values inside a stored graph for inputs of known shapes, as the ONNX standard (opset 21) and onnxruntime's contrib operators
 * give them. Small tensors that shapes are computed from are computed on the way.
 */
import { elementCount } from '../tensor/tensor.ts';
import type { FileInitializer, FileNode } from './model-file.ts';
import { onnxDataType } from './types.ts';

/** What is known of a value before the graph runs. */
export interface Known {
	readonly dims: readonly number[];
	/** Its numbers, where it is small and follows from shapes and constants alone. */
	readonly numbers?: readonly number[];
}

/** Numbers of constants that are read. */
const SMALL = 64;

/**
 * Shapes of all values of the graph that can be known, by name. A value of an operator that has no rule here is left out, with what is
 * made of it.
 * @param inputs of the graph, by name
 * @throws RangeError where an operator's inputs do not fit each other
 */
export function inferShapes(
	nodes: readonly FileNode[],
	initializers: readonly FileInitializer[],
	inputs: ReadonlyMap<string, Known>
): Map<string, Known> {
	const known = new Map<string, Known>(inputs);
	for (const initializer of initializers) {
		const numbers = numbersOf(initializer);
		known.set(initializer.name, { dims: initializer.dims, ...(numbers && { numbers }) });
	}
	for (const node of nodes) {
		const given = node.inputs.map((name) => known.get(name));
		// An optional input left out has no name.
		if (node.inputs.some((name, i) => name !== '' && !given[i])) continue;
		const made = rules[node.op]?.(given as Known[], node);
		made?.forEach((value, i) => {
			const name = node.outputs[i];
			if (name) known.set(name, value);
		});
	}
	return known;
}

function numbersOf({ dims, type, raw }: FileInitializer): readonly number[] | undefined {
	if (!raw || elementCount(dims) > SMALL) return undefined;
	// A copy, since the bytes may begin anywhere; `slice` of a Buffer makes none.
	const { buffer } = new Uint8Array(raw);
	if (type === onnxDataType.int64) return Array.from(new BigInt64Array(buffer), Number);
	if (type === onnxDataType.int32) return [...new Int32Array(buffer)];
	return type === onnxDataType.float32 ? [...new Float32Array(buffer)] : undefined;
}

type Rule = (inputs: readonly Known[], node: FileNode) => readonly Known[] | undefined;

/** An axis counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

const same: Rule = ([x]) => [{ dims: x!.dims }];

/** Elementwise, with numbers. */
const each =
	(of: (value: number) => number): Rule =>
	([x]) => [{ dims: x!.dims, ...(x!.numbers && { numbers: x!.numbers.map(of) }) }];

const pair =
	(of: (a: number, b: number) => number): Rule =>
	([a, b]) => {
		const dims = broadcast(a!.dims, b!.dims);
		const [left, right] = [a!.numbers, b!.numbers];
		if (!left || !right || Math.max(left.length, right.length) !== elementCount(dims)) return [{ dims }];
		const at = (all: readonly number[], i: number) => all[all.length === 1 ? 0 : i]!;
		return [
			{ dims, numbers: Array.from({ length: elementCount(dims) }, (_, i) => of(at(left, i), at(right, i))) }
		];
	};

/** The shape that two become by numpy's rules. */
function broadcast(a: readonly number[], b: readonly number[]): number[] {
	const rank = Math.max(a.length, b.length);
	return Array.from({ length: rank }, (_, i) => {
		const x = a[i - rank + a.length] ?? 1;
		const y = b[i - rank + b.length] ?? 1;
		if (x !== y && x !== 1 && y !== 1)
			throw new RangeError(`[${a.join(', ')}] and [${b.join(', ')}] do not fit each other.`);
		return x === 1 ? y : x;
	});
}

const reduce: Rule = ([x, axes], { integers }) => {
	const along = axesOf(x!, axes);
	if (!along) return undefined;
	const kept = (integers['keepdims'] ?? 1) === 1;
	const dims = x!.dims.flatMap((dim, i) => (along.includes(i) ? (kept ? [1] : []) : [dim]));
	return [{ dims }];
};

/** The axes of a reduction, all of them when none are given; undefined when they are known at run time only. */
export function axesOf(x: Known, axes: Known | undefined): readonly number[] | undefined {
	if (!axes) return x.dims.map((_, i) => i);
	return axes.numbers?.map((axis) => fromFront(axis, x.dims.length));
}

/** Where slices with steps of 1 begin and end, for each axis of `dims`; undefined when that is known at run time only. */
export function sliceBounds(
	dims: readonly number[],
	starts: Known,
	ends: Known,
	axes: Known | undefined
): readonly (readonly [from: number, to: number])[] | undefined {
	if (!starts.numbers || !ends.numbers || (axes && !axes.numbers)) return undefined;
	const along = (axes?.numbers ?? starts.numbers.map((_, i) => i)).map((axis) =>
		fromFront(axis, dims.length)
	);
	const clamp = (at: number, dim: number) => Math.min(dim, Math.max(0, at < 0 ? at + dim : at));
	return dims.map((dim, axis) => {
		const i = along.indexOf(axis);
		return i < 0 ? [0, dim] : [clamp(starts.numbers![i]!, dim), clamp(ends.numbers![i]!, dim)];
	});
}

const rules: Readonly<Record<string, Rule>> = {
	Identity: each((value) => value),
	Cast: each((value) => value),
	Sqrt: each(Math.sqrt),
	Floor: each(Math.floor),
	Abs: same,
	Relu: same,
	Sigmoid: same,
	HardSigmoid: same,
	QuickGelu: same,
	Gelu: same,
	FastGelu: same,
	Softmax: same,
	LayerNormalization: same,
	SimplifiedLayerNormalization: same,
	Add: pair((a, b) => a + b),
	Sub: pair((a, b) => a - b),
	Mul: pair((a, b) => a * b),
	MatMul: ([a, b]) => {
		const [x, y] = [a!.dims, b!.dims];
		if (x.length < 2 || y.length < 2) return undefined;
		if (x.at(-1) !== y.at(-2))
			throw new RangeError(`[${x.join(', ')}] and [${y.join(', ')}] cannot be multiplied.`);
		return [{ dims: [...broadcast(x.slice(0, -2), y.slice(0, -2)), x.at(-2)!, y.at(-1)!] }];
	},
	Shape: ([x], { integers }) => {
		const numbers = x!.dims.slice(integers['start'] ?? 0, integers['end'] ?? x!.dims.length);
		return [{ dims: [numbers.length], numbers }];
	},
	Reshape: ([x, shape]) => {
		if (!shape!.numbers) return undefined;
		const dims = shape!.numbers.map((size, i) => (size === 0 ? x!.dims[i]! : size));
		const rest = elementCount(x!.dims) / elementCount(dims.filter((size) => size !== -1));
		return [
			{ dims: dims.map((size) => (size === -1 ? rest : size)), ...(x!.numbers && { numbers: x!.numbers }) }
		];
	},
	Transpose: ([x], { lists }) => {
		const perm = lists['perm'] ?? x!.dims.map((_, i) => x!.dims.length - 1 - i);
		return [{ dims: perm.map((axis) => x!.dims[axis]!) }];
	},
	Concat: (inputs, { integers }) => {
		const [first] = inputs;
		const axis = fromFront(integers['axis']!, first!.dims.length);
		const total = inputs.reduce((sum, { dims }) => sum + dims[axis]!, 0);
		const dims = first!.dims.map((dim, i) => (i === axis ? total : dim));
		const flat = dims.length === 1 && inputs.every(({ numbers }) => numbers);
		return [{ dims, ...(flat && { numbers: inputs.flatMap(({ numbers }) => numbers!) }) }];
	},
	Unsqueeze: ([x, axes]) => {
		if (!axes?.numbers) return undefined;
		const rank = x!.dims.length + axes.numbers.length;
		const added = axes.numbers.map((axis) => fromFront(axis, rank));
		const rest = [...x!.dims];
		const dims = Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : rest.shift()!));
		return [{ dims, ...(x!.numbers && { numbers: x!.numbers }) }];
	},
	Expand: ([x, shape]) => (shape!.numbers ? [{ dims: broadcast(x!.dims, shape!.numbers) }] : undefined),
	Gather: ([x, indices], { integers }) => {
		const axis = fromFront(integers['axis'] ?? 0, x!.dims.length);
		const dims = [...x!.dims.slice(0, axis), ...indices!.dims, ...x!.dims.slice(axis + 1)];
		const flat = x!.dims.length === 1 && x!.numbers && indices!.numbers;
		return [
			{
				dims,
				...(flat && { numbers: indices!.numbers!.map((i) => x!.numbers![fromFront(i, x!.dims[0]!)]!) })
			}
		];
	},
	Slice: ([x, starts, ends, axes, steps]) => {
		if (steps) return undefined;
		const bounds = sliceBounds(x!.dims, starts!, ends!, axes);
		if (!bounds) return undefined;
		const [first] = bounds;
		return [
			{
				dims: bounds.map(([from, to]) => Math.max(0, to - from)),
				...(x!.numbers && bounds.length === 1 && { numbers: x!.numbers.slice(first![0], first![1]) })
			}
		];
	},
	ReduceMean: reduce,
	ReduceSum: reduce,
	Conv: ([x, weight], { lists }) => {
		const [images, , ...sides] = x!.dims;
		const [channels, , ...kernel] = weight!.dims;
		const { strides = [], pads = [] } = lists;
		const out = sides.map((side, i) => {
			const padded = side + (pads[i] ?? 0) + (pads[i + sides.length] ?? 0);
			return Math.floor((padded - kernel[i]!) / (strides[i] ?? 1)) + 1;
		});
		return [{ dims: [images!, channels!, ...out] }];
	}
};
