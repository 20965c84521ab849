import { InputError } from '../../../tensor/errors.ts';
import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';

export interface DynamicCAbsConfig extends CommonProjectorConfig {
	readonly projector_type: 'dynamic-c-abs';
	/** Blocks before the merge, and as many after it. */
	readonly depth: number;
	readonly mlp_depth: number;
	readonly hidden_size: number;
	/** s, side in patches of what one visual token is made of. */
	readonly merge_size: number;
	/** Rows of the position table, a square number. */
	readonly pos_emb_size: number;
	readonly prenorm: boolean;
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): DynamicCAbsConfig {
	const config: DynamicCAbsConfig = {
		...common,
		projector_type: 'dynamic-c-abs',
		depth: fields.count('depth', 2),
		mlp_depth: fields.count('mlp_depth', 2, 1),
		hidden_size: fields.count('hidden_size', 1024, 1),
		merge_size: fields.count('merge_size', 2, 1),
		pos_emb_size: fields.count('pos_emb_size', 576, 1),
		prenorm: fields.boolean('prenorm', false)
	};
	if (config.depth === 0)
		throw new InputError(
			'projector_config.depth is 0, with which a dynamic-c-abs cannot be run upstream either; correct config.json.'
		);
	if (config.merge_size !== 2)
		throw new InputError(
			`projector_config.merge_size is ${config.merge_size}, which is not served; published models have 2.`
		);
	if (!Number.isInteger(Math.sqrt(config.pos_emb_size)))
		throw new InputError(
			`projector_config.pos_emb_size is ${config.pos_emb_size}, but the positions lie on a square; correct config.json.`
		);
	return config;
}
