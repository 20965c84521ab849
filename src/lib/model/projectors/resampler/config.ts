import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';
import { checkHeads } from '../../heads.ts';

export interface ResamplerConfig extends CommonProjectorConfig {
	readonly projector_type: 'resampler';
	readonly hidden_size: number;
	readonly num_hidden_layers: number;
	readonly num_attention_heads: number;
	readonly intermediate_size: number;
	readonly layer_norm_eps: number;
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): ResamplerConfig {
	const config: ResamplerConfig = {
		...common,
		projector_type: 'resampler',
		hidden_size: fields.count('hidden_size', 1024, 1),
		num_hidden_layers: fields.count('num_hidden_layers', 6),
		num_attention_heads: fields.count('num_attention_heads', 16, 1),
		intermediate_size: fields.count('intermediate_size', 4096, 1),
		layer_norm_eps: fields.number('layer_norm_eps', 1e-6)
	};
	checkHeads(
		'projector_config',
		['hidden_size', config.hidden_size],
		['num_attention_heads', config.num_attention_heads]
	);
	return config;
}
