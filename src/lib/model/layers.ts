/**
 * Layers that the towers and projectors are made of, each with the checkpoint keys it reads.
 * Shape letters: B batch or image, T tokens, C channels in, D channels out.
 */
import type { Graph } from '../onnx/graph.ts';
import {
	Add,
	Cast,
	Concat,
	LayerNormalization,
	MatMul,
	MatMulNBits,
	Mul,
	ReduceSum,
	Reshape,
	Slice,
	Softmax,
	Transpose
} from '../onnx/ops.ts';
import type { Value } from '../onnx/types.ts';
import { float32ToHalf } from '../tensor/half.ts';
import { elementCount } from '../tensor/tensor.ts';
import {
	encodeQuantized,
	encodeTransposed,
	encodeValues,
	quantizedSides,
	type FloatType,
	type QuantizedSides
} from '../kernels/encode.ts';
import type { WeightDType } from './manifest.ts';
import type { Module } from './module.ts';
import { BLOCK } from '../kernels/quantize.ts';

const bytesOf = (data: ArrayBufferView): Uint8Array =>
	new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Reads a matrix [rows, columns] and gives it back transposed, [columns, rows]. */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
	const out = new Float32Array(matrix.length);
	// Tiles keep both sides in cache.
	const tile = 32;
	for (let r0 = 0; r0 < rows; r0 += tile)
		for (let c0 = 0; c0 < columns; c0 += tile)
			for (let r = r0; r < Math.min(r0 + tile, rows); r++)
				for (let c = c0; c < Math.min(c0 + tile, columns); c++) out[c * rows + r] = matrix[r * columns + c]!;
	return out;
}

export interface LinearOptions {
	readonly in: number;
	readonly out: number;
	readonly bias?: boolean;
	readonly dtype?: WeightDType;
	/** Shape in the checkpoint when it is not [out, in] (1×1 convolutions). */
	readonly stored?: readonly number[];
}

/** The type a matrix product of this weight type is computed in. */
export function activationType(dtype: WeightDType): FloatType {
	return dtype === 'fp16' || dtype === 'q4f16' ? 'float16' : 'float32';
}

/**
 * Products in float16 that one sum may take. WebGPU kernels add them up in float16, one after the other: of 4096 the sum is off by 1 %
 * where signs differ, of 11008 like signs by 27 %; of 512 by 0.7 % at most.
 */
const HALF_SUM = 512;

/** Length of the parts that a sum of `columns` products in float16 is cut into: all of it when it is short, or has no fitting divisor. */
export function halfSumPart(columns: number): number {
	for (let part = Math.min(columns, HALF_SUM); part >= HALF_SUM / 4; part--)
		if (columns % part === 0) return part;
	return columns;
}

/**
 * Linear layer: y = x·Wᵀ + b; x [B, T, C] → [B, T, D]. Keys `weight` [D, C], `bias` [D]. Computed in the weights' activation
 * type: a float32 input is cast, the output stays in that type (callers cast back for the residual stream).
 *
 *   fp32, fp16:       x ─ MatMul(W stored transposed) ─ Add(b)
 *   fp16, C long:     x ─ in n parts [B, n, T, C/n] ─ MatMul(the same W as [n, C/n, D]) ─ sum over n ─ Add(b)
 *   q8, q4, q4f16:    x ─ MatMulNBits(packed, scales, zero points) ─ Add(b)
 */
