import { Conv, Reshape, Transpose } from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import { dims } from '../dims.ts';
import type { Module } from '../module.ts';

interface PatchOptions {
	readonly hidden_size: number;
	readonly num_channels: number;
	readonly patch_size: number;
	/** g: patches on a side. */
	readonly side: number;
	readonly bias?: boolean;
}

/**
 * Patches of the pixels as tokens, row by row; `patch_embedding` of the module `embeddings`, traced under the tower's name.
 *
 *   pixel_values [image, 3, S, S] ─ Conv p×p/p (─ bias) ─ [image, E, g, g]       vision.patch_embeds
 *     ─ [image, N, E]
 */
export function patchTokens(
	root: Module,
	embeddings: Module,
	pixels: Value,
	{ hidden_size: E, num_channels, patch_size, side, bias = false }: PatchOptions
): Value {
	const patching = embeddings.at('patch_embedding');
	const kernel = patching.at('weight').parameter([E, num_channels, patch_size, patch_size]);
	const patches = Conv(patching.graph, pixels, kernel, {
		kernel: patch_size,
		stride: patch_size,
		...(bias && { bias: patching.at('bias').parameter([E]) })
	});
	root.trace('patch_embeds', patches, [dims.image, E, side, side]);
	const { graph } = embeddings;
	return Transpose(graph, Reshape(graph, patches, [0, E, side * side]), [0, 2, 1]);
}
