/** How a decoder layer attends: by one fused kernel, from plain operators, or a second time from what it kept. */
import { Graph } from '../../onnx/graph.ts';
import {
	Add,
	Cast,
	Concat,
	Gather,
	GroupQueryAttention,
	LessOrEqual,
	MatMul,
	Mul,
	Range,
	Reshape,
	Shape,
	Slice,
	Softmax,
	Transpose,
	Unsqueeze,
	Where
} from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import { attentionScale, type TextConfig } from '../config.ts';
import { dims } from '../dims.ts';
import type { FloatType } from '../../kernels/encode.ts';
import { mergeHeads, splitHeads } from '../layers.ts';
import { rotate, type RopeCaches } from './rope.ts';

/** `fused` is GroupQueryAttention (fast; `fitsFusedAttention`), `plain` the same from simple operators. */
export type LanguageAttention = 'fused' | 'plain';

/** Queries, keys and values of a chunk, [batch, position, heads · head_dim] each; all in one, one behind the other, where `key` and `value` are absent. */
export interface Projected {
	readonly query: Value;
	readonly key?: Value;
	readonly value?: Value;
}

/** With the cache [batch, kv_head, past, head_dim]. */
interface AttentionInputs extends Projected {
	readonly pastKey: Value;
	readonly pastValue: Value;
}

/** How a layer attends: output [batch, position, H · dh] and the cache with the chunk, [batch, kv_head, total, dh]. */
export type SelfAttention = (
	g: Graph,
	x: AttentionInputs
) => { output: Value; presentKey: Value; presentValue: Value };

/** GroupQueryAttention: rotary embedding, causal mask and cache in one kernel. Needs head_dim to be a multiple of 16. */
export function fusedAttention(g: Graph, config: TextConfig, rope: RopeCaches): SelfAttention {
	const sequence = {
		seqlensK: g.input('seqlens_k', 'int32', [dims.batch]),
		totalSequenceLength: g.input('total_sequence_length', 'int32', [1]),
		...rope
	};
	const options = {
		numHeads: config.num_attention_heads,
		kvNumHeads: config.num_key_value_heads,
		scale: attentionScale(config)
	};
	return (layer, { query, key, value, ...past }) =>
		GroupQueryAttention(layer, { query, key, value, ...past, ...sequence }, options);
}

/**
 * The same from plain operators, for any head_dim. Computed in float32 whatever the type, in which the cache is kept.
 *
 *   k ─ rope ─ [past; k] ─ ᵀ ┐
 *   q ─ rope ─ ×scale ───────┴ MatMul ─ + mask ─ Softmax ┐
 *   v ──────── [past; v] ────────────────────────────────┴ MatMul ─ merge heads
 *
 * With fewer kv heads, the query heads that share one lie on an axis of their own: [batch, kv_head, group, position, …].
 */
export function plainAttention(
	g: Graph,
	config: TextConfig,
	rope: RopeCaches,
	type: FloatType
): SelfAttention {
	const { num_attention_heads: H, num_key_value_heads: KV, head_dim: dh } = config;
	const positions = g.input('position_ids', 'int64', [dims.batch, dims.position]);
	const total = g.input('total_sequence_length', 'int32', [1]);
	// cos and sin of the chunk's positions, [batch, 1, position, dh/2]
	const angles = (name: 'cos' | 'sin') => {
		const scope = g.scope(`rope/${name}`);
		return Unsqueeze(scope, Gather(scope, rope[`${name}Cache`], positions, 0), [1]);
	};
	const chunk = { cos: angles('cos'), sin: angles('sin') };
	const bias = causalBias(g, positions, total);
	const scale = g.scalar(attentionScale(config));

	return (layer, { query, key, value, pastKey, pastValue }) => {
		if (!key || !value) throw new Error('Plain attention takes queries, keys and values apart.');
		const q = layer.scope('q');
		const k = layer.scope('k');
		const v = layer.scope('v');
		const rotated = (scope: Graph, x: Value, heads: number) =>
			rotate(scope.scope('rope'), splitHeads(scope, Cast(scope, x, 'float32'), heads, dh), chunk);
		const queries = Mul(q, rotated(q, query, H), scale);
		const presentKey = Concat(k, [pastKey, Cast(k.scope('present'), rotated(k, key, KV), type)], 2);
		const presentValue = Concat(v, [pastValue, splitHeads(v, value, KV, dh)], 2);
		const weights = attentionWeights(layer, { queries, keys: presentKey, bias }, config);
		const values = Cast(v.scope('all'), presentValue, 'float32');
		const grouped = H > KV;
		const context = MatMul(layer.scope('context'), weights, grouped ? Unsqueeze(v, values, [2]) : values);
		const heads = grouped ? Reshape(layer.scope('ungroup'), context, [0, H, -1, dh]) : context;
		return { output: mergeHeads(layer, heads, H * dh), presentKey, presentValue };
	};
}

