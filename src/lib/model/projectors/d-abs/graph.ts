import { Graph } from '../../../onnx/graph.ts';
import {
	Abs,
	Add,
	Concat,
	Expand,
	Gather,
	MatMul,
	Mul,
	Relu,
	Reshape,
	Shape,
	Softmax,
	Sub,
	Transpose
} from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import { attention, computed, layerNorm, linear, mergeHeads, splitHeads } from '../../layers.ts';
import type { Module } from '../../module.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, projectorModule } from '../parts.ts';
import { poolingMatrix } from '../pooling.ts';
import type { DAbsConfig } from './config.ts';

const NORM_EPSILON = 1e-5;

/**
 * D-Abstractor (paper §3.2; upstream: honeybee/projectors.py DAbstractor, a Deformable-DETR decoder). g = sqrt(N), H heads,
 * P points, one feature level.
 *
 *   memory = input_proj(visual_features) (+ v_pos_emb) [image, N, D]       (input_proj only when D ≠ E)
 *   pooled_v_target "query": query_pos = pool(memory), target = query_position_embeddings
 *                   "tgt":   the other way round;  "none": both from query_position_embeddings [M, 2D]
 *   layer: h = LN(h + self_attn(q, k: h + query_pos; v: h))
 *          h = LN(h + deformable(h + query_pos, memory))
 *          h = LN(h + fc2(relu(fc1 h)))
 *   visual_embeds = output_proj([h; eos_tokens])                           (output_proj only when O ≠ D)
 */
export function dAbsGraph(config: DAbsConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, d_model: D } = config;
	const { num_query_tokens: M, num_eos_tokens: K } = config;
	const N = side * side;
	const g = new Graph('d-abs');
	const root = projectorModule(g, state);
	const features = g.input('visual_features', 'float32', [dims.image, N, E]);
	let memory = features;
	if (D !== E) {
		memory = linear(root.at('input_proj').at('0'), memory, { in: E, out: D });
		root.trace('input_proj', memory, [dims.image, N, D]);
	}
	if (config.pos_emb)
		memory = addPositions(root.at('v_pos_emb', { scope: 'pos_emb' }), memory, { tokens: N, width: D });
	root.trace('memory', memory, [dims.image, N, D]);

	const { queryPos, target } = initialQueries(root, memory, { ...config, side });
	root.trace('query_pos', queryPos, [dims.image, M, D]);
	root.trace('target', target, [dims.image, M, D]);
	const points = root.at('reference_points');
	const reference = perImage(points.graph, points.parameter([1, M, 2]), features, [M, 2]);
	root.trace('reference_points', reference, [dims.image, M, 2]);

	let h = target;
	for (let i = 0; i < config.decoder_layers; i++) {
		const layer = root.at(`layers.${i}`, { trace: `layer${i}` });
		h = decoderLayer(layer, { h, queryPos, memory, reference }, { ...config, side });
	}
	let out = appendTokens(root.at('eos_tokens'), h, { count: K, tokens: M + K, width: D });
	if (O !== D) {
		out = linear(root.at('output_proj'), out, { in: D, out: O });
		root.trace('output_proj', out, [dims.image, M + K, O]);
	}
	declareOutput(root, out, { tokens: M + K, width: O });
	return g;
}

/** The config with the side of the patch grid, g. */
type Sided = DAbsConfig & { readonly side: number };

/** x [1, …rest] ─ Expand(images of `images`, …rest) ─ [image, …rest] */
function perImage(g: Graph, x: Value, images: Value, rest: readonly number[]): Value {
	return Expand(g, x, Concat(g, [Shape(g, images, 0, 1), g.ints(rest)], 0));
}

/**
 * What the decoder begins with, queryPos and target [image, M, D] each:
 *
 *   "query", "tgt":  pooling_matrix [M, N] · memory [image, N, D] is one, query_position_embeddings [M, D] the other
 *   "none":          query_position_embeddings [M, 2D] ─┬─ columns 0 … D − 1 ─ queryPos
 *                                                       └─ columns D … 2D − 1 ─ target
 */
