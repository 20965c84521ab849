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
	SiLU,
	SimplifiedLayerNormalization,
	SkipSimplifiedLayerNormalization,
	Slice,
	Softmax,
	Split,
	Sub,
	Transpose,
	Unsqueeze,
	Where
} from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import type { TextConfig } from '../config.ts';
import { dims } from '../dims.ts';
import {
	activationType,
	computed,
	linear,
	mergeHeads,
	parameter,
	quantizedWeights,
	splitHeads
} from '../layers.ts';
import type { WeightDType } from '../manifest.ts';
import { BLOCK } from '../quantize.ts';
import type { StateDict } from '../state-dict.ts';

const PREFIX = 'language_model';

/** `fused` is GroupQueryAttention (fast; head_dim must be a multiple of 16), `plain` the same from simple operators. */
export type LanguageAttention = 'fused' | 'plain';

/** The type of past_key_values for a language dtype. */
export function kvType(dtype: WeightDType): 'float32' | 'float16' {
	return activationType(dtype);
}

export interface LanguageGraphOptions {
	readonly attention?: LanguageAttention;
	/** Decoder layers `[from, to)`; all of them when absent. */
	readonly layers?: readonly [from: number, to: number];
}

/**
 * LLaMA decoder (SPEC §5; upstream: transformers LlamaForCausalLM), or some of its layers. O width, V vocabulary.
 *
 *   inputs_embeds [batch, position, O] ─ layers ─ norm ─ rows logit_positions ─ lm_head ─ logits [batch, k, V]
 *   layer:  h += o_proj(GQA(rope(q), rope(k), v))  on RMSNorm(h)
 *           h += down(SiLU(gate) · up)             on RMSNorm(h)
 *
 * A model cut before layer i hands over `handed.i.residual` and `handed.i.update`, the two terms of h: their sum and the norm
 * after it stay one node, so that the parts compute bit by bit what the whole does.
 *
 * `query.i` [batch, k, heads · head_dim] are the queries of layer i at the rows logit_positions, before the rotary embedding:
 * with the keys of the cache they give the attention (`attentionGraph`) without a second graph of the model.
 *
 * The residual stream and the norms stay float32 whatever the weights' type.
 */
export function languageGraph(
	config: TextConfig,
	state: StateDict,
	dtype: WeightDType,
	{
		attention = config.head_dim % 16 === 0 ? 'fused' : 'plain',
		layers: [from, to] = [0, config.num_hidden_layers]
	}: LanguageGraphOptions = {}
): Graph {
	const g = new Graph('language');
	const { hidden_size: O, vocab_size: V, num_hidden_layers: L, rms_norm_eps: eps } = config;
	const hiddenDims = [dims.batch, dims.position, O];
	const norm = (key: string) => parameter(g, state, `${PREFIX}.model.${key}.weight`, [O]);
	/** What comes before layer i: the sum that is layer i's input, and its norm. */
	const enter = (i: number, sum: Handed) => {
		const last = i === L;
		const name = last ? 'norm' : `layers.${i}.input_layernorm`;
		return SkipSimplifiedLayerNormalization(
			g.scope(name.replace('.input', '/input')),
			sum.residual,
			sum.update,
			norm(name),
			eps
		);
	};

	const inputs = from === 0 ? (['inputs_embeds'] as const) : handedNames(from);
	const [first, update] = inputs.map((name) => g.input(name, 'float32', hiddenDims));
	if (!first) throw new Error('A language graph has an input.');
	const fused = attention === 'fused';
	const rope = ropeCaches(g, config, fused ? kvType(dtype) : 'float32');
	const attend = fused ? fusedAttention(g, config, rope) : plainAttention(g, config, rope, kvType(dtype));
	const logitPositions = g.input('logit_positions', 'int64', ['logit_position']);

	let { residual, normed } = update
		? enter(from, { residual: first, update })
		: {
				residual: first,
				normed: SimplifiedLayerNormalization(
					g.scope('layers.0/input_layernorm'),
					first,
					norm('layers.0.input_layernorm'),
					eps
				)
			};
	g.output(`lm.hidden_states.${from}`, residual, hiddenDims);

	for (let i = from; i < to; i++) {
		const layer = g.scope(`layers.${i}`);
		const attended = selfAttention(
			layer.scope('self_attn'),
			normed,
			config,
			state,
			i,
			dtype,
			attend,
			logitPositions
		);
		const middle = SkipSimplifiedLayerNormalization(
			layer.scope('post_attention_layernorm'),
			residual,
			attended,
			norm(`layers.${i}.post_attention_layernorm`),
			eps
		);
		const sum = {
			residual: middle.residual,
			update: mlp(layer.scope('mlp'), middle.normed, config, state, i, dtype)
		};
		if (i + 1 === to && to < L) {
			const [residualName, updateName] = handedNames(to);
			g.output(residualName, sum.residual, hiddenDims);
			g.output(updateName, sum.update, hiddenDims);
			break;
		}
		({ normed, residual } = enter(i + 1, sum));
		// Upstream's last hidden state is the one after the final norm.
		g.output(`lm.hidden_states.${i + 1}`, i + 1 === L ? normed : residual, hiddenDims);
	}

	if (to === L) {
		const rows = Gather(g.scope('lm_head'), normed, logitPositions, 1);
		const logits = languageHead(g, rows, config, state, dtype);
		g.output('logits', logits, [dims.batch, 'logit_position', V]);
	}
	return g;
}

