import { Graph } from '../../../onnx/graph.ts';
import { MatMul, Reshape, Slice, Transpose } from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import { attention, computed, layerNorm, linear } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { declareOutput, projectorModule, twoLayers } from '../parts.ts';
import { linearMatrix } from '../resampling.ts';
import type { TokenPackerConfig } from './config.ts';

/**
 * TokenPacker (upstream: llava/model/multimodal_projector/builder.py TokenPacker). L layers of width E are joined along channels; the
 * queries are made of the last one. n = g / s, M = n².
 *
 *   visual_features [image, N, L·E] ─ last E ─ bilinear to n × n                     proj.query_down [image, M, E]
 *                                     ─ q_proj_1 ─ ln_q_1                              proj.query
 *     ─ first 4·E ─ Linear, GELU, Linear ─ ln_k_1                                      proj.key [image, N, E]
 *                 ─ Linear, GELU, Linear ─ ln_v_1                                      proj.value
 *   windows of s × s patches: each query attends to its own alone                      proj.attention [image, M, head, s²]
 *     ─ out_proj                                                                       proj.attn_out [image, M, E]
 *     ─ Linear ─ GELU ─ Linear ─ visual_embeds [image, M, O]
 */
export function tokenPackerGraph(config: TokenPackerConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, num_query_tokens: M, scale_factor: s } = config;
	const { num_feature_levels: levels, num_attention_heads: heads, layer_norm_eps: epsilon } = config;
	const N = side * side;
	const n = side / s;
	const width = [config.feature_layer_index].flat().length * E;
	const g = new Graph('token-packer');
	const features = g.input('visual_features', 'float32', [dims.image, N, width]);
	const root = projectorModule(g, state);
	const norm = { size: E, epsilon };
	const channels = (scope: string, from: number, to: number) =>
		from === 0 && to === width
			? features
			: Slice(g.scope(scope), features, g.ints([from]), g.ints([to]), [2]);

	const down = root.at('query_down');
	const grid = computed(down.at('grid'), [M, N], () => linearMatrix(side, n));
	const coarse = MatMul(down.graph, grid, channels('last', width - E, width));
	root.trace('query_down', coarse, [dims.image, M, E]);
	const asked = linear(root.at('q_proj_1'), coarse, { in: E, out: E, bias: false });
	const query = layerNorm(root.at('ln_q_1'), asked, norm);
	root.trace('query', query, [dims.image, M, E]);

	const levelled = channels('levels', 0, levels * E);
	const made = (mlp: string, ln: string, name: string) => {
		const mapped = twoLayers(root.at(mlp), levelled, { in: levels * E, out: E });
		const normed = layerNorm(root.at(ln), mapped, norm);
		root.trace(name, normed, [dims.image, N, E]);
		return normed;
	};
	const key = made('k_proj_1', 'ln_k_1', 'key');
	const value = made('v_proj_1', 'ln_v_1', 'value');

	const attn = root.at('clip_attn');
	const project = (name: string, x: Value) => linear(attn.at(name), x, { in: E, out: E });
	const { context, attention: weights } = attention(
		attn.graph,
		{
			q: Reshape(attn.graph.scope('q'), project('q_proj', query), [-1, 1, E]),
			k: windows(attn.graph.scope('k'), project('k_proj', key), { n, s, E }),
			v: windows(attn.graph.scope('v'), project('v_proj', value), { n, s, E })
		},
		{ heads, width: E }
	);
	const traced = Reshape(attn.graph.scope('trace'), weights, [-1, M, heads, s * s]);
	root.trace('attention', traced, [dims.image, M, heads, s * s]);
	const attended = project('out_proj', Reshape(attn.graph, context, [-1, M, E]));
	root.trace('attn_out', attended, [dims.image, M, E]);
	declareOutput(root, twoLayers(root.at('mlp'), attended, { in: E, out: O }), { tokens: M, width: O });
	return g;
}

/** Patches x [B, (n·s)², E] by the window they lie in, row by row: [B·n², s², E]. */
function windows(
	g: Graph,
	x: Value,
	{ n, s, E }: { readonly n: number; readonly s: number; readonly E: number }
): Value {
	const cut = Transpose(g, Reshape(g, x, [-1, n, s, n, s * E]), [0, 1, 3, 2, 4]);
	return Reshape(g.scope('joined'), cut, [-1, s * s, E]);
}
