/**
 * Operators under their ONNX names, each one node. `com.microsoft` ones say so.
 * Every function takes the graph (or a scope of it) first.
 */
import type { Graph } from './graph.ts';
import { float, int, ints, onnxDataType, type Value, type ValueType } from './types.ts';

const microsoft = { domain: 'com.microsoft' };

// Elementwise
export const Add = (g: Graph, a: Value, b: Value) => g.op('Add', [a, b]);
export const Sub = (g: Graph, a: Value, b: Value) => g.op('Sub', [a, b]);
export const Mul = (g: Graph, a: Value, b: Value) => g.op('Mul', [a, b]);
export const Abs = (g: Graph, x: Value) => g.op('Abs', [x]);
export const Relu = (g: Graph, x: Value) => g.op('Relu', [x]);
export const Sqrt = (g: Graph, x: Value) => g.op('Sqrt', [x]);
export const Floor = (g: Graph, x: Value) => g.op('Floor', [x]);
export const Sigmoid = (g: Graph, x: Value) => g.op('Sigmoid', [x]);
/** min(1, max(0, x / 6 + ½)), PyTorch's. */
export const HardSigmoid = (g: Graph, x: Value) =>
	g.op('HardSigmoid', [x], { alpha: float(1 / 6), beta: float(0.5) });

/** x·sigmoid(alpha·x) (com.microsoft): CLIP's activation with alpha 1.702, SiLU with alpha 1. */
export const QuickGelu = (g: Graph, x: Value, alpha = 1.702) =>
	g.op('QuickGelu', [x], { alpha: float(alpha) }, microsoft);
/** x·Φ(x), exact. */
export const Gelu = (g: Graph, x: Value) => g.op('Gelu', [x]);
/** The same with Φ by the hyperbolic tangent (com.microsoft). */
export const FastGelu = (g: Graph, x: Value) => g.op('FastGelu', [x], {}, microsoft);
export const SiLU = (g: Graph, x: Value) => QuickGelu(g, x, 1);

/** Does nothing when the value has that type already. */
export const Cast = (g: Graph, x: Value, to: ValueType) =>
	x.dtype === to ? x : g.op('Cast', [x], { to: int(onnxDataType[to]) }, { dtype: to });

// Matrices
export const MatMul = (g: Graph, a: Value, b: Value) => g.op('MatMul', [a, b]);
export const Softmax = (g: Graph, x: Value, axis = -1) => g.op('Softmax', [x], { axis: int(axis) });

// Shapes
export const Shape = (g: Graph, x: Value, start: number, end: number) =>
	g.op('Shape', [x], { start: int(start), end: int(end) }, { dtype: 'int64' });
export const Reshape = (g: Graph, x: Value, shape: Value | readonly number[]) =>
	g.op('Reshape', [x, 'name' in shape ? shape : g.ints(shape)]);
export const Transpose = (g: Graph, x: Value, perm: readonly number[]) =>
	g.op('Transpose', [x], { perm: ints(perm) });
export const Concat = (g: Graph, values: readonly Value[], axis: number) =>
	g.op('Concat', values, { axis: int(axis) });
export const Unsqueeze = (g: Graph, x: Value, axes: readonly number[]) =>
	g.op('Unsqueeze', [x, g.ints(axes)]);
export const Expand = (g: Graph, x: Value, shape: Value) => g.op('Expand', [x, shape]);
export const Gather = (g: Graph, x: Value, indices: Value, axis: number) =>
	g.op('Gather', [x, indices], { axis: int(axis) });
export const Slice = (g: Graph, x: Value, starts: Value, ends: Value, axes: readonly number[]) =>
	g.op('Slice', [x, starts, ends, g.ints(axes)]);
export const Split = (g: Graph, x: Value, axis: number, parts: number) =>
	g.node(
		'Split',
		[x],
		{ axis: int(axis), num_outputs: int(parts) },
		{ outputs: Array.from({ length: parts }, () => x.dtype) }
	);
/** 0, 1, … limit − 1 of a scalar limit. */
export const Range = (g: Graph, start: Value, limit: Value, step: Value) =>
	g.op('Range', [start, limit, step]);
export const LessOrEqual = (g: Graph, a: Value, b: Value) =>
	g.op('LessOrEqual', [a, b], {}, { dtype: 'bool' });
export const Where = (g: Graph, condition: Value, a: Value, b: Value) =>
	g.op('Where', [condition, a, b], {}, { dtype: a.dtype });
export const ReduceMean = (g: Graph, x: Value, axes: readonly number[]) =>
	g.op('ReduceMean', [x, g.ints(axes)], { keepdims: int(1) });