/** The two terms of the hidden state before a layer, float32 [batch, position, O]. */
interface Handed {
	readonly residual: Value;
	readonly update: Value;
}

/** What a language graph that ends before layer i gives, and the one that begins there takes. */
export function handedNames(layer: number): readonly [residual: string, update: string] {
	return [`handed.${layer}.residual`, `handed.${layer}.update`];
}

/** Logits [batch, k, V] of normed rows [batch, k, O], float32. */
function languageHead(
	g: Graph,
	rows: Value,
	config: TextConfig,
	state: StateDict,
	dtype: WeightDType
): Value {
	const tied = config.tie_word_embeddings && !state.has(`${PREFIX}.lm_head.weight`);
	const key = tied ? `${PREFIX}.model.embed_tokens` : `${PREFIX}.lm_head`;
	const shape = { in: config.hidden_size, out: config.vocab_size, bias: false, dtype };
	return Cast(g.scope('lm_head'), linear(g, rows, state, key, shape), 'float32');
}

/**
 * Logit lens: hidden states of any layer read as if they were the last one.
 *
 *   hidden_states [batch, position, O] ─ norm ─ lm_head ─ logits [batch, position, V]
 *
 * The last of `lm.hidden_states` is normed already and must not go through it again.
 */
export function lensGraph(config: TextConfig, state: StateDict, dtype: WeightDType): Graph {
	const g = new Graph('lens');
	const { hidden_size: O, vocab_size: V } = config;
	const hidden = g.input('hidden_states', 'float32', [dims.batch, dims.position, O]);
	const scale = parameter(g, state, `${PREFIX}.model.norm.weight`, [O]);
	const normed = SimplifiedLayerNormalization(g.scope('norm'), hidden, scale, config.rms_norm_eps);
	g.output('logits', languageHead(g, normed, config, state, dtype), [dims.batch, dims.position, V]);
	return g;
}

/** How a layer attends, given its projected q, k, v and its cache. Adds the graph inputs it needs. */
interface SelfAttention {
	(
		g: Graph,
		x: {
			readonly query: Value;
			readonly key: Value;
			readonly value: Value;
			readonly pastKey: Value;
			readonly pastValue: Value;
		}
	): { output: Value; presentKey: Value; presentValue: Value };
}

