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
import { attention, computed, layerNorm, linear, mergeHeads, parameter, splitHeads } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, PREFIX } from '../definition.ts';
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
	const features = g.input('visual_features', 'float32', [dims.image, N, E]);
	let memory = features;
	if (D !== E)
		memory = linear(g.scope('input_proj'), memory, state, `${PREFIX}.input_proj.0`, { in: E, out: D });
	if (config.pos_emb) memory = addPositions(g, memory, state, `${PREFIX}.v_pos_emb`, { tokens: N, width: D });
	g.output('proj.memory', memory, [dims.image, N, D]);

	const queries = initialQueries(g.scope('queries'), memory, config, state, side);
	g.output('proj.query_pos', queries.queryPos, [dims.image, M, D]);
	g.output('proj.target', queries.target, [dims.image, M, D]);
	const points = g.scope('reference_points');
	const reference = perImage(
		points,
		parameter(points, state, `${PREFIX}.reference_points`, [1, M, 2]),
		features,
		[M, 2]
	);
	g.output('proj.reference_points', reference, [dims.image, M, 2]);

	let h = queries.target;
	for (let i = 0; i < config.decoder_layers; i++)
		h = decoderLayer(
			g.scope(`layers.${i}`),
			g,
			h,
			queries.queryPos,
			memory,
			reference,
			config,
			state,
			i,
			side
		);
	let out = appendTokens(g, h, state, `${PREFIX}.eos_tokens`, K, D);
	if (O !== D) out = linear(g, out, state, `${PREFIX}.output_proj`, { in: D, out: O });
	declareOutput(g, out, M + K, O);
	return g;
}

/** [1, …rest] → [image, …rest] */
function perImage(g: Graph, x: Value, images: Value, rest: readonly number[]): Value {
	return Expand(g, x, Concat(g, [Shape(g, images, 0, 1), g.ints(rest)], 0));
}

function initialQueries(
	g: Graph,
	memory: Value,
	config: DAbsConfig,
	state: StateDict,
	side: number
): { queryPos: Value; target: Value } {
	const { num_query_tokens: M, d_model: D, pooled_v_target } = config;
	const key = `${PREFIX}.query_position_embeddings.weight`;
	if (pooled_v_target === 'none') {
		const both = parameter(g, state, key, [M, 2 * D]);
		const half = (which: 0 | 1) => {
			const scope = g.scope(which === 0 ? 'query_pos' : 'target');
			const columns = scope.ints(Array.from({ length: D }, (_, i) => which * D + i));
			return perImage(scope, Gather(scope, both, columns, 1), memory, [M, D]);
		};
		return { queryPos: half(0), target: half(1) };
	}
	const learned = perImage(g.scope('learned'), parameter(g, state, key, [M, D]), memory, [M, D]);
	const pool = computed(g, `${PREFIX}.pooling_matrix`, [M, side * side], () =>
		poolingMatrix(side, Math.sqrt(M))
	);
	const pooled = MatMul(g.scope('pooled'), pool, memory);
	return pooled_v_target === 'query'
		? { queryPos: pooled, target: learned }
		: { queryPos: learned, target: pooled };
}

