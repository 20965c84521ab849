import { InputError } from '../../../tensor/errors.ts';
import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';

export interface CAbsConfig extends CommonProjectorConfig {
	readonly projector_type: 'c-abs';
	/** Blocks before the pooling, and as many after it; 0 is average pooling. */
	readonly depth: number;
	readonly mlp_depth: number;
	readonly hidden_size: number;
	readonly prenorm: boolean;
	/**
	 * A picture has two views, its crops joined to a grid of twice the tower's side, and the whole, and each a network of its own, keys
	 * `abstractor.ctt.…` and `abstractor.ori.…`. Positions are the tower's, resized where the grid is another.
	 */
	readonly views?: 'crops';
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): CAbsConfig {
	if (!Number.isInteger(Math.sqrt(common.num_query_tokens)))
		throw new InputError(
			`projector_config.num_query_tokens is ${common.num_query_tokens}, but a C-Abstractor needs a square number; correct config.json.`
		);
	return {
		...common,
		projector_type: 'c-abs',
		depth: fields.count('depth', 3),
		mlp_depth: fields.count('mlp_depth', 2, 1),
		hidden_size: fields.count('hidden_size', 1024, 1),
		prenorm: fields.boolean('prenorm', false),
		...(fields.has('views') && { views: fields.oneOf<'crops'>('views', ['crops'], 'crops') })
	};
}
