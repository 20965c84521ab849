import { InputError } from '../../../tensor/errors.ts';
import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';
import { checkHeads } from '../../heads.ts';

export interface DAbsConfig extends CommonProjectorConfig {
	readonly projector_type: 'd-abs';
	readonly d_model: number;
	readonly decoder_layers: number;
	readonly decoder_attention_heads: number;
	readonly decoder_ffn_dim: number;
	readonly decoder_n_points: number;
	readonly activation_function: string;
	readonly num_feature_levels: number;
	/** What the pooled features are: positions of the queries, the queries themselves, or not used. */
	readonly pooled_v_target: 'query' | 'tgt' | 'none';
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): DAbsConfig {
	const config: DAbsConfig = {
		...common,
		projector_type: 'd-abs',
		d_model: fields.count('d_model', 1024, 1),
		decoder_layers: fields.count('decoder_layers', 6),
		decoder_attention_heads: fields.count('decoder_attention_heads', 8, 1),
		decoder_ffn_dim: fields.count('decoder_ffn_dim', 1024, 1),
		decoder_n_points: fields.count('decoder_n_points', 4, 1),
		activation_function: fields.oneOf('activation_function', ['relu'], 'relu'),
		num_feature_levels: fields.count('num_feature_levels', 1, 1),
		pooled_v_target: fields.oneOf('pooled_v_target', ['query', 'tgt', 'none'], 'query')
	};
	if (config.num_feature_levels !== 1)
		throw new InputError(
			`projector_config.num_feature_levels is ${config.num_feature_levels}, but only one level ever ran upstream and only one is supported; use 1.`
		);
	checkHeads(
		'projector_config',
		['d_model', config.d_model],
		['decoder_attention_heads', config.decoder_attention_heads]
	);
	if (config.pooled_v_target !== 'none' && !Number.isInteger(Math.sqrt(config.num_query_tokens)))
		throw new InputError(
			`projector_config.num_query_tokens is ${config.num_query_tokens}, but pooled queries need a square number; correct config.json.`
		);
	return config;
}
