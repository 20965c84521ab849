import { Graph } from '../../../onnx/graph.ts';
import { Cast } from '../../../onnx/ops.ts';
import { dims } from '../../dims.ts';
import { rotate } from '../../language/rope.ts';
import { linear } from '../../layers.ts';
import type { WeightDType } from '../../manifest.ts';
import { Module } from '../../module.ts';
import type { StateDict } from '../../state-dict.ts';
import { encoderLayer } from '../encoder-layer.ts';
import { PREFIX } from '../graph.ts';
import type { Qwen2VlConfig } from './config.ts';

/** Numbers of a patch: channel, time, y, x. */
export const patchLength = ({ num_channels, temporal_patch_size, patch_size }: Qwen2VlConfig): number =>
	num_channels * temporal_patch_size * patch_size ** 2;

/**
 * Qwen2-VL's ViT without its merger (transformers Qwen2VisionTransformerPretrainedModel). E width, d = E / heads, N patches of one picture in
 * the sequence's order (`positions.ts`), as many as the picture has.
 *
 *   pixel_values [image, N, C·T·p²] ─ patch_embedding, a matrix ─ [image, N, E]      vision.patch_embeds, vision.hidden_states.0
 *     ─ layers, queries and keys turned by rotary_cos, rotary_sin [N, d/2]           vision.hidden_states.i
 *   features of layer i: hidden_states.i                                             vision.features.i [image, N, E]
 */
export function qwen2VlGraph(
	config: Qwen2VlConfig,
	state: StateDict,
	featureLayers: readonly number[],
	dtype: WeightDType
): Graph {
	const g = new Graph('vision');
	const { hidden_size: E, num_channels, temporal_patch_size, patch_size, num_attention_heads } = config;
	const half = E / num_attention_heads / 2;
	const pixels = g.input('pixel_values', 'float32', [dims.image, dims.patch, patchLength(config)]);
	const cos = g.input('rotary_cos', 'float32', [dims.patch, half]);
	const sin = g.input('rotary_sin', 'float32', [dims.patch, half]);
	const root = new Module(g, state, { key: PREFIX, trace: 'vision' });
	const patching = root.at('embeddings.patch_embedding');
	const embedded = linear(patching, pixels, {
		...{ in: patchLength(config), out: E, bias: false, dtype },
		stored: [E, num_channels, temporal_patch_size, patch_size, patch_size]
	});
	let hidden = Cast(patching.graph, embedded, 'float32');
	root.trace('patch_embeds', hidden, [dims.image, dims.patch, E]);
	root.trace('hidden_states.0', hidden, [dims.image, dims.patch, E]);
	const states = [hidden];
	const last = Math.max(...featureLayers);
	for (let i = 0; i < last; i++) {
		hidden = encoderLayer(root.at('encoder').at(`layers.${i}`), hidden, {
			...config,
			dtype,
			turn: (scope, x) => rotate(scope.scope('rope'), x, { cos, sin })
		});
		root.trace(`hidden_states.${i + 1}`, hidden, [dims.image, dims.patch, E]);
		states.push(hidden);
	}
	for (const layer of featureLayers)
		root.trace(`features.${layer}`, states[layer]!, [dims.image, dims.patch, E]);
	return g;
}
