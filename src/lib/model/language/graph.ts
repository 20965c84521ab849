import { Graph } from '../../onnx/graph.ts';
import {
	Cast,
	Gather,
	Mul,
	Reshape,
	SimplifiedLayerNormalization,
	SkipSimplifiedLayerNormalization,
	Slice,
	Sub,
	Unsqueeze
} from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import { activations } from '../activations.ts';
import { fitsFusedAttention, type TextConfig } from '../config.ts';
import { dims } from '../dims.ts';
import type { FloatType } from '../../kernels/encode.ts';
import { activationType, canJoin, joinedLinear, linear, quantizedWeights } from '../layers.ts';
import type { WeightDType } from '../manifest.ts';
import { Module } from '../module.ts';
import { BLOCK } from '../../kernels/quantize.ts';
import type { StateDict } from '../state-dict.ts';
import {
	fusedAttention,
	plainAttention,
	type LanguageAttention,
	type Projected,
	type SelfAttention
} from './attention.ts';
import { ropeCaches } from './rope.ts';

/** Keys of the language model begin with this. */
export const PREFIX = 'language_model';

/** The type of past_key_values for a language dtype. */
export function kvType(dtype: WeightDType): FloatType {
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
 * HyperCLOVA X (transformers HyperCLOVAXForCausalLM) has the factors of muP besides, and norms behind sublayers:
 *
 *   inputs_embeds ─ ×embedding_multiplier ─ layers …                lm_head ─ ×logits_scaling
 *   h += residual_multiplier · post_norm1(o_proj …),  h += residual_multiplier · post_norm2(down …)
 *
 * A model cut before layer i hands over `handed.i.residual` and `handed.i.update`, the two terms of h: their sum and the norm
 * after it stay one node, so that the parts compute bit by bit what the whole does.
 *
 * `query.i` [batch, position, heads · head_dim, …] are the queries of layer i before the rotary embedding, with the keys and values behind
 * them where all three are one product: with the keys of the cache they give the attention (`attentionGraph`) without a second graph of
 * the model.
 *
 * The residual stream and the norms stay float32 whatever the weights' type.
 */
export function languageGraph(
	config: TextConfig,
	state: StateDict,
	dtype: WeightDType,
	{
		attention = fitsFusedAttention(config) ? 'fused' : 'plain',
		layers: [from, to] = [0, config.num_hidden_layers]
	}: LanguageGraphOptions = {}
): Graph {
	const g = new Graph('language');
	const { hidden_size: O, vocab_size: V, num_hidden_layers: L, rms_norm_eps: epsilon } = config;
	const hiddenDims = [dims.batch, dims.position, O];
	const root = languageModule(g, state);
	const decoder = root.at('model', { scope: '' });
	/** The norm before layer i. */
	const normBefore = (i: number) =>
		i === L ? decoder.at('norm') : decoder.at(`layers.${i}`).at('input_layernorm');
	const skipNorm = (norm: Module, { residual, update }: IntermediateTensors) =>
		SkipSimplifiedLayerNormalization(norm.graph, residual, update, norm.at('weight').parameter([O]), epsilon);

	const inputs = from === 0 ? (['inputs_embeds'] as const) : intermediateNames(from);
	const [entering, update] = inputs.map((name) => g.input(name, 'float32', hiddenDims));
	if (!entering) throw new Error('A language graph has an input.');
	const first =
		from === 0 ? scaled(g.scope('embedding_multiplier'), entering, config.embedding_multiplier) : entering;
	const fused = attention === 'fused';
	const rope = ropeCaches(root, config, fused ? kvType(dtype) : 'float32');
	const attend = fused ? fusedAttention(g, config, rope) : plainAttention(g, config, rope, kvType(dtype));
	// Plain attention would split them again.
	const joined = fused && canJoin(dtype);

	const firstNorm = normBefore(from);
	let { residual, normed } = update
		? skipNorm(firstNorm, { residual: first, update })
		: { residual: first, normed: rmsNorm(firstNorm, first, { size: O, epsilon }) };
	root.trace(`hidden_states.${from}`, residual, hiddenDims);

	for (let i = from; i < to; i++) {
		const layer = decoder.at(`layers.${i}`);
		const attended = selfAttention(layer.at('self_attn'), normed, {
			...config,
			...{ index: i, dtype, attend, joined }
		});
		const middle = skipNorm(layer.at('post_attention_layernorm'), {
			residual,
			update: asAdded(layer.at('post_norm1'), attended, config)
		});
		const sum = {
			residual: middle.residual,
			update: asAdded(
				layer.at('post_norm2'),
				mlp(layer.at('mlp'), middle.normed, { ...config, dtype }),
				config
			)
		};
		if (i + 1 === to && to < L) {
			const [residualName, updateName] = intermediateNames(to);
			g.output(residualName, sum.residual, hiddenDims);
			g.output(updateName, sum.update, hiddenDims);
			break;
		}
		({ normed, residual } = skipNorm(normBefore(i + 1), sum));
		// Upstream's last hidden state is the one after the final norm.
		root.trace(`hidden_states.${i + 1}`, i + 1 === L ? normed : residual, hiddenDims);
	}

	if (to === L) {
		const logitPositions = g.input('logit_positions', 'int64', ['logit_position']);
		const rows = Gather(g.scope('lm_head'), normed, logitPositions, 1);
		const logits = languageHead(root, rows, { ...config, dtype });
		g.output('logits', logits, [dims.batch, 'logit_position', V]);
	}
	return g;
}

/** x times a factor that may be absent. */
function scaled(g: Graph, x: Value, factor = 1): Value {
	return factor === 1 ? x : Mul(g, x, g.scalar(factor));
}

/** What a sublayer gives, as it is added: x ─ (RMSNorm) ─ (×residual_multiplier). */
function asAdded(norm: Module, x: Value, config: TextConfig): Value {
	const { hidden_size: size, rms_norm_eps: epsilon } = config;
	const normed = config.post_norm ? rmsNorm(norm, x, { size, epsilon }) : x;
	return scaled(norm.graph.scope('residual_multiplier'), normed, config.residual_multiplier);
}

/** The language model's root module: keys `language_model.…`, trace names `lm.…`. */
function languageModule(g: Graph, state: StateDict): Module {
	return new Module(g, state, { key: PREFIX, trace: 'lm' });
}

/** A config with the type that the weights are stored in. */
type Stored = TextConfig & { readonly dtype: WeightDType };

/** RMSNorm of x [batch, position, C], in float32. Key `weight` [C]. */
function rmsNorm(module: Module, x: Value, { size, epsilon }: { size: number; epsilon: number }): Value {
	return SimplifiedLayerNormalization(module.graph, x, module.at('weight').parameter([size]), epsilon);
}

/** The two terms of the hidden state before a layer, float32 [batch, position, O]. */
interface IntermediateTensors {
	readonly residual: Value;
	readonly update: Value;
}

/** What a language graph that ends before layer i gives, and the one that begins there takes. */
export function intermediateNames(layer: number): readonly [residual: string, update: string] {
	return [`handed.${layer}.residual`, `handed.${layer}.update`];
}

/** rows [batch, k, O], normed ─ lm_head, or embed_tokens where the two are tied (─ without padding) ─ Cast (─ ×logits_scaling) ─ logits [batch, k, V], float32. */
function languageHead(root: Module, rows: Value, config: Stored): Value {
	const { hidden_size, vocab_size, padded_vocab_size, dtype } = config;
	const tied = config.tie_word_embeddings && !root.state.has(`${root.key}.lm_head.weight`);
	const head = tied ? root.at('model.embed_tokens', { scope: 'embed_tokens' }) : root.at('lm_head');
	const padded = tied ? undefined : padded_vocab_size;
	const all = linear(head, rows, { in: hidden_size, out: padded ?? vocab_size, bias: false, dtype });
	const scope = root.graph.scope('lm_head');
	const logits = padded ? Slice(scope, all, scope.ints([0]), scope.ints([vocab_size]), [2]) : all;
	const plain = Cast(scope, logits, 'float32');
	return scaled(root.graph.scope('logits_scaling'), plain, config.logits_scaling);
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
	const root = languageModule(g, state);
	const norm = root.at('model.norm', { scope: 'norm' });
	const normed = rmsNorm(norm, hidden, { size: O, epsilon: config.rms_norm_eps });
	const logits = languageHead(root, normed, { ...config, dtype });
	g.output('logits', logits, [dims.batch, dims.position, V]);
	return g;
}

/**
 * Self-attention of layer `index` without its residual: normed [batch, position, O] → [batch, position, O], float32. Adds the
 * layer's cache to the graph's inputs and outputs, and its queries to the outputs.
 *
 *   normed ─┬─ q_proj ─┬─ query.i
 *           │          └─ attend(past_key_values.i) ─ o_proj ─
 *           ├─ k_proj ────┤          └─ present.i
 *           └─ v_proj ────┘
 *
 * `joined`:
 *
 *   normed ─ qkv_proj ─┬─ query.i
 *                      └─ attend(past_key_values.i) ─ o_proj ─
 */
function selfAttention(
	module: Module,
	normed: Value,
	config: Stored & { readonly index: number; readonly attend: SelfAttention; readonly joined: boolean }
): Value {
	const { num_attention_heads: H, num_key_value_heads: KV, head_dim: dh, hidden_size: O } = config;
	const { index, dtype, attend, joined } = config;
	const { graph: g } = module;
	const type = kvType(dtype);
	const cacheDims = (length: string) => [dims.batch, KV, length, dh];
	const past = (what: 'key' | 'value') =>
		g.input(`past_key_values.${index}.${what}`, type, cacheDims(dims.past));
	const input = Cast(g, normed, type);
	const bias = config.attention_bias ?? false;
	const project = (name: string, heads: number) =>
		linear(module.at(name), input, { in: O, out: heads * dh, bias, dtype });
	const projections = [
		{ name: 'q_proj', out: H * dh },
		{ name: 'k_proj', out: KV * dh },
		{ name: 'v_proj', out: KV * dh }
	];
	const of: Projected = joined
		? { query: joinedLinear(module, input, { in: O, bias, dtype, name: 'qkv_proj', parts: projections }) }
		: { query: project('q_proj', H), key: project('k_proj', KV), value: project('v_proj', KV) };
	g.output(`query.${index}`, of.query, [dims.batch, dims.position, (joined ? H + 2 * KV : H) * dh]);
	const { output, presentKey, presentValue } = attend(g, {
		...of,
		pastKey: past('key'),
		pastValue: past('value')
	});
	g.output(`present.${index}.key`, presentKey, cacheDims(dims.total));
	g.output(`present.${index}.value`, presentValue, cacheDims(dims.total));
	const projected = linear(module.at('o_proj'), output, { in: H * dh, out: O, bias, dtype });
	return Cast(g, projected, 'float32');
}

/**
 * LlamaMLP, down(act(gate x) · up x), act being SiLU in LLaMA itself: x [batch, position, O] → [batch, position, O], float32.
 *
 *   x ─┬─ up_proj ────────┐
 *      └─ gate_proj ─ act ─ Mul [batch, position, I] ─ down_proj ─ Cast ─
 */
function mlp(module: Module, x: Value, config: Stored): Value {
	const { hidden_size: O, intermediate_size: I, dtype, hidden_act = 'silu', mlp_bias: bias = false } = config;
	const { graph: g } = module;
	const project = (name: string, value: Value, from: number, to: number) =>
		linear(module.at(name), value, { in: from, out: to, bias, dtype });
	const input = Cast(g, x, activationType(dtype));
	const up = project('up_proj', input, O, I);
	const gate = project('gate_proj', input, O, I);
	const gated = Mul(g, activations[hidden_act](g, gate), up);
	return Cast(g, project('down_proj', gated, I, O), 'float32');
}

/**
 * input_ids [batch, position] → inputs_embeds [batch, position, O], float32.
 *
 *   fp32, fp16:  embed_tokens ─ Gather(ids) ─ Cast
 *   q8:          packed, scales, zero points ─ Gather(ids) each ─ (packed − zero points) · scales
 */
export function embeddingGraph(config: TextConfig, state: StateDict, dtype: WeightDType): Graph {
	const g = new Graph('embedding');
	const { hidden_size: O, vocab_size: V } = config;
	const root = languageModule(g, state);
	const own = root.at('model.embed_tokens.weight', { scope: '' });
	// Of two tensors that are the same safetensors keeps one, and not always this one.
	const tied = config.tie_word_embeddings && !state.has(own.key);
	const weight = tied ? root.at('lm_head.weight', { scope: '' }) : own;
	const ids = g.input('input_ids', 'int64', [dims.batch, dims.position]);
	let embeds: Value;
	if (dtype === 'fp32' || dtype === 'fp16') {
		const table = weight.parameter([V, O], { type: activationType(dtype) });
		embeds = Cast(g, Gather(g, table, ids, 0), 'float32');
	} else if (dtype === 'q8') {
		state.expect(weight.key, [V, O]);
		// By simple operators: the runtime with WebGPU has no GatherBlockQuantized for the processor, where rows are looked up.
		const { packed, scales, zeroPoints } = quantizedWeights(weight, {
			rows: V,
			columns: O,
			bits: 8,
			scaleType: 'float32',
			packedDims: [V, O]
		});
		const rows = (name: string, table: Value) =>
			Cast(g.scope(name), Gather(g.scope(name), table, ids, 0), 'float32');
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
export function cacheGraph(config: TextConfig, type: FloatType): Graph {
	const g = new Graph('cache');
	const { num_key_value_heads: KV, head_dim: dh } = config;
	const keep = g.input('keep', 'int64', [1]);
	for (const what of ['key', 'value']) {
		const x = g.input(what, type, [dims.batch, KV, dims.past, dh]);
		g.output(`kept_${what}`, Slice(g.scope(what), x, g.ints([0]), keep, [2]), [dims.batch, KV, 'kept', dh]);
	}
	return g;
}