function selfAttention(
	g: Graph,
	x: Value,
	config: TextConfig,
	state: StateDict,
	index: number,
	dtype: WeightDType,
	attend: SelfAttention,
	logitPositions: Value
): Value {
	const { hidden_size: O, num_attention_heads: H, num_key_value_heads: KV, head_dim: dh } = config;
	const key = `${PREFIX}.model.layers.${index}.self_attn`;
	const type = kvType(dtype);
	const cacheDims = (length: string) => [dims.batch, KV, length, dh];
	const past = (what: 'key' | 'value') =>
		g.input(`past_key_values.${index}.${what}`, type, cacheDims(dims.past));
	const input = Cast(g, x, type);
	const project = (name: string, heads: number) =>
		linear(g, input, state, `${key}.${name}`, { in: O, out: heads * dh, bias: false, dtype });
	const query = project('q_proj', H);
	const asking = Gather(g.scope('asking'), query, logitPositions, 1);
	g.output(`query.${index}`, asking, [dims.batch, 'logit_position', H * dh]);
	const { output, presentKey, presentValue } = attend(g, {
		query,
		key: project('k_proj', KV),
		value: project('v_proj', KV),
		pastKey: past('key'),
		pastValue: past('value')
	});
	g.output(`present.${index}.key`, presentKey, cacheDims(dims.total));
	g.output(`present.${index}.value`, presentValue, cacheDims(dims.total));
	const projected = linear(g, output, state, `${key}.o_proj`, { in: H * dh, out: O, bias: false, dtype });
	return Cast(g, projected, 'float32');
}

