import { Graph } from '../../../onnx/graph.ts';
import { Add, MatMul, Slice, Unsqueeze } from '../../../onnx/ops.ts';
import { dims } from '../../dims.ts';
import { attention, computed, layerNorm, linear } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { declareOutput, projectorModule } from '../parts.ts';
import { cubicMatrix } from '../resampling.ts';
import type { MatryQueryConfig } from './config.ts';

/**
 * Matryoshka query transformer (upstream: llava/model/multimodal_projector/builder.py Resampler). m queries are taken at run time.
 *
 *   P [N, E] = the stored table as a 16 × 16 grid, resized to the patches' grid (bicubic, a = −0.75)      proj.pos_embed
 *   q = ln_q(query[:m] + pos_embed[:m])   the table as it is                                            proj.query [1, m, E]
 *   k = ln_k(P)                           places alone, no picture                                      proj.key [1, N, E]
 *   v = ln_v(visual_features)                                                                            proj.value [image, N, E]
 *   context = attention(q; k, v) ─ out_proj                            proj.attention [1, head, m, N], proj.attn_out [image, m, E]
 *   visual_embeds = context · proj [image, m, O]
 */
export function matryQueryGraph(config: MatryQueryConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, num_queries: Q } = config;
	const { num_attention_heads: heads, layer_norm_eps: epsilon } = config;
	const N = side * side;
	const M = dims.visual_token;
	const g = new Graph('matry-query');
	const features = g.input('visual_features', 'float32', [dims.image, N, E]);
	const count = g.input('num_query_tokens', 'int64', [1]);
	const root = projectorModule(g, state);
	const first = root.at('first').graph;
	const table = root.at('pos_embed').parameter([Q, E]);
	const taken = (value: Parameters<typeof Slice>[1]) => Slice(first, value, g.ints([0]), count, [0]);

	const resized = root.at('pos_embed', { scope: 'places' });
	const grid = computed(resized.at('grid'), [N, Q], () => cubicMatrix(Math.sqrt(Q), side));
	const places = MatMul(resized.graph, grid, table);
	root.trace('pos_embed', places, [N, E]);

	const norm = { size: E, epsilon };
	const asked = Add(first, taken(root.at('query').parameter([Q, E])), taken(table));
	const query = layerNorm(root.at('ln_q'), Unsqueeze(first, asked, [0]), norm);
	root.trace('query', query, [1, M, E]);
	const key = layerNorm(root.at('ln_k'), Unsqueeze(resized.graph, places, [0]), norm);
	root.trace('key', key, [1, N, E]);
	const value = layerNorm(root.at('ln_v'), features, norm);
	root.trace('value', value, [dims.image, N, E]);

	const attn = root.at('attn');
	const project = (name: string, x: typeof query) => linear(attn.at(name), x, { in: E, out: E });
	const { context, attention: weights } = attention(
		attn.graph,
		{ q: project('q_proj', query), k: project('k_proj', key), v: project('v_proj', value) },
		{ heads, width: E }
	);
	root.trace('attention', weights, [1, heads, M, N]);
	const attended = project('out_proj', context);
	root.trace('attn_out', attended, [dims.image, M, E]);

	const last = root.at('proj');
	declareOutput(root, MatMul(last.graph, attended, last.parameter([E, O])), { tokens: M, width: O });
	return g;
}
