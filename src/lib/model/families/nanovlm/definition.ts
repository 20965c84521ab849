import { isObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { ConfigFields } from '../../config-fields.ts';
import type { TextConfig } from '../../config.ts';
import { checkHeads } from '../../heads.ts';
import { normalise } from '../../image/preprocess.ts';
import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import type { ImageSettings } from '../../manifest.ts';
import { ByteLevelTokenizer } from '../../text/byte-level.ts';
import type { SiglipConfig } from '../../vision/siglip/config.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { shuffledProjector } from '../shuffled-projector.ts';
import { keys } from './keys.ts';
import { cutPicture, planPicture, type PictureSettings } from './picture.ts';
import { prompt, type ExtraTokens } from './prompt.ts';
import { wording } from './wording.ts';

/** nanoVLM in its three spellings: v0.1 and v0.2, which squash pictures to a square, and the newest, which cuts them into tiles. */
export const nanovlm: FamilyDefinition = {
	name: 'nanovlm',
	title: 'nanoVLM',
	goldens: ['nanovlm', 'nanovlm-222m'],
	published: [
		{ name: 'lusxvr/nanoVLM-222M', small: true },
		{ name: 'lusxvr/nanoVLM-450M', small: true }
	],
	recognise: (config) =>
		config.model_type === undefined &&
		typeof config.lm_tokenizer === 'string' &&
		typeof config.vit_hidden_dim === 'number',
	tokenizerFolder: ({ lm_tokenizer }) => (typeof lm_tokenizer === 'string' ? lm_tokenizer : undefined),
	keys,
	parse,
	tokenizer: (files) => new ByteLevelTokenizer(files),
	prompt,
	wording,
	imageProcessor(settings) {
		const picture = pictureSettings(settings);
		return {
			...(!picture.tiles && { fixedViews: 1 }),
			views: (size) => planPicture(size, picture).views,
			pixels: (image) => normalise(cutPicture(image, picture), settings)
		};
	}
};

function parse(folder: FamilyFolder): FamilyModel {
	const fields = new ConfigFields(folder.json['config.json'] ?? {}, 'config.json');
	if (fields.boolean('vit_cls_flag', false))
		throw new InputError(
			'config.json.vit_cls_flag is true, with which the tower gives its class token alone; that is not served.'
		);
	if (fields.number('lm_attn_scaling', 1) !== 1)
		throw new InputError(
			`config.json.lm_attn_scaling is ${fields.number('lm_attn_scaling')}, which is not served; published models have 1.`
		);
	const tokens = extraTokens(fields, folder);
	const image = parseImage(fields, tokens);
	const vision_config: SiglipConfig = {
		tower: 'siglip',
		positions: 'raster',
		post_norm: true,
		hidden_size: fields.count('vit_hidden_dim', undefined, 1),
		intermediate_size: fields.count('vit_inter_dim', undefined, 1),
		num_hidden_layers: fields.count('vit_n_blocks', undefined, 1),
		num_attention_heads: fields.count('vit_n_heads', undefined, 1),
		num_channels: 3,
		patch_size: fields.count('vit_patch_size', undefined, 1),
		image_size: image.size,
		hidden_act: 'gelu_pytorch_tanh',
		layer_norm_eps: fields.number('vit_ln_eps', 1e-6),
		image_mean: image.mean,
		image_std: image.std
	};
	checkHeads(
		'config.json',
		['vit_hidden_dim', vision_config.hidden_size],
		['vit_n_heads', vision_config.num_attention_heads]
	);
	const hidden_size = fields.count('lm_hidden_dim', undefined, 1);
	const num_attention_heads = fields.count('lm_n_heads', undefined, 1);
	const num_key_value_heads = fields.count('lm_n_kv_heads', undefined, 1);
	checkHeads('config.json', ['lm_hidden_dim', hidden_size], ['lm_n_heads', num_attention_heads]);
	checkHeads('config.json', ['lm_n_heads', num_attention_heads], ['lm_n_kv_heads', num_key_value_heads]);
	const text_config: TextConfig = {
		vocab_size: fields.count('lm_vocab_size', undefined, 1),
		hidden_size,
		intermediate_size: fields.count('lm_inter_dim', undefined, 1),
		num_hidden_layers: fields.count('lm_n_blocks', undefined, 1),
		num_attention_heads,
		num_key_value_heads,
		head_dim: hidden_size / num_attention_heads,
		rms_norm_eps: fields.number('lm_rms_eps'),
		rope_theta: fields.number('lm_re_base'),
		max_position_embeddings: fields.count('lm_max_position_embeddings', undefined, 1),
		// safetensors keeps one of two tensors that are the same.
		tie_word_embeddings:
			fields.boolean('lm_tie_weights', true) ||
			!['lm_head', 'model.embed_tokens'].every((name) => folder.entries.has(`${LANGUAGE}.${name}.weight`)),
		bos_token_id: 0,
		// Answers end where the tokenizer says; `lm_eos_token_id` is never read upstream.
		eos_token_id: [],
		pad_token_id: 0
	};
	const projector_config = shuffledProjector(
		'mp_pixel_shuffle_factor',
		fields.count('mp_pixel_shuffle_factor', undefined, 1),
		vision_config,
		text_config
	);
	const M = projector_config.num_query_tokens;
	const told = fields.count('mp_image_token_length', M, 1);
	if (told !== M)
		throw new InputError(
			`config.json: mp_image_token_length is ${told}, but an image makes ${M} visual tokens; correct config.json.`
		);
	const chat_template = fields.has('lm_chat_template') ? fields.string('lm_chat_template') : undefined;
	return {
		config: {
			vision_config,
			text_config,
			projector_config,
			lm_config: {
				pretrained_lm_name_or_path: fields.string('lm_model_type', 'unknown'),
				pretrained_tokenizer_name_or_path: fields.string('lm_tokenizer')
			}
		},
		image,
		prompt: {
			template: chat_template === undefined ? 'question' : 'chat',
			...(chat_template !== undefined && { chat_template }),
			...(tokens && { extra_tokens: tokens })
		},
		...(tokens && { addedTokens: Object.values(tokens) }),
		spelling: image.tiles ? 'the release with tiles (2025-09)' : tokens ? 'v0.2' : 'v0.1',
		reference: "huggingface/nanoVLM of that spelling, Pillow 13's resizing; alpha is dropped"
	};
}

function extraTokens(fields: ConfigFields, { json }: FamilyFolder): ExtraTokens | undefined {
	const section = fields.section('vlm_extra_tokens');
	if (!section) return undefined;
	section.string('image_token');
	const tokens = json['config.json']?.vlm_extra_tokens;
	const all = Object.entries(isObject(tokens) ? tokens : {});
	return Object.fromEntries(all.map(([name]) => [name, section.string(name)]));
}

function parseImage(fields: ConfigFields, tokens: ExtraTokens | undefined): ImageSettings {
	const size = fields.count('vit_img_size', undefined, 1);
	const plain = { size, mean: [0, 0, 0], std: [1, 1, 1] };
	if (!fields.has('max_img_size')) return plain;
	const longest = fields.count('max_img_size', undefined, 1);
	if (longest % size)
		throw new InputError(
			`config.json: max_img_size ${longest} is not a multiple of vit_img_size ${size}, so that pictures cannot be cut into tiles; correct config.json.`
		);
	return {
		...plain,
		tiles: {
			longest,
			always: fields.boolean('resize_to_max_side_len', false),
			whole: tokens?.global_image_token !== undefined
		}
	};
}

function pictureSettings({ size, tiles }: ImageSettings): PictureSettings {
	if (tiles === undefined) return { side: size };
	const { longest, always, whole } = isObject(tiles) ? tiles : {};
	if (typeof longest !== 'number' || typeof always !== 'boolean' || typeof whole !== 'boolean')
		throw new InputError(
			'The model folder does not say how pictures are cut into tiles (image.tiles); convert the checkpoint again.'
		);
	return { side: size, tiles: { longest, always, whole } };
}
