import { activationNames, type Activation } from '../../activations.ts';
import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';

export interface MlpConfig extends CommonProjectorConfig {
	readonly projector_type: 'mlp';
	/** Number of linear layers; 1 is the "linear" projector. */
	readonly depth: number;
	readonly prenorm: boolean;
	/** Between the layers; SiLU when absent. */
	readonly hidden_act?: Activation;
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): MlpConfig {
	const hidden_act = fields.oneOf('hidden_act', activationNames, 'silu');
	return {
		...common,
		projector_type: 'mlp',
		depth: fields.count('depth', 2, 1),
		prenorm: fields.boolean('prenorm', false),
		...(hidden_act !== 'silu' && { hidden_act })
	};
}

/** Width of the features that come in: several layers are joined along channels. */
export const inputWidth = ({ encoder_hidden_size, feature_layer_index }: CommonProjectorConfig): number =>
	encoder_hidden_size * [feature_layer_index].flat().length;
