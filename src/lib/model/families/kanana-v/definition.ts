import { isObject, type JsonObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { activationNames } from '../../activations.ts';
import { ConfigFields } from '../../config-fields.ts';
import type { ImageSettings } from '../../manifest.ts';
import { clipNormalization } from '../../image/preprocess.ts';
import { blockRows } from '../../image/patch-rows.ts';
import { dynamicCAbs } from '../../projectors/dynamic-c-abs/definition.ts';
import { parseProjector } from '../../projectors/parse-config.ts';
import { ByteLevelTokenizer } from '../../text/byte-level.ts';
import type { Qwen2VlConfig } from '../../vision/qwen2-vl/config.ts';
import { chatTemplate, templateVariables } from '../chat.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { filters, PROCESSOR_FILE, processorFields } from '../processor-file.ts';
import { decoderConfig } from '../flat-llava.ts';
import { llamaDefaults } from '../llama-defaults.ts';
import { keys } from './keys.ts';
import { resizePicture, viewOf, type PictureSettings } from './picture.ts';
import { prompt } from './prompt.ts';
import { wording } from './wording.ts';
import { processorTemplate } from './template.ts';

const MODEL_TYPE = 'kanana-1.5-v';
/** What its config calls a decoder that is LLaMA. */
const DECODER = 'kanana-1.5-3b-instruct';

/** Kanana-1.5-v-3b: Qwen2-VL's tower, a C-Abstractor for any size of picture, LLaMA. */
export const kananaV: FamilyDefinition = {
	name: 'kanana-v',
	title: 'Kanana-1.5-v',
	goldens: ['kanana-v'],
	recognise: ({ model_type, projector_config }) =>
		model_type === MODEL_TYPE ||
		(isObject(projector_config) && projector_config.projector_type === dynamicCAbs.type),
	keys,
	parse,
	tokenizer: (files) => new ByteLevelTokenizer(files),
	prompt,
	wording,
	imageProcessor(settings) {
		const picture = pictureSettings(settings);
		const frames = said(settings, 'temporal_patch_size');
		return {
			fixedViews: 1,
			views: (size) => [viewOf(size, picture)],
			pixels: (image) => blockRows(resizePicture(image, picture), { ...settings, ...picture, frames })
		};
	}
};

function parse(folder: FamilyFolder): FamilyModel {
	const file = folder.json['config.json'] ?? {};
	const section = (name: string): JsonObject => {
		const value = file[name] ?? {};
		if (!isObject(value))
			throw new InputError(`config.json: ${name} is not an object; restore the original file.`);
		return value;
	};
	const vision = new ConfigFields(section('vision_config'), 'vision_config');
	const patch_size = vision.count('patch_size', 14, 1);
	const spatial_merge_size = vision.count('spatial_merge_size', 2, 1);
	const temporal_patch_size = vision.count('temporal_patch_size', 2, 1);
	const hidden_size = vision.count('embed_dim', 1280, 1);
	const num_attention_heads = vision.count('num_heads', 16, 1);
	if (hidden_size % (4 * num_attention_heads))
		throw new InputError(
			`vision_config: embed_dim ${hidden_size} cannot be turned in two axes by ${num_attention_heads} heads; correct config.json.`
		);
	const image = parseImage(folder, { patch_size, spatial_merge_size, temporal_patch_size });
	const vision_config: Qwen2VlConfig = {
		tower: 'qwen2-vl',
		hidden_size,
		intermediate_size: Math.trunc(hidden_size * vision.number('mlp_ratio', 4)),
		num_hidden_layers: vision.count('depth', 32, 1),
		num_attention_heads,
		num_channels: vision.count('in_channels', undefined, 1),
		patch_size,
		image_size: image.size,
		hidden_act: vision.oneOf('hidden_act', activationNames, 'quick_gelu'),
		layer_norm_eps: 1e-6,
		image_mean: image.mean,
		image_std: image.std,
		temporal_patch_size,
		spatial_merge_size
	};
	const text = { ...llamaDefaults, ...section('text_config') } as JsonObject;
	const text_config = {
		...decoderConfig(
			{ ...text, model_type: text.model_type === DECODER ? 'llama' : text.model_type },
			folder
		),
		// Upstream never takes the embedding for the head.
		tie_word_embeddings: false
	};
	const projector = section('projector_config');
	const fields = new ConfigFields(projector, 'projector_config');
	const type = fields.string('projector_type', dynamicCAbs.type);
	if (type !== dynamicCAbs.type)
		throw new InputError(
			`config.json of ${folder.name} has projector_type "${type}", which is not served for Kanana-1.5-v; it is served with ${dynamicCAbs.type}.`
		);
	for (const [name, width, fallback] of [
		['encoder_hidden_size', hidden_size, 1280],
		['output_hidden_size', text_config.hidden_size, 2048]
	] as const)
		if (fields.count(name, fallback, 1) !== width)
			throw new InputError(
				`projector_config.${name} is ${fields.count(name, fallback)}, but the model beside it is ${width} wide; correct config.json.`
			);
	if (fields.count('merge_size', 2, 1) !== spatial_merge_size)
		throw new InputError(
			`projector_config.merge_size is ${fields.count('merge_size', 2)} and vision_config.spatial_merge_size ${spatial_merge_size}, which are the same in this family; correct config.json.`
		);
	const name =
		typeof text._name_or_path === 'string' && text._name_or_path !== '' ? text._name_or_path : 'unknown';
	const largest = image.size / (patch_size * spatial_merge_size);
	return {
		config: {
			...{ vision_config, text_config },
			lm_config: { pretrained_lm_name_or_path: name, pretrained_tokenizer_name_or_path: name },
			projector_config: parseProjector(
				{
					pos_emb: true,
					...projector,
					projector_type: type,
					// Stored in some checkpoints, never appended.
					num_eos_tokens: 0,
					num_query_tokens: largest ** 2
				},
				vision_config,
				text_config
			)
		},
		image,
		prompt: {
			template: 'chat',
			chat_template: chatTemplate(folder) ?? processorTemplate,
			variables: templateVariables(folder.json['tokenizer_config.json'])
		},
		reference:
			"the hub's own code (a newline before each row of visual tokens; vLLM has none), Pillow 13's resizing; transparency is dropped; pictures under 28 pixels with a palette or transparency are enlarged as others are"
	};
}

/** @throws InputError when the file is missing, or another model's */
function parseImage(
	{ name, json }: FamilyFolder,
	tower: Pick<Qwen2VlConfig, 'patch_size' | 'spatial_merge_size' | 'temporal_patch_size'>
): ImageSettings {
	const where = PROCESSOR_FILE;
	const fields = processorFields(name, json[where], where, {
		type: 'KananaVImageProcessor',
		types: /^KananaVImageProcessor(Fast)?$/,
		filter: filters.bicubic
	});
	for (const [said, of] of [
		['patch_size', 'patch_size'],
		['temporal_patch_size', 'temporal_patch_size'],
		['merge_size', 'spatial_merge_size']
	] as const)
		if (fields.count(said, tower[of], 1) !== tower[of])
			throw new InputError(
				`${where} in ${name} has ${said} ${fields.count(said)}, and the vision tower of config.json ${tower[of]}; give the file that belongs to this model.`
			);
	const size = fields.section('size');
	const limit = (name: string, fallback: number) =>
		fields.count(name, size?.count(name, fallback, 1) ?? fallback, 1);
	const [least, most] = [limit('min_pixels', 3136), limit('max_pixels', 1003520)];
	const unit = tower.patch_size * tower.spatial_merge_size;
	if (most < unit ** 2 || least > most)
		throw new InputError(
			`${where} in ${name} lets pictures have ${least} to ${most} pixels, where one visual token takes ${unit ** 2}; restore the original file.`
		);
	return {
		// Of the largest square picture.
		size: Math.floor(Math.sqrt(most) / unit) * unit,
		mean: fields.numbers('image_mean', 3, clipNormalization.mean),
		std: fields.numbers('image_std', 3, clipNormalization.std),
		patch_size: tower.patch_size,
		merge_size: tower.spatial_merge_size,
		temporal_patch_size: tower.temporal_patch_size,
		min_pixels: least,
		max_pixels: most
	};
}

const said = (settings: ImageSettings, name: string): number => {
	const value = settings[name];
	if (typeof value !== 'number')
		throw new InputError(
			`The model folder does not say how pictures are sized (image.${name}); convert the checkpoint again.`
		);
	return value;
};

const pictureSettings = (settings: ImageSettings): PictureSettings => ({
	patch: said(settings, 'patch_size'),
	merge: said(settings, 'merge_size'),
	least: said(settings, 'min_pixels'),
	most: said(settings, 'max_pixels')
});
