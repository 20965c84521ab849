import { InputError } from '../../tensor/errors.ts';
import type { CommonProjectorConfig } from '../config.ts';

/** @throws InputError when the attention's heads do not divide the features' width */
export function checkHeads({
	encoder_hidden_size: width,
	num_attention_heads: heads
}: CommonProjectorConfig & { readonly num_attention_heads: number }): void {
	if (width % heads)
		throw new InputError(
			`projector_config: the width ${width} is not a multiple of num_attention_heads ${heads}; correct config.json.`
		);
}