/** Sum over `axes`, which are left out. */
export const ReduceSum = (g: Graph, x: Value, axes: readonly number[]) =>
	g.op('ReduceSum', [x, g.ints(axes)], { keepdims: int(0) });

// Normalisation
export const LayerNormalization = (g: Graph, x: Value, scale: Value, bias: Value, epsilon: number) =>
	g.op('LayerNormalization', [x, scale, bias], { axis: int(-1), epsilon: float(epsilon) });
/** RMSNorm: x / sqrt(mean(x²) + eps) · scale. */
export const SimplifiedLayerNormalization = (g: Graph, x: Value, scale: Value, epsilon: number) =>
	g.op('SimplifiedLayerNormalization', [x, scale], { axis: int(-1), epsilon: float(epsilon) });
/** (com.microsoft) residual = x + skip; RMSNorm(residual). Returns both. */
export function SkipSimplifiedLayerNormalization(
	g: Graph,
	x: Value,
	skip: Value,
	scale: Value,
	epsilon: number
): { normed: Value; residual: Value } {
	const [normed, , , residual] = g.node(
		'SkipSimplifiedLayerNormalization',
		[x, skip, scale],
		{ epsilon: float(epsilon) },
		{ ...microsoft, outputs: [x.dtype, null, null, x.dtype] }
	);
	if (!normed || !residual) throw new Error('SkipSimplifiedLayerNormalization made no output.');
	return { normed, residual };
}

// Convolution
export const Conv = (
	g: Graph,
	x: Value,
	weight: Value,
	options: {
		readonly kernel: number;
		readonly stride?: number;
		readonly pad?: number;
		readonly group?: number;
		/** [channels out] */
		readonly bias?: Value;
	}
) => {
	const { kernel, stride = 1, pad = 0, group = 1, bias } = options;
	return g.op('Conv', bias ? [x, weight, bias] : [x, weight], {
		kernel_shape: ints([kernel, kernel]),
		strides: ints([stride, stride]),
		pads: ints([pad, pad, pad, pad]),
		group: int(group)
	});
};

// Quantised (com.microsoft)
/** y = x · dequantise(weight)ᵀ; weight uint8 [N, ceil(K/block), block·bits/8]. */
export const MatMulNBits = (
	g: Graph,
	x: Value,
	weight: { readonly packed: Value; readonly scales: Value; readonly zeroPoints: Value },
	options: { readonly N: number; readonly K: number; readonly bits: number; readonly block: number }
) =>
	g.op(
		'MatMulNBits',
		[x, weight.packed, weight.scales, weight.zeroPoints],
		{ N: int(options.N), K: int(options.K), bits: int(options.bits), block_size: int(options.block) },
		microsoft
	);

// Attention (com.microsoft)
export interface GroupQueryAttentionInputs {
	/** [batch, position, heads·head_dim], or, without key and value, those of all three side by side */
	readonly query: Value;
	/** [batch, position, kv_heads·head_dim] */
	readonly key: Value | undefined;
	readonly value: Value | undefined;
	/** [batch, kv_heads, past, head_dim] */
	readonly pastKey: Value;
	readonly pastValue: Value;
	/** int32 [batch]: total length − 1 */
	readonly seqlensK: Value;
	/** int32 [1] */
	readonly totalSequenceLength: Value;
	/** [max position, head_dim / 2] */
	readonly cosCache: Value;
	readonly sinCache: Value;
}

/** Causal attention with rotary embedding and KV cache inside. */
export function GroupQueryAttention(
	g: Graph,
	x: GroupQueryAttentionInputs,
	options: { readonly numHeads: number; readonly kvNumHeads: number; readonly scale: number }
): { output: Value; presentKey: Value; presentValue: Value } {
	const type = x.query.dtype;
	const [output, presentKey, presentValue] = g.node(
		'GroupQueryAttention',
		[
			x.query,
			x.key,
			x.value,
			x.pastKey,
			x.pastValue,
			x.seqlensK,
			x.totalSequenceLength,
			x.cosCache,
			x.sinCache
		],
		{
			num_heads: int(options.numHeads),
			kv_num_heads: int(options.kvNumHeads),
			scale: float(options.scale),
			do_rotary: int(1),
			rotary_interleaved: int(0)
		},
		{ ...microsoft, outputs: [type, type, type] }
	);
	if (!output || !presentKey || !presentValue) throw new Error('GroupQueryAttention made no output.');
	return { output, presentKey, presentValue };
}
