import { Graph } from '../../../onnx/graph.ts';
import { Add, Concat, Expand, Mul, Shape, SiLU } from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import { attention, layerNorm, linear, parameter } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, PREFIX } from '../definition.ts';
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
	let features = g.input('visual_features', 'float32', [dims.image, N, E]);
	if (config.pos_emb)
		features = addPositions(g, features, state, `${PREFIX}.pos_emb`, { tokens: N, width: E });
	const kv = linear(g, features, state, `${PREFIX}.visual_input_fc`, { in: E, out: D });
	g.output('proj.visual_input_fc', kv, [dims.image, N, D]);

	const query = g.scope('query_tokens');
	const tokens = parameter(query, state, `${PREFIX}.query_tokens`, [1, M, D]);
	let q = Expand(query, tokens, Concat(query, [Shape(query, features, 0, 1), query.ints([M, D])], 0));
	for (let i = 0; i < config.num_hidden_layers; i++)
		q = layer(g.scope(`layers.${i}`), g, q, kv, config, state, i, N);

	const out = linear(g, q, state, `${PREFIX}.visual_output_fc`, { in: D, out: O });
	g.output('proj.visual_output_fc', out, [dims.image, M, O]);
	declareOutput(g, appendTokens(g, out, state, `${PREFIX}.vit_eos`, K, O), M + K, O);
	return g;
}

function layer(
	g: Graph,
	outputs: Graph,
	q: Value,
	kv: Value,
	config: ResamplerConfig,
	state: StateDict,
	index: number,
	N: number
): Value {
	const { hidden_size: D, intermediate_size: F, num_attention_heads: heads, num_query_tokens: M } = config;
	const key = `${PREFIX}.encoder.layers.${index}.crossattention`;
	const trace = (name: string, value: Value, tokens: number) =>
		outputs.output(`proj.layer${index}.${name}`, value, [dims.image, tokens, D]);

	const q1 = layerNorm(g, q, state, `${key}.norm1`, D, NORM_EPSILON);
	trace('norm1', q1, M);
	const k1 = layerNorm(g, kv, state, `${key}.normk`, D, NORM_EPSILON);
	trace('normk', k1, N);
	const both = Concat(g, [q1, k1], 1);
	const attn = g.scope('attention');
	const project = (name: string, x: Value) =>
		linear(attn, x, state, `${key}.attention.${name}`, { in: D, out: D });
	const { context, attention: weights } = attention(
		attn,
		project('query', q1),
		project('key', both),
		project('value', both),
		heads,
		D
	);
	outputs.output(`proj.layer${index}.attention`, weights, [dims.image, heads, M, M + N]);
	trace('context', context, M);

	const output = g.scope('output');
	const y = Add(output, q1, linear(output, context, state, `${key}.output.out_proj`, { in: D, out: D }));
	const mlp = g.scope('mlp');
	const t = layerNorm(mlp, y, state, `${key}.output.norm2`, D, NORM_EPSILON);
	const w1 = linear(mlp, t, state, `${key}.output.mlp.w1`, { in: D, out: F });
	const w3 = linear(mlp, t, state, `${key}.output.mlp.w3`, { in: D, out: F });
	const gated = Mul(mlp, SiLU(mlp, w1), w3);
	const normed = layerNorm(mlp, gated, state, `${key}.output.mlp.ffn_ln`, F, config.layer_norm_eps);
	const fed = linear(mlp, normed, state, `${key}.output.mlp.w2`, { in: F, out: D });
	trace('mlp', fed, M);
	const out = Add(mlp, y, fed);
	trace('out', out, M);
	return out;
}
