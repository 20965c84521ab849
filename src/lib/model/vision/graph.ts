import { Graph } from '../../onnx/graph.ts';
import { Add, Concat, Expand, Shape, Slice } from '../../onnx/ops.ts';
import { gridSide, type VisionConfig } from '../config.ts';
import { dims } from '../dims.ts';
import { layerNorm } from '../layers.ts';
import type { WeightDType } from '../manifest.ts';
import { Module } from '../module.ts';
import type { StateDict } from '../state-dict.ts';
import { encoderLayer } from './encoder-layer.ts';
import { patchTokens } from './patches.ts';

export const PREFIX = 'vision_model.vision_model';

/** Keys of a tower that is read up to hidden state `last` and has no use for: what comes after it. */
export function afterFeatures(key: string, last: number): boolean {
	if (!key.startsWith(`${PREFIX}.`)) return false;
	const [, layer] = /\.encoder\.layers\.(\d+)\./.exec(key) ?? [];
	return layer === undefined ? key.startsWith(`${PREFIX}.post_layernorm.`) : Number(layer) >= last;
}

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
	const { hidden_size: E, num_channels, image_size } = config;
	const side = gridSide(config);
	const N = side * side;
	const pixels = g.input('pixel_values', 'float32', [dims.image, num_channels, image_size, image_size]);

	const root = new Module(g, state, { key: PREFIX, trace: 'vision' });
	const embeddings = root.at('embeddings');
	const { graph: embed } = embeddings;
	const tokens = patchTokens(root, embeddings, pixels, { ...config, side });
	const cls = embeddings.at('class_embedding').parameter([E], { dims: [1, 1, E] });
	const clsShape = Concat(embed, [Shape(embed, pixels, 0, 1), g.ints([1, E])], 0);
	const withCls = Concat(embed.scope('cls'), [Expand(embed, cls, clsShape), tokens], 1);
	const positions = embeddings.at('position_embedding');
	const embedded = Add(positions.graph, withCls, positions.at('weight').parameter([N + 1, E]));
	root.trace('embeddings', embedded, [dims.image, N + 1, E]);

	const norm = { size: E, epsilon: config.layer_norm_eps };
	let hidden = layerNorm(root.at('pre_layrnorm'), embedded, norm);
	root.trace('hidden_states.0', hidden, [dims.image, N + 1, E]);
	const states = [hidden];
	for (let i = 0; i < config.num_hidden_layers; i++) {
		hidden = encoderLayer(root.at('encoder').at(`layers.${i}`), hidden, { ...config, dtype });
		root.trace(`hidden_states.${i + 1}`, hidden, [dims.image, N + 1, E]);
		states.push(hidden);
	}
	for (const layer of featureLayers) {
		const source = states[layer];
		if (!source) throw new Error(`The vision tower has no hidden state ${layer}.`);
		const features = Slice(g.scope(`features.${layer}`), source, g.ints([1]), g.ints([N + 1]), [1]);
		root.trace(`features.${layer}`, features, [dims.image, N, E]);
	}
	return g;
}
