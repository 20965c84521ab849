import { Graph } from '../../onnx/graph.ts';
import {
	Add,
	Cast,
	Concat,
	Conv,
	Expand,
	QuickGelu,
	Reshape,
	Shape,
	Slice,
	Transpose
} from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import { gridSide, type VisionConfig } from '../config.ts';
import { dims } from '../dims.ts';
import { attention, layerNorm, linear, parameter } from '../layers.ts';
import type { WeightDType } from '../manifest.ts';
import type { StateDict } from '../state-dict.ts';

const PREFIX = 'vision_model.vision_model';

/**
 * CLIP ViT (SPEC §3; upstream: transformers CLIPVisionModel). E width, N patches, g = sqrt(N).
 *
 *   pixel_values [image, 3, S, S] ─ Conv p×p/p ─ [image, E, g, g]                     vision.patch_embeds
 *     ─ flatten row-major ─ class_embedding first ─ + position_embedding               vision.embeddings [image, N+1, E]
 *     ─ pre_layrnorm ─ layers                                                          vision.hidden_states.i
 *   features of layer i: hidden_states.i without the cls row                           vision.features.i [image, N, E]
 *
 * No final norm; `post_layernorm` is not used upstream.
 */
export function visionGraph(
	config: VisionConfig,
	state: StateDict,
	featureLayers: readonly number[],
	dtype: WeightDType
): Graph {
	const g = new Graph('vision');
	const { hidden_size: E, num_channels, image_size, patch_size } = config;
	const side = gridSide(config);
	const N = side * side;
	const pixels = g.input('pixel_values', 'float32', [dims.image, num_channels, image_size, image_size]);

	const embed = g.scope('embeddings');
	const kernel = parameter(embed, state, `${PREFIX}.embeddings.patch_embedding.weight`, [
		E,
		num_channels,
		patch_size,
		patch_size
	]);
	const patches = Conv(embed.scope('patch_embedding'), pixels, kernel, {
		kernel: patch_size,
		stride: patch_size
	});
	g.output('vision.patch_embeds', patches, [dims.image, E, side, side]);
	const tokens = Transpose(embed, Reshape(embed, patches, [0, E, N]), [0, 2, 1]);
	const cls = parameter(embed, state, `${PREFIX}.embeddings.class_embedding`, [E], { dims: [1, 1, E] });
	const clsShape = Concat(embed, [Shape(embed, pixels, 0, 1), g.ints([1, E])], 0);
	const withCls = Concat(embed.scope('cls'), [Expand(embed, cls, clsShape), tokens], 1);
	const positions = parameter(embed, state, `${PREFIX}.embeddings.position_embedding.weight`, [N + 1, E]);
	const embeddings = Add(embed.scope('position_embedding'), withCls, positions);
	g.output('vision.embeddings', embeddings, [dims.image, N + 1, E]);

	let hidden = layerNorm(g, embeddings, state, `${PREFIX}.pre_layrnorm`, E, config.layer_norm_eps);
	g.output('vision.hidden_states.0', hidden, [dims.image, N + 1, E]);
	const states = [hidden];
	for (let i = 0; i < config.num_hidden_layers; i++) {
		hidden = encoderLayer(g.scope(`encoder/layers.${i}`), hidden, config, state, i, dtype);
		g.output(`vision.hidden_states.${i + 1}`, hidden, [dims.image, N + 1, E]);
		states.push(hidden);
	}
	for (const layer of featureLayers) {
		const source = states[layer];
		if (!source) throw new Error(`The vision tower has no hidden state ${layer}.`);
		const features = Slice(g.scope(`features.${layer}`), source, g.ints([1]), g.ints([N + 1]), [1]);
		g.output(`vision.features.${layer}`, features, [dims.image, N, E]);
	}
	return g;
}

/** x += out_proj(attn(LN1 x)); x += fc2(quick_gelu(fc1(LN2 x))). The residual stream and attention stay float32. */
function encoderLayer(
	g: Graph,
	x: Value,
	config: VisionConfig,
	state: StateDict,
	index: number,
	dtype: WeightDType
): Value {
	const { hidden_size: E, intermediate_size: F, num_attention_heads: heads, layer_norm_eps: eps } = config;
	const key = `${PREFIX}.encoder.layers.${index}`;
	const attn = g.scope('self_attn');
	const normed1 = layerNorm(g, x, state, `${key}.layer_norm1`, E, eps);
	const project = (name: string, input: Value) =>
		Cast(attn, linear(attn, input, state, `${key}.self_attn.${name}`, { in: E, out: E, dtype }), 'float32');
	const { context } = attention(
		attn,
		project('q_proj', normed1),
		project('k_proj', normed1),
		project('v_proj', normed1),
		heads,
		E
	);
	const attended = Add(attn, x, project('out_proj', context));

	const mlp = g.scope('mlp');
	const normed2 = layerNorm(g, attended, state, `${key}.layer_norm2`, E, eps);
	const up = linear(mlp, normed2, state, `${key}.mlp.fc1`, { in: E, out: F, dtype });
	const active = config.hidden_act === 'gelu' ? mlp.op('Gelu', [up]) : QuickGelu(mlp, up);
	const down = linear(mlp, active, state, `${key}.mlp.fc2`, { in: F, out: E, dtype });
	return Add(mlp, attended, Cast(mlp, down, 'float32'));
}
