import { InputError } from '../../../tensor/errors.ts';
import type { ConfigFields } from '../../config-fields.ts';
import type { CommonProjectorConfig } from '../../config.ts';

export interface LdpNetV2Config extends CommonProjectorConfig {
	readonly projector_type: 'ldpnet-v2';
}

/** Side of the grid of visual tokens, whatever that of the patches. */
export const SIDE = 12;

export function parseConfig(_fields: ConfigFields, common: CommonProjectorConfig): LdpNetV2Config {
	if (common.num_query_tokens !== SIDE ** 2)
		throw new InputError(
			`projector_config.num_query_tokens is ${common.num_query_tokens}, but this projector always pools to ${SIDE} × ${SIDE} tokens; correct config.json.`
		);
	return { ...common, projector_type: 'ldpnet-v2' };
}
