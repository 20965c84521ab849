import type { JsonObject } from '../../bytes/json.ts';
import { ConfigFields } from '../config-fields.ts';
import type { VisionConfig } from '../config.ts';
import { clipNormalization } from '../image/preprocess.ts';
import { checkHeads } from '../heads.ts';

/**
 * Reads a CLIP tower's `vision_config`. Fields that savers leave out have the values of `absent`; without one there they are required.
 * @param where name of the section, for messages
 */
export function parseVision(
	json: JsonObject,
	{
		absent = {},
		where = 'vision_config'
	}: { readonly absent?: Partial<VisionConfig>; readonly where?: string } = {}
): VisionConfig {
	const fields = new ConfigFields(json, where);
	const config: VisionConfig = {
		hidden_size: fields.count('hidden_size', absent.hidden_size, 1),
		intermediate_size: fields.count('intermediate_size', absent.intermediate_size, 1),
		num_hidden_layers: fields.count('num_hidden_layers', absent.num_hidden_layers, 1),
		num_attention_heads: fields.count('num_attention_heads', absent.num_attention_heads, 1),
		num_channels: fields.count('num_channels', 3, 1),
		patch_size: fields.count('patch_size', absent.patch_size, 1),
		image_size: fields.count('image_size', absent.image_size, 1),
		hidden_act: fields.oneOf('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
		layer_norm_eps: fields.number('layer_norm_eps', 1e-5),
		image_mean: fields.numbers('image_mean', 3, clipNormalization.mean),
		image_std: fields.numbers('image_std', 3, clipNormalization.std)
	};
	checkHeads(where, ['hidden_size', config.hidden_size], ['num_attention_heads', config.num_attention_heads]);
	return config;
}
