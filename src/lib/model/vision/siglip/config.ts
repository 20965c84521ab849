import { ConfigFields } from '../../config-fields.ts';
import type { VisionConfig } from '../../config.ts';
import { activationNames } from '../../activations.ts';
import { checkHeads } from '../../heads.ts';

/** A SigLIP tower: no class token, no norm before the layers. */
export interface SiglipConfig extends VisionConfig {
	readonly tower: 'siglip';
	/**
	 * Which row of the position embedding a patch gets: `raster`, its number; `fractions`, what transformers computes from its place as a
	 * fraction of the picture (`positionIds`).
	 */
	readonly positions: 'raster' | 'fractions';
	/** Features of the last hidden state go through the tower's last norm. */
	readonly post_norm: boolean;
}

/** Reads a `vision_config` that holds every field but those that are absent in all. @throws InputError naming the field */
export function parseSiglip(
	fields: ConfigFields,
	{
		positions,
		post_norm,
		image_mean,
		image_std
	}: Pick<SiglipConfig, 'positions' | 'post_norm' | 'image_mean' | 'image_std'>
): SiglipConfig {
	const config: SiglipConfig = {
		tower: 'siglip',
		positions,
		post_norm,
		hidden_size: fields.count('hidden_size', undefined, 1),
		intermediate_size: fields.count('intermediate_size', undefined, 1),
		num_hidden_layers: fields.count('num_hidden_layers', undefined, 1),
		num_attention_heads: fields.count('num_attention_heads', undefined, 1),
		num_channels: fields.count('num_channels', 3, 1),
		patch_size: fields.count('patch_size', undefined, 1),
		image_size: fields.count('image_size', undefined, 1),
		hidden_act: fields.oneOf('hidden_act', activationNames, 'gelu_pytorch_tanh'),
		layer_norm_eps: fields.number('layer_norm_eps', 1e-6),
		image_mean,
		image_std
	};
	checkHeads(
		'vision_config',
		['hidden_size', config.hidden_size],
		['num_attention_heads', config.num_attention_heads]
	);
	return config;
}