/** GroupQueryAttention: rotary embedding, causal mask and cache in one kernel. Needs head_dim to be a multiple of 16. */
function fusedAttention(g: Graph, config: TextConfig, rope: RopeCaches): SelfAttention {
	const sequence = {
		seqlensK: g.input('seqlens_k', 'int32', [dims.batch]),
		totalSequenceLength: g.input('total_sequence_length', 'int32', [1]),
		...rope
	};
	const options = {
		numHeads: config.num_attention_heads,
		kvNumHeads: config.num_key_value_heads,
		scale: 1 / Math.sqrt(config.head_dim)
	};
	return (layer, x) => GroupQueryAttention(layer, { ...x, ...sequence }, options);
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
function plainAttention(
	g: Graph,
	config: TextConfig,
	rope: RopeCaches,
	type: 'float32' | 'float16'
): SelfAttention {
	const { num_attention_heads: H, num_key_value_heads: KV, head_dim: dh } = config;
	const group = H / KV;
	const positions = g.input('position_ids', 'int64', [dims.batch, dims.position]);
	const total = g.input('total_sequence_length', 'int32', [1]);
	// cos and sin of the chunk's positions, [batch, 1, position, dh/2]
	const angles = (cache: Value, name: string) =>
		Unsqueeze(g.scope(`rope/${name}`), Gather(g.scope(`rope/${name}`), cache, positions, 0), [1]);
	const cos = angles(rope.cosCache, 'cos');
	const sin = angles(rope.sinCache, 'sin');
	const bias = causalBias(g, positions, total);
	const scale = g.scalar(1 / Math.sqrt(dh));

	return (layer, { query, key, value, pastKey, pastValue }) => {
		const q = layer.scope('q');
		const k = layer.scope('k');
		const v = layer.scope('v');
		const turned = (scope: Graph, x: Value, heads: number) =>
			rotate(scope.scope('rope'), splitHeads(scope, Cast(scope, x, 'float32'), heads, dh), cos, sin);
		const rotated = Mul(q, turned(q, query, H), scale);
		const presentKey = Concat(k, [pastKey, Cast(k.scope('present'), turned(k, key, KV), type)], 2);
		const presentValue = Concat(v, [pastValue, splitHeads(v, value, KV, dh)], 2);
		const grouped = group > 1;
		const queries = grouped ? Reshape(q.scope('group'), rotated, [0, KV, group, -1, dh]) : rotated;
		const keyT = Transpose(k, Cast(k.scope('all'), presentKey, 'float32'), [0, 1, 3, 2]);
		const scores = MatMul(layer.scope('scores'), queries, grouped ? Unsqueeze(k, keyT, [2]) : keyT);
		const masked = Add(layer, scores, grouped ? Unsqueeze(layer, bias, [1]) : bias);
		const weights = Softmax(layer, masked);
		const values = Cast(v.scope('all'), presentValue, 'float32');
		const context = MatMul(layer.scope('context'), weights, grouped ? Unsqueeze(v, values, [2]) : values);
		const heads = grouped ? Reshape(layer.scope('ungroup'), context, [0, H, -1, dh]) : context;
		return { output: mergeHeads(layer, heads, H * dh), presentKey, presentValue };
	};
}

/** Rotary embedding of [batch, head, position, dh], its halves turned against each other. */
function rotate(g: Graph, x: Value, cos: Value, sin: Value): Value {
	const [a, b] = Split(g, x, 3, 2);
	if (!a || !b) throw new Error('Split made no output.');
	const left = Sub(g, Mul(g, a, cos), Mul(g, b, sin));
	const right = Add(g, Mul(g, b, cos), Mul(g, a, sin));
	return Concat(g, [left, right], 3);
}

/** 0 where key j is seen from position p, j ≤ p, and next to −∞ elsewhere: [batch, 1, position, total]. */
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
 *   query [batch, k, H · dh] ─ rope ─ ×scale ┐
 *   key [batch, kv_head, total, dh] ─ ᵀ ─────┴ MatMul ─ + mask ─ Softmax ─ columns ─ attention [batch, head, k, c]
 *
 * `position_ids` [batch, k] are the queries' positions, `cos` and `sin` [k, dh/2] their angles (`ropeAngles`), `columns` [c]
 * the keys whose shares are wanted. Keys are rotated already, as the cache keeps them. Computed in float32 whatever the type.
 */
export function attentionGraph(config: TextConfig, type: 'float32' | 'float16'): Graph {
	const g = new Graph('attention');
	const { num_attention_heads: H, num_key_value_heads: KV, head_dim: dh } = config;
	const group = H / KV;
	const query = g.input('query', type, [dims.batch, 'query', H * dh]);
	const key = g.input('key', type, [dims.batch, KV, dims.total, dh]);
	const positions = g.input('position_ids', 'int64', [dims.batch, 'query']);
	const total = g.input('total_sequence_length', 'int32', [1]);
	const [cos, sin] = ['cos', 'sin'].map((name) => g.input(name, 'float32', ['query', dh / 2]));
	const columns = g.input('columns', 'int64', ['column']);
	const q = g.scope('q');
	const split = splitHeads(q, Cast(q, query, 'float32'), H, dh);
	const rotated = Mul(q, rotate(q.scope('rope'), split, cos!, sin!), g.scalar(1 / Math.sqrt(dh)));
	const grouped = group > 1;
	const queries = grouped ? Reshape(q.scope('group'), rotated, [0, KV, group, -1, dh]) : rotated;
	const k = g.scope('k');
	const keyT = Transpose(k, Cast(k, key, 'float32'), [0, 1, 3, 2]);
	const scores = MatMul(g.scope('scores'), queries, grouped ? Unsqueeze(k, keyT, [2]) : keyT);
	const bias = causalBias(g, positions, total);
	const shares = Softmax(g, Add(g, scores, grouped ? Unsqueeze(g, bias, [1]) : bias));
	const wanted = Gather(g.scope('columns'), shares, columns, grouped ? 4 : 3);
	const heads = grouped ? mergeGroups(g.scope('heads'), wanted) : wanted;
	g.output('attention', heads, [dims.batch, H, 'query', 'column']);
	return g;
}

/** [batch, kv_head, group, position, total] → [batch, head, position, total] */
function mergeGroups(g: Graph, x: Value): Value {
	const shape = Concat(g, [Shape(g, x, 0, 1), g.ints([-1]), Shape(g.scope('rest'), x, 3, 5)], 0);
	return Reshape(g, x, shape);
}

/** down(SiLU(gate x) · up x) */
function mlp(
	g: Graph,
	x: Value,
	config: TextConfig,
	state: StateDict,
	index: number,
	dtype: WeightDType
): Value {
	const { hidden_size: O, intermediate_size: I } = config;
	const key = `${PREFIX}.model.layers.${index}.mlp`;
	const input = Cast(g, x, activationType(dtype));
	const up = linear(g, input, state, `${key}.up_proj`, { in: O, out: I, bias: false, dtype });
	const gate = linear(g, input, state, `${key}.gate_proj`, { in: O, out: I, bias: false, dtype });
	const gated = Mul(g, SiLU(g, gate), up);
	const down = linear(g, gated, state, `${key}.down_proj`, { in: I, out: O, bias: false, dtype });
	return Cast(g, down, 'float32');
}

/** cos and sin of position · theta^(−2i/dh), [max position, dh/2]. */
interface RopeCaches {
	readonly cosCache: Value;
	readonly sinCache: Value;
}

function ropeCaches(g: Graph, config: TextConfig, type: 'float32' | 'float16'): RopeCaches {
	const { head_dim, max_position_embeddings } = config;
	const all = () => Array.from({ length: max_position_embeddings }, (_, position) => position);
	const shape = [max_position_embeddings, head_dim / 2];
	const table = (what: 'cos' | 'sin') => () => ropeAngles(config, all())[what];
	return {
		cosCache: computed(g, 'language_model.rope.cos_cache', shape, table('cos'), type),
		sinCache: computed(g, 'language_model.rope.sin_cache', shape, table('sin'), type)
	};
}

/** cos and sin of position · theta^(−2i/dh), float32 [position, dh/2] each. */
export function ropeAngles(
	{ head_dim, rope_theta }: Pick<TextConfig, 'head_dim' | 'rope_theta'>,
	positions: readonly number[]
): { readonly cos: Float32Array; readonly sin: Float32Array } {
	const half = head_dim / 2;
	// PyTorch computes the angles in float32; following it keeps long positions equal.
	const inverse = Float32Array.from(
		{ length: half },
		(_, i) => 1 / Math.fround(rope_theta ** ((2 * i) / head_dim))
	);
	const cos = new Float32Array(positions.length * half);
	const sin = new Float32Array(positions.length * half);
	positions.forEach((position, row) => {
		for (let i = 0; i < half; i++) {
			const angle = Math.fround(position * inverse[i]!);
			cos[row * half + i] = Math.cos(angle);
			sin[row * half + i] = Math.sin(angle);
		}
	});
	return { cos, sin };
}

/** input_ids [batch, position] → inputs_embeds [batch, position, O], float32. */
export function embeddingGraph(config: TextConfig, state: StateDict, dtype: WeightDType): Graph {
	const g = new Graph('embedding');
	const { hidden_size: O, vocab_size: V } = config;
	const key = `${PREFIX}.model.embed_tokens.weight`;
	const ids = g.input('input_ids', 'int64', [dims.batch, dims.position]);
	state.expect(key, [V, O]);
	let embeds: Value;
	if (dtype === 'fp32' || dtype === 'fp16')
		embeds = Cast(
			g,
			Gather(g, parameter(g, state, key, [V, O], { type: activationType(dtype) }), ids, 0),
			'float32'
		);
	else if (dtype === 'q8') {
		// By simple operators: the runtime with WebGPU has no GatherBlockQuantized for the processor, where rows are looked up.
		const { packed, scales, zeroPoints } = quantizedWeights(g, state, key, V, O, 8, 'float32', [V, O]);
		const rows = (name: string, weight: Value) =>
			Cast(g.scope(name), Gather(g.scope(name), weight, ids, 0), 'float32');
		const blocks = Reshape(g, rows('packed', packed), [0, 0, O / BLOCK, BLOCK]);
		const [scale, zero] = [
			Unsqueeze(g.scope('scales'), rows('scales', scales), [3]),
			Unsqueeze(g.scope('zero_points'), rows('zero_points', zeroPoints), [3])
		];
		embeds = Reshape(g.scope('rows'), Mul(g, Sub(g, blocks, zero), scale), [0, 0, O]);
	} else throw new Error(`Embeddings are not stored as ${dtype}.`);
	g.output('inputs_embeds', embeds, [dims.batch, dims.position, O]);
	return g;
}

/** Keeps the first `keep` positions of one layer's cache. */
export function cacheGraph(config: TextConfig, type: 'float32' | 'float16'): Graph {
	const g = new Graph('cache');
	const { num_key_value_heads: KV, head_dim: dh } = config;
	const keep = g.input('keep', 'int64', [1]);
	for (const what of ['key', 'value']) {
		const x = g.input(what, type, [dims.batch, KV, dims.past, dh]);
		g.output(`kept_${what}`, Slice(g.scope(what), x, g.ints([0]), keep, [2]), [dims.batch, KV, 'kept', dh]);
	}
	return g;
}
