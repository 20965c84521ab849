import { InputError } from '../tensor/errors.ts';
import type { Activation } from './activations.ts';

/** Upstream's config.json after migration, reduced to the fields the model needs. Names are upstream's. */
export interface VisionConfig {
	/** Kind of tower (`vision/towers.ts`); a CLIP when absent. */
	readonly tower?: string;
	readonly hidden_size: number;
	readonly intermediate_size: number;
	readonly num_hidden_layers: number;
	readonly num_attention_heads: number;
	readonly num_channels: number;
	readonly patch_size: number;
	readonly image_size: number;
	readonly hidden_act: Activation;
	readonly layer_norm_eps: number;
	readonly image_mean: readonly number[];
	readonly image_std: readonly number[];
}

/** The fields every projector has; a projector's own ones are a type of its folder (`projectors/<type>/config.ts`). */
export interface CommonProjectorConfig {
	readonly num_query_tokens: number;
	readonly num_eos_tokens: number;
	/** Of the hidden states that it reads, joined along channels where there are several; Python's way of counting. */
	readonly feature_layer_index: number | readonly number[];
	readonly pos_emb: boolean;
	/** It has a learned vector [O] that ends rows of visual tokens where a picture's tokens are laid out in rows across its views. */
	readonly image_newline?: boolean;
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

/** How the frequencies of the rotary embedding are changed for longer texts; names and formulas are transformers' (`ROPE_INIT_FUNCTIONS`). */
export type RopeScaling =
	| { readonly rope_type: 'linear'; readonly factor: number }
	| {
			readonly rope_type: 'llama3';
			readonly factor: number;
			readonly low_freq_factor: number;
			readonly high_freq_factor: number;
			readonly original_max_position_embeddings: number;
	  };

/** A decoder of LLaMA's kind. What may be absent is so in models converted before it was served, and then as LLaMA has it. */
export interface TextConfig {
	readonly vocab_size: number;
	/** Rows of the head, where it has more than there are tokens. */
	readonly padded_vocab_size?: number;
	readonly hidden_size: number;
	readonly intermediate_size: number;
	readonly num_hidden_layers: number;
	readonly num_attention_heads: number;
	readonly num_key_value_heads: number;
	readonly head_dim: number;
	readonly rms_norm_eps: number;
	readonly rope_theta: number;
	readonly rope_scaling?: RopeScaling;
	/** Of the MLP; SiLU when absent. */
	readonly hidden_act?: Activation;
	/** q_proj, k_proj, v_proj and o_proj have biases. */
	readonly attention_bias?: boolean;
	/** gate_proj, up_proj and down_proj have biases. */
	readonly mlp_bias?: boolean;
	/** Factors of muP, without effect when absent: of all embeddings, visual ones included, … */
	readonly embedding_multiplier?: number;
	/** … of q·k in place of head_dim^−½, … */
	readonly attention_multiplier?: number;
	/** … of what each sublayer adds, … */
	readonly residual_multiplier?: number;
	/** … and of the logits (HyperCLOVA X multiplies by it, Granite divides). */
	readonly logits_scaling?: number;
	/** What each sublayer adds goes through a norm of its own, before that factor. */
	readonly post_norm?: boolean;
	readonly max_position_embeddings: number;
	readonly tie_word_embeddings: boolean;
	readonly bos_token_id: number;
	/** An answer ends at any of them. */
	readonly eos_token_id: number | readonly number[];
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

/** Whether attention can be one operator: GroupQueryAttention needs heads whose width is a multiple of 16. */
export const fitsFusedAttention = ({ head_dim }: Pick<TextConfig, 'head_dim'>): boolean =>
	head_dim % 16 === 0;

/** Factor of q·k before the softmax. */
export const attentionScale = ({
	attention_multiplier,
	head_dim
}: Pick<TextConfig, 'attention_multiplier' | 'head_dim'>): number =>
	attention_multiplier ?? 1 / Math.sqrt(head_dim);

/** The ids at which an answer ends. */
export function eosTokenIds({ eos_token_id }: Pick<TextConfig, 'eos_token_id'>): readonly number[] {
	return typeof eos_token_id === 'number' ? [eos_token_id] : eos_token_id;
}

/** Side of the patch grid, g; the tower sees g² patches. */
export function gridSide(vision: VisionConfig): number {
	return Math.floor(vision.image_size / vision.patch_size);
}

/** The hidden states a projector reads, as absolute indices (0 = what the first block sees). */
export function featureLayers(
	config: Pick<HoneybeeConfig, 'vision_config' | 'projector_config'>
): readonly number[] {
	const count = config.vision_config.num_hidden_layers + 1;
	return [config.projector_config.feature_layer_index].flat().map((index) => {
		const absolute = index < 0 ? count + index : index;
		if (absolute < 0 || absolute >= count)
			throw new InputError(
				`projector_config.feature_layer_index is ${index}, but the vision tower has only ${count} hidden states; correct config.json.`
			);
		return absolute;
	});
}
