import { Graph } from '../../../onnx/graph.ts';
import { Add, Concat, Expand, Gather, Shape } from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { gridSide } from '../../config.ts';
import { dims } from '../../dims.ts';
import { layerNorm } from '../../layers.ts';
import type { WeightDType } from '../../manifest.ts';
import { Module } from '../../module.ts';
import type { StateDict } from '../../state-dict.ts';
import { encoderLayer } from '../encoder-layer.ts';
import { PREFIX } from '../graph.ts';
import { patchTokens } from '../patches.ts';
import type { SiglipConfig } from './config.ts';
import { positionIds } from './positions.ts';

/**
 * SigLIP ViT (transformers SiglipVisionModel, Idefics3VisionTransformer; nanoVLM's ViT). E width, N patches, g = sqrt(N). Pixels at the right
 * and the bottom that make no whole patch are never read.
 *
 *   pixel_values [image, 3, S, S] ─ Conv p×p/p, bias ─ [image, E, g, g]              vision.patch_embeds
 *     ─ flatten row-major ─ + position_embedding[position ids] ─ layers              vision.hidden_states.i [image, N, E]
 *   features of layer i: hidden_states.i (─ post_layernorm)                          vision.features.i [image, N, E]
 */
export function siglipGraph(
	config: SiglipConfig,
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
	const tokens = patchTokens(root, embeddings, pixels, { ...config, side, bias: true });
	let hidden = Add(embeddings.graph, tokens, positions(root, config, pixels));
	root.trace('hidden_states.0', hidden, [dims.image, N, E]);

	const states = [hidden];
	const last = Math.max(...featureLayers);
	for (let i = 0; i < last; i++) {
		hidden = encoderLayer(root.at('encoder').at(`layers.${i}`), hidden, { ...config, dtype });
		root.trace(`hidden_states.${i + 1}`, hidden, [dims.image, N, E]);
		states.push(hidden);
	}
	for (const layer of featureLayers) {
		const norm = { size: E, epsilon: config.layer_norm_eps };
		const normed = config.post_norm && layer === config.num_hidden_layers;
		const read = normed ? layerNorm(root.at('post_layernorm'), states[layer]!, norm) : states[layer]!;
		root.trace(`features.${layer}`, read, [dims.image, N, E]);
	}
	return g;
}

/**
 * The position embedding's rows of all patches, [N, E] or [1, N, E] when looked up:
 *
 *   position_embedding.weight [N, E] ─ (Gather(position ids))
 */
function positions(root: Module, config: SiglipConfig, pixels: Value): Value {
	const side = gridSide(config);
	const N = side * side;
	const module = root.at('embeddings').at('position_embedding');
	const weight = module.at('weight');
	const shape = [N, config.hidden_size];
	// nanoVLM stores it with an axis of size 1 in front.
	const stored = root.state.dims(weight.key)?.length === 3 ? [1, ...shape] : shape;
	const table = weight.parameter(stored, { dims: shape });
	if (config.positions === 'raster') return table;
	const ids = positionIds(side);
	const { graph: g } = module;
	const row = g.ints(ids);
	const images = Concat(g, [Shape(g, pixels, 0, 1), g.ints([N])], 0);
	root.trace('position_ids', Expand(g, row, images), [dims.image, N]);
	return ids.every((id, i) => id === i) ? table : Gather(g, table, row, 0);
}

/** Keys of a tower that is read up to hidden state `last` and has no use for: what comes after it, and the head that pools. */
export function afterFeatures(config: SiglipConfig, key: string, last: number): boolean {
	if (!key.startsWith(`${PREFIX}.`)) return false;
	const [, layer] = /\.encoder\.layers\.(\d+)\./.exec(key) ?? [];
	if (layer !== undefined) return Number(layer) >= last;
	const normed = config.post_norm && last === config.num_hidden_layers;
	return key.startsWith(`${PREFIX}.head.`) || (!normed && key.startsWith(`${PREFIX}.post_layernorm.`));
}
