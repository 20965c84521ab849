import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';

export interface LdpNetConfig extends CommonProjectorConfig {
	readonly projector_type: 'ldpnet';
}

export const parseConfig = (_fields: ConfigFields, common: CommonProjectorConfig): LdpNetConfig => ({
	...common,
	projector_type: 'ldpnet'
});

/** Side of the grid of visual tokens: that of a convolution of stride 2 with padding 1. */
export const tokenSide = (side: number): number => Math.floor((side - 1) / 2) + 1;

/** Width inside the gates, torchvision's `_make_divisible(O / 4, 8)`. */
export function squeezedWidth(O: number): number {
	const quarter = Math.floor(O / 4);
	const multiple = Math.max(8, Math.floor((quarter + 4) / 8) * 8);
	return multiple < 0.9 * quarter ? multiple + 8 : multiple;
}