function decoderLayer(
	g: Graph,
	outputs: Graph,
	h: Value,
	queryPos: Value,
	memory: Value,
	reference: Value,
	config: DAbsConfig,
	state: StateDict,
	index: number,
	side: number
): Value {
	const { d_model: D, decoder_ffn_dim: F, decoder_attention_heads: H, num_query_tokens: M } = config;
	const key = `${PREFIX}.layers.${index}`;
	const trace = (name: string, value: Value) =>
		outputs.output(`proj.layer${index}.${name}`, value, [dims.image, M, D]);

	const self = g.scope('self_attn');
	const withPos = Add(self.scope('query_pos'), h, queryPos);
	const project = (name: string, x: Value) =>
		linear(self, x, state, `${key}.self_attn.${name}`, { in: D, out: D });
	const { context } = attention(
		self,
		project('q_proj', withPos),
		project('k_proj', withPos),
		project('v_proj', h),
		H,
		D
	);
	const attended = project('out_proj', context);
	trace('self_attn_out', attended);
	const afterSelf = layerNorm(
		g,
		Add(self, h, attended),
		state,
		`${key}.self_attn_layer_norm`,
		D,
		NORM_EPSILON
	);
	trace('after_self_attn', afterSelf);

	const cross = g.scope('encoder_attn');
	const query = Add(cross.scope('query_pos'), afterSelf, queryPos);
	const sampled = deformableAttention(cross, outputs, query, memory, reference, config, state, index, side);
	trace('cross_attn_out', sampled);
	const afterCross = layerNorm(
		g,
		Add(cross, afterSelf, sampled),
		state,
		`${key}.encoder_attn_layer_norm`,
		D,
		NORM_EPSILON
	);
	trace('after_cross_attn', afterCross);

	const ffn = g.scope('ffn');
	const fed = linear(
		ffn,
		Relu(ffn, linear(ffn, afterCross, state, `${key}.fc1`, { in: D, out: F })),
		state,
		`${key}.fc2`,
		{
			in: F,
			out: D
		}
	);
	const out = layerNorm(g, Add(ffn, afterCross, fed), state, `${key}.final_layer_norm`, D, NORM_EPSILON);
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
	g: Graph,
	outputs: Graph,
	query: Value,
	memory: Value,
	reference: Value,
	config: DAbsConfig,
	state: StateDict,
	index: number,
	side: number
): Value {
	const { d_model: D, decoder_attention_heads: H, decoder_n_points: P, num_query_tokens: M } = config;
	const N = side * side;
	const key = `${PREFIX}.layers.${index}.encoder_attn`;
	const trace = `proj.layer${index}`;

	const value = linear(g, memory, state, `${key}.value_proj`, { in: D, out: D });
	const perHead = Reshape(g.scope('trace'), value, [0, N, H, D / H]);
	outputs.output(`${trace}.value`, perHead, [dims.image, N, H, D / H]);

	const offsets = linear(g, query, state, `${key}.sampling_offsets`, { in: D, out: H * P * 2 });
	const where = g.scope('sampling_locations');
	const size = where.scalar(1 / side);
	const relative = Reshape(where, Mul(where, offsets, size), [0, M, H * P, 2]);
	const locations = Add(where, relative, Reshape(where.scope('reference'), reference, [0, M, 1, 2]));
	const locationDims = [dims.image, M, H, 1, P, 2];
	outputs.output(
		`${trace}.sampling_locations`,
		Reshape(where.scope('trace'), locations, [0, M, H, 1, P, 2]),
		locationDims
	);

	const much = g.scope('attention_weights');
	const logits = linear(much, query, state, `${key}.attention_weights`, { in: D, out: H * P });
	const weights = Softmax(much, Reshape(much, logits, [0, M, H, P]));
	outputs.output(`${trace}.attention_weights`, Reshape(much.scope('trace'), weights, [0, M, H, 1, P]), [
		dims.image,
		M,
		H,
		1,
		P
	]);

	const sampling = g.scope('sampling_matrix');
	// pixel − n for every column (row) n at once: location · g − (n + 0.5).
	const centres = sampling.constant({
		dtype: 'float32',
		dims: [side],
		data: Float32Array.from({ length: side }, (_, n) => n + 0.5)
	});
	const pixels = Mul(sampling, locations, sampling.scalar(side));
	const tent = (axis: 0 | 1) => {
		const scope = sampling.scope(axis === 0 ? 'x' : 'y');
		// [image, M, H·P, 1], then [image, M, H·P, g]
		const coordinate = Gather(scope, pixels, scope.ints([axis]), 3);
		const distance = Abs(scope, Sub(scope, coordinate, centres));
		const height = Relu(scope, Sub(scope.scope('height'), scope.scalar(1), distance));
		return Reshape(scope, height, [0, M, H, P, side]);
	};
	const rows = Mul(
		sampling.scope('weighted'),
		tent(1),
		Reshape(sampling.scope('weighted'), weights, [0, M, H, P, 1])
	);
	// Σ_p row_p ⊗ column_p: [image, M, H, g, P] · [image, M, H, P, g]
	const outer = MatMul(sampling, Transpose(sampling, rows, [0, 1, 2, 4, 3]), tent(0));
	const matrix = Transpose(
		sampling.scope('heads'),
		Reshape(sampling.scope('heads'), outer, [0, M, H, N]),
		[0, 2, 1, 3]
	);
	outputs.output(`${trace}.sampling_matrix`, matrix, [dims.image, H, M, N]);

	const gathered = MatMul(g, matrix, splitHeads(g.scope('value_heads'), value, H, D / H));
	const merged = mergeHeads(g, gathered, D);
	outputs.output(`${trace}.deform_out`, merged, [dims.image, M, D]);
	return linear(g, merged, state, `${key}.output_proj`, { in: D, out: D });
}