/**
 * softmax(q·kᵀ + bias): queries [batch, head, k, dh], scaled and rotated; keys [batch, kv_head, total, dh], rotated; bias
 * [batch, 1, k, total].
 *
 *   keys ─ ᵀ ─────────────────┐
 *   queries ─ (split groups) ─┴ MatMul ─ + bias ─ Softmax ─ [batch, head, k, total]
 *
 * With fewer kv heads, the query heads that share one lie on an axis of their own: [batch, kv_head, group, k, total].
 */
function attentionWeights(
	g: Graph,
	{ queries, keys, bias }: { readonly queries: Value; readonly keys: Value; readonly bias: Value },
	{ num_attention_heads: H, num_key_value_heads: KV, head_dim: dh }: TextConfig
): Value {
	const grouped = H > KV;
	const k = g.scope('k');
	const q = grouped ? Reshape(g.scope('q').scope('group'), queries, [0, KV, H / KV, -1, dh]) : queries;
	const keyT = Transpose(k, Cast(k.scope('all'), keys, 'float32'), [0, 1, 3, 2]);
	const scores = MatMul(g.scope('scores'), q, grouped ? Unsqueeze(k, keyT, [2]) : keyT);
	return Softmax(g, Add(g, scores, grouped ? Unsqueeze(g, bias, [1]) : bias));
}

/**
 * 0 where key j is seen from position p, j ≤ p, and next to −∞ elsewhere: [batch, 1, position, total].
 *
 *   0 … total − 1 ─────────────────────────┐
 *   positions ─ [batch, 1, position, 1] ─ LessOrEqual ─ Where(0, −3.4e38)
 */
function causalBias(g: Graph, positions: Value, total: Value): Value {
	const mask = g.scope('causal_mask');
	const integer = (value: number) => mask.constant({ dtype: 'int32', dims: [], data: Int32Array.of(value) });
	const keys = Range(mask, integer(0), Reshape(mask, total, []), integer(1));
	const seen = LessOrEqual(mask, keys, Unsqueeze(mask, Cast(mask, positions, 'int32'), [1, 3]));
	return Where(mask, seen, mask.scalar(0), mask.scalar(-3.4e38));
}

/**
 * Attention of one layer, from the queries and keys that a language graph gives; it has no weights.
 *
 *   query [batch, position, H · dh, …] ─ rows ─ first H · dh ─ rope ─ ×scale ┐
 *   key [batch, kv_head, total, dh] ─ ᵀ ─────────────────────────────────────┴ MatMul ─ + mask ─ Softmax ─ columns ─ attention [batch, head, k, c]
 *
 * `rows` [k] are the places in `query` that are asked, `position_ids` [batch, k] their positions, `cos` and `sin` [k, dh/2] their angles
 * (`ropeAngles`), `columns` [c] the keys whose shares are wanted. Keys are rotated already, as the cache keeps them. Computed in float32
 * whatever the type.
 */
export function attentionGraph(config: TextConfig, type: FloatType): Graph {
	const g = new Graph('attention');
	const { num_attention_heads: H, num_key_value_heads: KV, head_dim: dh } = config;
	const projected = g.input('query', type, [dims.batch, dims.position, 'projected']);
	const asked = g.input('rows', 'int64', ['query']);
	const keys = g.input('key', type, [dims.batch, KV, dims.total, dh]);
	const positions = g.input('position_ids', 'int64', [dims.batch, 'query']);
	const total = g.input('total_sequence_length', 'int32', [1]);
	const angles = (name: 'cos' | 'sin') => g.input(name, 'float32', ['query', dh / 2]);
	const rows = { cos: angles('cos'), sin: angles('sin') };
	const columns = g.input('columns', 'int64', ['column']);
	const q = g.scope('q');
	const query = Slice(q, Gather(q, projected, asked, 1), q.ints([0]), q.ints([H * dh]), [2]);
	const split = splitHeads(q, Cast(q, query, 'float32'), H, dh);
	const queries = Mul(q, rotate(q.scope('rope'), split, rows), g.scalar(attentionScale(config)));
	const bias = causalBias(g, positions, total);
	const weights = attentionWeights(g, { queries, keys, bias }, config);
	const grouped = H > KV;
	const wanted = Gather(g.scope('columns'), weights, columns, grouped ? 4 : 3);
	const heads = grouped ? mergeGroups(g.scope('heads'), wanted) : wanted;
	g.output('attention', heads, [dims.batch, H, 'query', 'column']);
	return g;
}

/**
 * x [batch, kv_head, group, position, total] → [batch, head, position, total], whatever the sizes of the last two.
 *
 *   x ─┬─ Shape ─ Concat(batch, −1, position, total) ─┐
 *      └───────────────────────────────────────── Reshape
 */
function mergeGroups(g: Graph, x: Value): Value {
	const shape = Concat(g, [Shape(g, x, 0, 1), g.ints([-1]), Shape(g.scope('rest'), x, 3, 5)], 0);
	return Reshape(g, x, shape);
}