export function linear(module: Module, x: Value, options: LinearOptions): Value {
	const { in: columns, out: rows, bias = true, dtype = 'fp32', stored = [rows, columns] } = options;
	const { graph: g, state } = module;
	const key = `${module.key}.weight`;
	state.expect(key, stored);
	const type = activationType(dtype);
	const input = Cast(g, x, type);
	let y: Value;
	if (dtype === 'fp32' || dtype === 'fp16') {
		const part = dtype === 'fp16' ? halfSumPart(columns) : columns;
		const parts = columns / part;
		const weight = g.weight({
			name: `${key}.T`,
			dtype: type,
			dims: parts > 1 ? [parts, part, rows] : [columns, rows],
			async *pieces() {
				yield* encodeTransposed(await state.reader(key), rows, columns, type);
			}
		});
		if (parts > 1) {
			const cut = Transpose(g, Reshape(g, input, [0, 0, parts, part]), [0, 2, 1, 3]);
			y = ReduceSum(g, MatMul(g, cut, weight), [1]);
		} else y = MatMul(g, input, weight);
	} else {
		const bits = dtype === 'q8' ? 8 : 4;
		const weight = quantizedWeights(module.at('weight'), { rows, columns, bits, scaleType: type });
		y = MatMulNBits(g, input, weight, { N: rows, K: columns, bits, block: BLOCK });
	}
	return bias ? Add(g, y, module.at('bias').parameter([rows], { type })) : y;
}

function encode(values: Float32Array, type: FloatType): Uint8Array {
	return bytesOf(type === 'float32' ? values : float32ToHalf(values));
}

export interface QuantizedOptions {
	/** The matrix [rows, columns]; every row is cut into blocks. */
	readonly rows: number;
	readonly columns: number;
	readonly bits: 4 | 8;
	readonly scaleType: FloatType;
	/** Shape of the packed values, [rows, blocks, bytes of a block] when absent. */
	readonly packedDims?: readonly number[];
	/** Matrices that it is made of, one below the other, with their rows; the one of the module's own key when absent. */
	readonly parts?: readonly { readonly key: string; readonly rows: number }[];
}

/**
 * The three tensors of the matrix with this key, quantised in blocks: packed uint8 `packedDims`, scales [rows, blocks],
 * zero points uint8 [rows, ceil(blocks · bits / 8)]. Quantised once, whichever is written first.
 */
export function quantizedWeights(
	{ graph: g, state, key }: Module,
	options: QuantizedOptions
): { packed: Value; scales: Value; zeroPoints: Value } {
	const { rows, columns, bits, scaleType, parts = [{ key, rows }] } = options;
	const blocks = Math.ceil(columns / BLOCK);
	const { packedDims = [rows, blocks, (BLOCK * bits) / 8] } = options;
	// The scales and zero points lie behind the packed values, which they are made with: kept until both are taken.
	let kept: QuantizedSides[] | undefined;
	let left = 2;
	async function* packedPieces() {
		const all: QuantizedSides[] = [];
		for (const part of parts) {
			const sides = quantizedSides(part.rows, columns, bits, scaleType);
			const pieces = encodeQuantized(await state.reader(part.key), part.rows, columns, bits, sides);
			yield* parts.length > 1 ? copied(pieces) : pieces;
			all.push(sides);
		}
		kept = all;
		left = 2;
	}
	const side = async function* (take: (sides: QuantizedSides) => Uint8Array) {
		// Another thread may have written the packed values, in the shard before.
		if (!kept) for await (const _ of packedPieces());
		const all = kept!.map(take);
		if (--left === 0) kept = undefined;
		yield* all;
	};
	return {
		packed: g.weight({ name: `${key}.q${bits}`, dtype: 'uint8', dims: packedDims, pieces: packedPieces }),
		scales: g.weight({
			name: `${key}.scales`,
			dtype: scaleType,
			dims: [rows, blocks],
			pieces: () => side(({ scales }) => scales)
		}),
		zeroPoints: g.weight({
			name: `${key}.zero_points`,
			dtype: 'uint8',
			dims: [rows, Math.ceil((blocks * bits) / 8)],
			pieces: () => side(({ zeroPoints }) => zeroPoints)
		})
	};
}

/** Pieces that stay valid: those of the next matrix are made in the same memory. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
	for await (const piece of pieces) yield piece.slice();
}

/** Whether `joinedLinear` can be had: rows of blocks lie one after the other, those of float matrices, stored transposed, do not. */
export function canJoin(dtype: WeightDType): boolean {
	return dtype !== 'fp32' && dtype !== 'fp16';
}

