import { eosTokenIds, gridSide, type HoneybeeConfig, type TextConfig } from './config.ts';
import { towerOf } from './vision/towers.ts';

/** A model's vision tower, e.g. "12 layers, 12 heads, width 768, image 512 px, 32×32 patches". */
export function visionInWords({ vision_config }: Pick<HoneybeeConfig, 'vision_config'>): string {
	const side = gridSide(vision_config);
	return `${vision_config.num_hidden_layers} layers, ${vision_config.num_attention_heads} heads, width ${vision_config.hidden_size}, ${towerOf(vision_config).anySize ? `patches of ${vision_config.patch_size} px, as many as the picture has` : `image ${vision_config.image_size} px, ${side}×${side} patches`}`;
}

/** A family with how its checkpoint is written, where there are several ways. */
export const familyInWords = (title: string, spelling: string | undefined): string =>
	spelling === undefined ? title : `${title}, spelling: ${spelling}`;

/** Its language model, e.g. "30 layers, 9 heads (3 for keys), width 576, vocabulary 49280, context 8192". */
export function languageInWords({ text_config }: Pick<HoneybeeConfig, 'text_config'>): string {
	return `${text_config.num_hidden_layers} layers, ${text_config.num_attention_heads} heads (${text_config.num_key_value_heads} for keys), width ${text_config.hidden_size}, vocabulary ${text_config.vocab_size}, context ${text_config.max_position_embeddings}`;
}

/** What else the language model's numbers depend on. */
export function languageDetails(config: TextConfig): string[] {
	const { rope_scaling: scaling, rope_theta, hidden_act = 'silu', rms_norm_eps } = config;
	const rope = scaling ? `${rope_theta}, ${scaling.rope_type} scaling by ${scaling.factor}` : `${rope_theta}`;
	const biases = [config.attention_bias && 'attention', config.mlp_bias && 'MLP'].filter(Boolean);
	return [
		`RoPE base ${rope}`,
		`eps ${rms_norm_eps}`,
		`activation ${hidden_act}`,
		`eos ${eosTokenIds(config).join(', ') || 'as the tokenizer says'}`,
		config.tie_word_embeddings ? 'tied head' : 'head of its own',
		...(biases.length > 0 ? [`biases in ${biases.join(' and ')}`] : []),
		...(config.post_norm ? ['norms behind sublayers'] : []),
		...factors(config).map(([what, factor]) => `${what} × ${factor}`)
	];
}

/** The factors of muP that change something. */
function factors(config: TextConfig): [what: string, factor: number][] {
	const said: [string, number | undefined][] = [
		['embeddings', config.embedding_multiplier],
		['q·k', config.attention_multiplier],
		['sublayers', config.residual_multiplier],
		['logits', config.logits_scaling]
	];
	return said.flatMap(([what, factor]) => (factor === undefined ? [] : [[what, factor] as [string, number]]));
}
