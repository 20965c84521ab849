import { InputError } from '../tensor/errors.ts';

/** Upstream's config.json after migration, reduced to the fields the model needs. Names are upstream's. */
export interface VisionConfig {
	readonly hidden_size: number;
	readonly intermediate_size: number;
	readonly num_hidden_layers: number;
	readonly num_attention_heads: number;
	readonly num_channels: number;
	readonly patch_size: number;
	readonly image_size: number;
	readonly hidden_act: string;
	readonly layer_norm_eps: number;
	readonly image_mean: readonly number[];
	readonly image_std: readonly number[];
}

/** The fields every projector has; a projector's own ones are a type of its folder (`projectors/<type>/config.ts`). */
export interface CommonProjectorConfig {
	readonly num_query_tokens: number;
	readonly num_eos_tokens: number;
	readonly feature_layer_index: number;
	readonly pos_emb: boolean;
	/** E, width of the visual features. */
	readonly encoder_hidden_size: number;
	/** O, width of the language model. */
	readonly output_hidden_size: number;
}

/** Some projector's config: `projectorOf` (`projectors/registry.ts`) knows what follows from it. */
export interface ProjectorConfig extends CommonProjectorConfig {
	/** Upstream's word for the kind of projector. */
	readonly projector_type: string;
}

export interface TextConfig {
	readonly vocab_size: number;
	readonly hidden_size: number;
	readonly intermediate_size: number;
	readonly num_hidden_layers: number;
	readonly num_attention_heads: number;
	readonly num_key_value_heads: number;
	readonly head_dim: number;
	readonly rms_norm_eps: number;
	readonly rope_theta: number;
	readonly max_position_embeddings: number;
	readonly tie_word_embeddings: boolean;
	readonly bos_token_id: number;
	readonly eos_token_id: number;
	readonly pad_token_id: number;
}

export interface LmConfig {
	readonly pretrained_lm_name_or_path: string;
	readonly pretrained_tokenizer_name_or_path: string;
}

export interface HoneybeeConfig {
	readonly vision_config: VisionConfig;
	readonly projector_config: ProjectorConfig;
	readonly lm_config: LmConfig;
	readonly text_config: TextConfig;
}

/** Side of the patch grid, g; the tower sees g² patches. */
export function gridSide(vision: VisionConfig): number {
	return Math.floor(vision.image_size / vision.patch_size);
}

/** Python-style layer index → absolute index into hidden_states (0 = after pre_layrnorm). */
export function featureLayer(config: Pick<HoneybeeConfig, 'vision_config' | 'projector_config'>): number {
	const count = config.vision_config.num_hidden_layers + 1;
	const index = config.projector_config.feature_layer_index;
	const absolute = index < 0 ? count + index : index;
	if (absolute < 0 || absolute >= count)
		throw new InputError(
			`projector_config.feature_layer_index is ${index}, but the vision tower has only ${count} hidden states; correct config.json.`
		);
	return absolute;
}