export interface JoinedOptions extends Pick<LinearOptions, 'in' | 'bias'> {
	/** What the matrix is called. */
	readonly name: string;
	/** Layers of the same input, with their widths. */
	readonly parts: readonly { readonly name: string; readonly out: number }[];
	readonly dtype: WeightDType;
}

/**
 * Linear layers of one input as one product: x [B, T, C] → [B, T, ΣD], side by side what each would give. Keys `<part>.weight` [D, C],
 * `<part>.bias` [D].
 *
 *   x ─ MatMulNBits(packed, scales, zero points, one below the other) ─ Add(b)
 */
export function joinedLinear(
	above: Module,
	x: Value,
	{ in: columns, bias = true, name, parts, dtype }: JoinedOptions
): Value {
	if (!canJoin(dtype)) throw new Error(`Matrices stored as ${dtype} are not joined.`);
	const module = above.at(name);
	const { graph: g, state } = module;
	const type = activationType(dtype);
	const rows = parts.reduce((sum, { out }) => sum + out, 0);
	const keyed = (what: 'weight' | 'bias', dims: (out: number) => readonly number[]) =>
		parts.map((part) => {
			const { key } = above.at(`${part.name}.${what}`);
			state.expect(key, dims(part.out));
			return { key, rows: part.out };
		});
	const bits = dtype === 'q8' ? 8 : 4;
	const matrices = keyed('weight', (out) => [out, columns]);
	const weight = quantizedWeights(module.at('weight'), {
		...{ rows, columns, bits, scaleType: type },
		parts: matrices
	});
	const y = MatMulNBits(g, Cast(g, x, type), weight, { N: rows, K: columns, bits, block: BLOCK });
	if (!bias) return y;
	const biases = keyed('bias', (out) => [out]);
	const added = g.weight({
		name: `${module.key}.bias`,
		dtype: type,
		dims: [rows],
		async *pieces() {
			for (const { key } of biases) yield* copied(encodeValues(await state.reader(key), type));
		}
	});
	return Add(g, y, added);
}

/** LayerNorm over the last axis of x [B, T, C], in float32. Keys `weight`, `bias` [C]. */
export function layerNorm(
	module: Module,
	x: Value,
	options: { readonly size: number; readonly epsilon: number }
): Value {
	const { graph } = module;
	const dims = [options.size];
	return LayerNormalization(
		graph,
		Cast(graph, x, 'float32'),
		module.at('weight').parameter(dims),
		module.at('bias').parameter(dims),
		options.epsilon
	);
}

/** x [B, T, H·dh] ─ Reshape ─ [B, T, H, dh] ─ ᵀ ─ [B, H, T, dh] */
export function splitHeads(g: Graph, x: Value, heads: number, headDim: number): Value {
	return Transpose(g, Reshape(g, x, [0, 0, heads, headDim]), [0, 2, 1, 3]);
}

/** x [B, H, T, dh] ─ ᵀ ─ [B, T, H, dh] ─ Reshape ─ [B, T, H·dh] */
export function mergeHeads(g: Graph, x: Value, width: number): Value {
	return Reshape(g, Transpose(g, x, [0, 2, 1, 3]), [0, 0, width]);
}

interface AttentionOptions {
	readonly heads: number;
	readonly width: number;
	/** Turns queries and keys [B, H, T, dh] by their places (rotary embedding). */
	readonly turn?: (g: Graph, x: Value) => Value;
}

/**
 * softmax(Q·Kᵀ / sqrt(dh))·V without a mask, in float32. The scale is applied to q, as upstream does.
 *
 *   q [B, T, D] ─ ×scale ─ heads ─┐
 *   k [B, S, D] ─ heads ─ ᵀ ──────┴ MatMul ─ Softmax ─┐            attention [B, H, T, S]
 *   v [B, S, D] ─ heads ──────────────────────────────┴ MatMul ─ merge ─ context [B, T, D]
 */