function initialQueries(
	root: Module,
	memory: Value,
	{ num_query_tokens: M, d_model: D, pooled_v_target, side }: Sided
): { queryPos: Value; target: Value } {
	const embeddings = root.at('query_position_embeddings.weight', { scope: 'queries' });
	const { graph: g } = embeddings;
	if (pooled_v_target === 'none') {
		const both = embeddings.parameter([M, 2 * D]);
		const half = (which: 0 | 1) => {
			const scope = g.scope(which === 0 ? 'query_pos' : 'target');
			const columns = scope.ints(Array.from({ length: D }, (_, i) => which * D + i));
			return perImage(scope, Gather(scope, both, columns, 1), memory, [M, D]);
		};
		return { queryPos: half(0), target: half(1) };
	}
	const learned = perImage(g.scope('learned'), embeddings.parameter([M, D]), memory, [M, D]);
	const pool = computed(root.at('pooling_matrix'), [M, side * side], () => poolingMatrix(side, Math.sqrt(M)));
	const pooled = MatMul(g.scope('pooled'), pool, memory);
	return pooled_v_target === 'query'
		? { queryPos: pooled, target: learned }
		: { queryPos: learned, target: pooled };
}

/** What the layers of the decoder share: queryPos [image, M, D], memory [image, N, D], reference [image, M, 2]. */
interface DecoderInputs {
	readonly queryPos: Value;
	readonly memory: Value;
	readonly reference: Value;
}

/**
 * A DeformableDetrDecoderLayer: h [image, M, D] → [image, M, D].
 *
 *   h ─┬─ q, k: + query_pos ─ self_attn ──┐
 *      ├─ v ──────────────────┘           │
 *      └──────────────────────────────── Add ─ LN ─ a
 *   a ─┬─ + query_pos ─ encoder_attn(memory) ─┐
 *      └─────────────────────────────────── Add ─ LN ─ b
 *   b ─┬─ fc1 ─ Relu ─ fc2 ─┐
 *      └───────────────── Add ─ LN ─ out
 */
function decoderLayer(module: Module, { h, ...inputs }: DecoderInputs & { h: Value }, config: Sided): Value {
	const { d_model: D, decoder_ffn_dim: F, decoder_attention_heads: H, num_query_tokens: M } = config;
	const trace = (name: string, value: Value) => module.trace(name, value, [dims.image, M, D]);
	const norm = (name: string, x: Value) => layerNorm(module.at(name), x, { size: D, epsilon: NORM_EPSILON });

	const self = module.at('self_attn');
	const withPos = Add(self.graph.scope('query_pos'), h, inputs.queryPos);
	const project = (name: string, x: Value) => linear(self.at(name), x, { in: D, out: D });
	const { context } = attention(
		self.graph,
		{ q: project('q_proj', withPos), k: project('k_proj', withPos), v: project('v_proj', h) },
		{ heads: H, width: D }
	);
	const attended = project('out_proj', context);
	trace('self_attn_out', attended);
	const afterSelf = norm('self_attn_layer_norm', Add(self.graph, h, attended));
	trace('after_self_attn', afterSelf);

	const cross = module.at('encoder_attn', { trace: '' });
	const query = Add(cross.graph.scope('query_pos'), afterSelf, inputs.queryPos);
	const sampled = deformableAttention(cross, { query, ...inputs }, config);
	trace('cross_attn_out', sampled);
	const afterCross = norm('encoder_attn_layer_norm', Add(cross.graph, afterSelf, sampled));
	trace('after_cross_attn', afterCross);

	const ffn = module.at('', { scope: 'ffn' });
	const inner = Relu(ffn.graph, linear(ffn.at('fc1'), afterCross, { in: D, out: F }));
	const fed = linear(ffn.at('fc2'), inner, { in: F, out: D });
	const out = norm('final_layer_norm', Add(ffn.graph, afterCross, fed));
	trace('out', out);
	return out;
}

/**
 * Multi-scale deformable attention over one level, without GridSample: bilinear sampling with zeros outside is a dense
 * sampling matrix of separable tent weights.
 *
 *   location = reference + offset / g            (x, y) in 0..1        proj.layeri.sampling_locations [image, M, H, 1, P, 2]
 *   pixel    = location · g − 0.5                                      (align_corners = false)
 *   tent_x[n] = relu(1 − |pixel_x − n|), tent_y likewise
 *   S = Σ_p weight_p · tent_y ⊗ tent_x                                 proj.layeri.sampling_matrix [image, H, M, N]
 *   out = output_proj(concat over heads of S · value)
 *
 * S is the token → patch map of the layer.
 */
