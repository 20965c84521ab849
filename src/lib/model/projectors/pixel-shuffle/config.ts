import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';

export interface PixelShuffleConfig extends CommonProjectorConfig {
	readonly projector_type: 'pixel-shuffle';
	/** s, side in patches of the block that one visual token is made of. */
	readonly scale_factor: number;
}

export function parseConfig(fields: ConfigFields, common: CommonProjectorConfig): PixelShuffleConfig {
	return {
		...common,
		projector_type: 'pixel-shuffle',
		scale_factor: fields.count('scale_factor', undefined, 1)
	};
}