export function attention(
	g: Graph,
	{ q, k, v }: { readonly q: Value; readonly k: Value; readonly v: Value },
	{ heads, width }: Pick<AttentionOptions, 'heads' | 'width'>
): { context: Value; attention: Value } {
	const headDim = width / heads;
	const scale = g.scalar(1 / Math.sqrt(headDim));
	const query = splitHeads(g.scope('q'), Mul(g.scope('q'), q, scale), heads, headDim);
	const keyT = Transpose(g.scope('k'), Reshape(g.scope('k'), k, [0, 0, heads, headDim]), [0, 2, 3, 1]);
	const value = splitHeads(g.scope('v'), v, heads, headDim);
	const weights = Softmax(g, MatMul(g.scope('scores'), query, keyT));
	return { context: mergeHeads(g, MatMul(g.scope('context'), weights, value), width), attention: weights };
}

/**
 * The same head by head, for pictures whose scores of all heads at once would take more memory than there is: of 5120 patches and 16 heads
 * 1.7 GB, of one head 105 MB.
 *
 *   q, k, v ─ heads ─ (turn) ─ Slice ─ for each head MatMul ─ Softmax ─ MatMul ─ Concat ─ merge ─ context [B, T, D]
 */
export function attentionByHead(
	g: Graph,
	{ q, k, v }: { readonly q: Value; readonly k: Value; readonly v: Value },
	{ heads, width, turn }: AttentionOptions
): Value {
	const headDim = width / heads;
	const each = (name: string, x: Value, turned: boolean) => {
		const scope = g.scope(name);
		const split = splitHeads(scope, x, heads, headDim);
		const all = turn && turned ? turn(scope, split) : split;
		return (i: number) => Slice(scope.scope(`${i}`), all, g.ints([i]), g.ints([i + 1]), [1]);
	};
	const scaled = Mul(g.scope('q').scope('scaled'), q, g.scalar(1 / Math.sqrt(headDim)));
	const [query, key, value] = [each('q', scaled, true), each('k', k, true), each('v', v, false)];
	const contexts = Array.from({ length: heads }, (_, i) => {
		const head = g.scope(`head.${i}`);
		const keyT = Transpose(head.scope('k'), key(i), [0, 1, 3, 2]);
		return MatMul(
			head.scope('context'),
			Softmax(head, MatMul(head.scope('scores'), query(i), keyT)),
			value(i)
		);
	});
	return mergeHeads(g, joinHeads(g.scope('heads'), contexts), width);
}

/** Inputs of one Concat at most: WebGPU binds few buffers to a kernel, 8 where an adapter promises no more. */
const JOINED = 4;

/** Heads [B, 1, T, dh] as [B, H, T, dh]. */
function joinHeads(g: Graph, parts: readonly Value[]): Value {
	if (parts.length === 1) return parts[0]!;
	const groups = Array.from({ length: Math.ceil(parts.length / JOINED) }, (_, i) => {
		const group = parts.slice(i * JOINED, (i + 1) * JOINED);
		return group.length === 1 ? group[0]! : Concat(g.scope(`${i}`), group, 1);
	});
	return joinHeads(g.scope('of'), groups);
}

/** A constant of the graph's own (not from the checkpoint), kept in the weight shard under the module's key. */
export function computed(
	{ graph, key: name }: Module,
	dims: readonly number[],
	values: () => Float32Array,
	type: FloatType = 'float32'
): Value {
	return graph.weight({
		name,
		dtype: type,
		dims,
		async *pieces() {
			const data = values();
			if (data.length !== elementCount(dims))
				throw new Error(`${name}: ${data.length} values for [${dims.join()}].`);
			yield encode(data, type);
		}
	});
}
