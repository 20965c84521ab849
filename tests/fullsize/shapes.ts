/** The shapes of official checkpoints, whole or with every width divided; depths, patches and M are never changed. */
export const projectorTypes = ['c-abs', 'd-abs'] as const;
export type OfficialProjector = (typeof projectorTypes)[number];

/** What 7B-M144 and 13B-M256 differ in (paper, tables 4 and 7): the language model, the image's side and M. */
const sizes = {
	'7b': { M: 144, image: 224, hidden: 4096, intermediate: 11008, layers: 32, heads: 32 },
	'13b': { M: 256, image: 336, hidden: 5120, intermediate: 13824, layers: 40, heads: 40 }
} as const;
export type OfficialSize = keyof typeof sizes;

/** config.json of C- or D-7B-M144, or -13B-M256. @param divide 1, or 16 for what CI runs (7B) */
export function officialConfig(projector: OfficialProjector, divide: number, size: OfficialSize = '7b') {
	const width = (full: number) => full / divide;
	const { M, image, hidden, intermediate, layers, heads } = sizes[size];
	const common = {
		projector_type: projector,
		num_query_tokens: M,
		num_eos_tokens: 0,
		feature_layer_index: -1,
		pos_emb: true,
		encoder_hidden_size: width(1024),
		output_hidden_size: width(hidden)
	};
	return {
		architectures: ['HoneybeeForConditionalGeneration'],
		torch_dtype: 'bfloat16',
		transformers_version: '4.38.1',
		vision_config: {
			pretrained_vision_name_or_path: `openai/clip-vit-large-patch14${image === 336 ? '-336' : ''}`,
			encoder_type: 'openai.clip',
			hidden_size: width(1024),
			intermediate_size: width(4096),
			num_hidden_layers: 24,
			num_attention_heads: 16,
			num_channels: 3,
			image_size: image,
			patch_size: 14,
			hidden_act: 'quick_gelu',
			layer_norm_eps: 1e-5,
			projection_dim: width(768)
		},
		projector_config:
			projector === 'c-abs'
				? { ...common, depth: 3, mlp_depth: 2, hidden_size: width(1024), prenorm: false }
				: {
						...common,
						d_model: width(1024),
						decoder_layers: 6,
						decoder_attention_heads: 8,
						decoder_ffn_dim: width(1024),
						decoder_n_points: 4,
						num_feature_levels: 1,
						activation_function: 'relu',
						pooled_v_target: 'query'
					},
		lm_config: { pretrained_lm_name_or_path: `lmsys/vicuna-${size}-v1.5` },
		text_config: {
			vocab_size: width(32000),
			hidden_size: width(hidden),
			intermediate_size: width(intermediate),
			num_hidden_layers: layers,
			// Heads of at least 16, so that the fused attention is what is tested.
			num_attention_heads: divide === 1 ? heads : 16,
			num_key_value_heads: divide === 1 ? heads : 16,
			max_position_embeddings: 4096,
			rms_norm_eps: 1e-5,
			rope_theta: 10000,
			tie_word_embeddings: false
		}
	};
}
