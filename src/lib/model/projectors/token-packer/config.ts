import { InputError } from '../../../tensor/errors.ts';
import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';
import { checkHeads } from '../../heads.ts';

export interface TokenPackerConfig extends CommonProjectorConfig {
	readonly projector_type: 'token-packer';
	/** s: a visual token for each s × s patches. */
	readonly scale_factor: number;
	/** Layers that keys and values are made of: the first of `feature_layer_index`; queries are made of the last one. */
	readonly num_feature_levels: number;
	readonly num_attention_heads: number;
	readonly layer_norm_eps: number;
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): TokenPackerConfig {
	const config: TokenPackerConfig = {
		...common,
		projector_type: 'token-packer',
		scale_factor: fields.count('scale_factor', 2, 1),
		num_feature_levels: fields.count('num_feature_levels', 4, 1),
		num_attention_heads: fields.count('num_attention_heads', 8, 1),
		layer_norm_eps: fields.number('layer_norm_eps', 1e-6)
	};
	checkHeads(
		'projector_config',
		['encoder_hidden_size', config.encoder_hidden_size],
		['num_attention_heads', config.num_attention_heads]
	);
	const layers = [config.feature_layer_index].flat().length;
	if (layers !== config.num_feature_levels && layers !== config.num_feature_levels + 1)
		throw new InputError(
			`projector_config.feature_layer_index names ${layers} layers, but keys are made of ${config.num_feature_levels} and queries of the last one; correct config.json.`
		);
	return config;
}
