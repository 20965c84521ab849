import { Graph } from '../../../onnx/graph.ts';
import { Add, Concat, Expand, Mul, Shape, SiLU } from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import { attention, layerNorm, linear } from '../../layers.ts';
import type { Module } from '../../module.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, projectorModule } from '../parts.ts';
import type { ResamplerConfig } from './config.ts';

/** norm1, normk and norm2; only ffn_ln follows the config's layer_norm_eps. */
const NORM_EPSILON = 1e-5;

/**
 * Resampler (upstream: honeybee/projectors.py Resampler; a Perceiver resampler whose queries also attend to each other).
 *
 *   kv = visual_input_fc(visual_features (+ pos_emb)) [image, N, D];  q = query_tokens [1, M, D]
 *   layer: q1 = norm1(q);  k1 = normk(kv)
 *          context = attention(q1; [q1; k1])                              proj.layeri.attention [image, head, M, M + N]
 *          y = q1 + out_proj(context);  q = y + mlp(norm2(y))             (the residual's base is the normalised q1)
 *          mlp = w2(ffn_ln(SiLU(w1) · w3))
 *   visual_embeds = [visual_output_fc(q); vit_eos] [image, M + K, O]
 */
export function resamplerGraph(config: ResamplerConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D } = config;
	const { num_query_tokens: M, num_eos_tokens: K } = config;
	const N = side * side;
	const g = new Graph('resampler');
	const root = projectorModule(g, state);
	let features = g.input('visual_features', 'float32', [dims.image, N, E]);
	if (config.pos_emb) features = addPositions(root.at('pos_emb'), features, { tokens: N, width: E });
	const kv = linear(root.at('visual_input_fc'), features, { in: E, out: D });
	root.trace('visual_input_fc', kv, [dims.image, N, D]);

	const query = root.at('query_tokens');
	const tokens = query.parameter([1, M, D]);
	const shape = Concat(query.graph, [Shape(query.graph, features, 0, 1), query.graph.ints([M, D])], 0);
	let q = Expand(query.graph, tokens, shape);
	for (let i = 0; i < config.num_hidden_layers; i++) {
		const names = { scope: `layers.${i}`, trace: `layer${i}` };
		q = layer(root.at(`encoder.layers.${i}.crossattention`, names), { q, kv }, { ...config, patches: N });
	}

	const out = linear(root.at('visual_output_fc'), q, { in: D, out: O });
	root.trace('visual_output_fc', out, [dims.image, M, O]);
	const all = appendTokens(root.at('vit_eos', { scope: 'eos_tokens' }), out, {
		count: K,
		tokens: M + K,
		width: O
	});
	declareOutput(root, all, { tokens: M + K, width: O });
	return g;
}

/** One layer, as drawn above: q [image, M, D] and kv [image, N, D] → q [image, M, D]. */
function layer(
	module: Module,
	{ q, kv }: { readonly q: Value; readonly kv: Value },
	config: ResamplerConfig & { readonly patches: number }
): Value {
	const { hidden_size: D, intermediate_size: F, num_query_tokens: M, patches: N } = config;
	const heads = config.num_attention_heads;
	const shape = { size: D, epsilon: NORM_EPSILON };
	const trace = (name: string, value: Value, tokens: number) =>
		module.trace(name, value, [dims.image, tokens, D]);

	const q1 = layerNorm(module.at('norm1'), q, shape);
	trace('norm1', q1, M);
	const k1 = layerNorm(module.at('normk'), kv, shape);
	trace('normk', k1, N);
	const both = Concat(module.graph, [q1, k1], 1);
	const attn = module.at('attention');
	const project = (name: string, x: Value) => linear(attn.at(name), x, { in: D, out: D });
	const { context, attention: weights } = attention(
		attn.graph,
		{ q: project('query', q1), k: project('key', both), v: project('value', both) },
		{ heads, width: D }
	);
	module.trace('attention', weights, [dims.image, heads, M, M + N]);
	trace('context', context, M);

	const output = module.at('output');
	const y = Add(output.graph, q1, linear(output.at('out_proj'), context, { in: D, out: D }));
	const mlp = module.at('output.mlp');
	const t = layerNorm(module.at('output.norm2', { scope: 'mlp/norm2' }), y, shape);
	const w1 = linear(mlp.at('w1'), t, { in: D, out: F });
	const w3 = linear(mlp.at('w3'), t, { in: D, out: F });
	const gated = Mul(mlp.graph, SiLU(mlp.graph, w1), w3);
	const normed = layerNorm(mlp.at('ffn_ln'), gated, { size: F, epsilon: config.layer_norm_eps });
	const fed = linear(mlp.at('w2'), normed, { in: F, out: D });
	trace('mlp', fed, M);
	const out = Add(mlp.graph, y, fed);
	trace('out', out, M);
	return out;
}