function deformableAttention(
	module: Module,
	{ query, memory, reference }: Omit<DecoderInputs, 'queryPos'> & { query: Value },
	{ d_model: D, decoder_attention_heads: H, decoder_n_points: P, num_query_tokens: M, side }: Sided
): Value {
	const N = side * side;
	const { graph: g } = module;

	const value = linear(module.at('value_proj'), memory, { in: D, out: D });
	module.trace('value', Reshape(g.scope('trace'), value, [0, N, H, D / H]), [dims.image, N, H, D / H]);

	const offsets = linear(module.at('sampling_offsets'), query, { in: D, out: H * P * 2 });
	const position = g.scope('sampling_locations');
	const relative = Reshape(position, Mul(position, offsets, position.scalar(1 / side)), [0, M, H * P, 2]);
	const origin = Reshape(position.scope('reference'), reference, [0, M, 1, 2]);
	const locations = Add(position, relative, origin);
	const onLevel = Reshape(position.scope('trace'), locations, [0, M, H, 1, P, 2]);
	module.trace('sampling_locations', onLevel, [dims.image, M, H, 1, P, 2]);

	const share = g.scope('attention_weights');
	const weighting = module.at('attention_weights', { scope: 'attention_weights/attention_weights' });
	const logits = linear(weighting, query, { in: D, out: H * P });
	const weights = Softmax(share, Reshape(share, logits, [0, M, H, P]));
	const weightsOnLevel = Reshape(share.scope('trace'), weights, [0, M, H, 1, P]);
	module.trace('attention_weights', weightsOnLevel, [dims.image, M, H, 1, P]);

	const matrix = samplingMatrix(g.scope('sampling_matrix'), { locations, weights }, { side, M, H, P });
	module.trace('sampling_matrix', matrix, [dims.image, H, M, N]);

	const gathered = MatMul(g, matrix, splitHeads(g.scope('value_heads'), value, H, D / H));
	const merged = mergeHeads(g, gathered, D);
	module.trace('deform_out', merged, [dims.image, M, D]);
	return linear(module.at('output_proj'), merged, { in: D, out: D });
}

/**
 * locations [image, M, H·P, 2] in 0..1 and weights [image, M, H, P] → S [image, H, M, N], the bilinear sampling of every head as a
 * dense matrix.
 *
 *   locations ─ ·g ─┬─ x ─ tent ─ [image, M, H, P, g] ───────────────────┐
 *                   └─ y ─ tent ─ × weights ─ ᵀ ─ [image, M, H, g, P] ─ MatMul ─ [image, M, H, g, g] ─ [image, H, M, N]
 */
function samplingMatrix(
	g: Graph,
	{ locations, weights }: { readonly locations: Value; readonly weights: Value },
	{ side, M, H, P }: { readonly side: number; readonly M: number; readonly H: number; readonly P: number }
): Value {
	// pixel − n for every column (row) n at once: location · g − (n + 0.5).
	const centres = g.constant({
		dtype: 'float32',
		dims: [side],
		data: Float32Array.from({ length: side }, (_, n) => n + 0.5)
	});
	const pixels = Mul(g, locations, g.scalar(side));
	const tent = (axis: 0 | 1) => {
		const scope = g.scope(axis === 0 ? 'x' : 'y');
		// [image, M, H·P, 1], then [image, M, H·P, g]
		const coordinate = Gather(scope, pixels, scope.ints([axis]), 3);
		const distance = Abs(scope, Sub(scope, coordinate, centres));
		const height = Relu(scope, Sub(scope.scope('height'), scope.scalar(1), distance));
		return Reshape(scope, height, [0, M, H, P, side]);
	};
	const weighted = g.scope('weighted');
	const rows = Mul(weighted, tent(1), Reshape(weighted, weights, [0, M, H, P, 1]));
	// Σ_p row_p ⊗ column_p: [image, M, H, g, P] · [image, M, H, P, g]
	const outer = MatMul(g, Transpose(g, rows, [0, 1, 2, 4, 3]), tent(0));
	const heads = g.scope('heads');
	return Transpose(heads, Reshape(heads, outer, [0, M, H, side * side]), [0, 2, 1, 3]);
}
