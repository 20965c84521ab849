import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';

export interface MlpConfig extends CommonProjectorConfig {
	readonly projector_type: 'mlp';
	/** Number of linear layers; 1 is the "linear" projector. */
	readonly depth: number;
	readonly prenorm: boolean;
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): MlpConfig {
	return {
		...common,
		projector_type: 'mlp',
		depth: fields.count('depth', 2, 1),
		prenorm: fields.boolean('prenorm', false)
	};
}
