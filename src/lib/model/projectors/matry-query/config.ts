import { InputError } from '../../../tensor/errors.ts';
import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';
import { checkHeads } from '../../heads.ts';

export interface MatryQueryConfig extends CommonProjectorConfig {
	readonly projector_type: 'matry-query';
	/** Learned queries, and so the most visual tokens; a square number, since their places are a grid's. */
	readonly num_queries: number;
	readonly num_attention_heads: number;
	readonly layer_norm_eps: number;
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): MatryQueryConfig {
	const config: MatryQueryConfig = {
		...common,
		projector_type: 'matry-query',
		num_queries: fields.count('num_queries', 256, 1),
		num_attention_heads: fields.count('num_attention_heads', 16, 1),
		layer_norm_eps: fields.number('layer_norm_eps', 1e-6)
	};
	checkHeads(
		'projector_config',
		['encoder_hidden_size', config.encoder_hidden_size],
		['num_attention_heads', config.num_attention_heads]
	);
	if (!Number.isInteger(Math.sqrt(config.num_queries)))
		throw new InputError(
			`projector_config.num_queries is ${config.num_queries}, but the queries' places are those of a square grid; correct config.json.`
		);
	if (config.num_query_tokens > config.num_queries)
		throw new InputError(
			`projector_config.num_query_tokens is ${config.num_query_tokens}, more than the ${config.num_queries} queries that there are; correct config.json.`
		);
	return config;
}
