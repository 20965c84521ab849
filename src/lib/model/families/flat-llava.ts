import type { JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { ConfigFields } from '../config-fields.ts';
import type { LmConfig, TextConfig, VisionConfig } from '../config.ts';
import type { KeyTable } from '../keys.ts';
import { PREFIX as LANGUAGE } from '../language/graph.ts';
import { parseText } from '../language/parse-config.ts';
import type { ImageSettings, PromptSettings } from '../manifest.ts';
import { parseVision } from '../vision/parse-config.ts';
import { PREFIX as VISION } from '../vision/graph.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import type { TokenizerFiles } from '../text/text-tokenizer.ts';
import { parseProjector } from '../projectors/parse-config.ts';
import { clipImageProcessor, clipImageSettings, towerSection } from './clip-pictures.ts';
import type { FamilyFolder, FamilyModel } from './definition.ts';
import { vicunaPrompt } from './vicuna-prompt.ts';

/**
 * The flat form that LLaVA began and others kept: LLaMA's fields at the top of config.json, the tower's folder named beside them
 * (`mm_vision_tower`), the tower's sizes nowhere else.
 */

/** Names of the tower and of the language model; a family's own rows stand before them. */
export const flatKeys: KeyTable = [
	['model.vision_tower.vision_tower.vision_model.*', `${VISION}.*`],
	['model.vision_tower.vision_tower.*', `${VISION}.*`],
	['lm_head.*', `${LANGUAGE}.lm_head.*`],
	['model.*', `${LANGUAGE}.model.*`]
];

/** What CLIPVisionConfig has where a file does not say. */
export const clipDefaults: Partial<VisionConfig> = {
	hidden_size: 768,
	intermediate_size: 3072,
	num_hidden_layers: 12,
	num_attention_heads: 12,
	patch_size: 32,
	image_size: 224
};

const large = {
	hidden_size: 1024,
	intermediate_size: 4096,
	num_hidden_layers: 24,
	num_attention_heads: 16,
	patch_size: 14
};
/** Towers that are known by name, for checkpoints that hold one and whose folder is not at hand. */
const knownTowers: Readonly<Record<string, JsonObject>> = {
	'clip-vit-large-patch14-336': { ...large, image_size: 336 },
	'clip-vit-large-patch14': { ...large, image_size: 224 }
};

/** Name of the tower's folder. */
export const towerName = ({ mm_vision_tower: name }: JsonObject): string | undefined =>
	typeof name === 'string' ? name : undefined;

export interface FlatLlava {
	readonly fields: ConfigFields;
	readonly vision_config: VisionConfig;
	readonly text_config: TextConfig;
	readonly lm_config: LmConfig;
	readonly image: ImageSettings;
	readonly prompt: PromptSettings;
	/** `tie_word_embeddings`, which both releases of transformers go by. */
	readonly tied: boolean;
	/** `mm_vision_select_layer` */
	readonly layers: number | readonly number[];
}

/** Reads what all flat forms have in common. @throws InputError naming the field that is wrong or not served */
export function parseFlatLlava(folder: FamilyFolder): FlatLlava {
	const config = folder.json['config.json'] ?? {};
	const fields = new ConfigFields(config, 'config.json');
	const feature = fields.string('mm_vision_select_feature', 'patch');
	if (feature !== 'patch')
		throw new InputError(
			`config.json of ${folder.name} has mm_vision_select_feature "${feature}", which keeps the class token among the patches; only "patch" is served.`
		);
	const aspect = fields.string('image_aspect_ratio', 'crop');
	if (aspect.startsWith('anyres') || aspect === 'slice')
		throw new InputError(
			`config.json of ${folder.name} has image_aspect_ratio "${aspect}", which cuts pictures into tiles (LLaVA-NeXT, TokenPacker-HD); of this family only whole pictures are served.`
		);
	const vision_config = towerConfig(folder, config);
	const text_config = flatText(folder, config);
	const said = fields.string('_name_or_path', 'unknown');
	return {
		...{ fields, vision_config, text_config },
		lm_config: { pretrained_lm_name_or_path: said, pretrained_tokenizer_name_or_path: said },
		image: clipImageSettings(folder.vision ?? folder, vision_config, aspect === 'pad' ? 'pad' : 'crop'),
		prompt: {
			template: 'vicuna_v1',
			...(fields.boolean('mm_use_im_start_end', false) && { marks: true })
		},
		tied: fields.boolean('tie_word_embeddings', false),
		layers: fields.layerIndices('mm_vision_select_layer')
	};
}

/** What all definitions of flat families share. */
export const flatFamily = {
	visionFolder: towerName,
	tokenizer: (files: TokenizerFiles) => new Tokenizer(files),
	prompt: vicunaPrompt,
	imageProcessor: clipImageProcessor
} as const;

/** A flat folder as a model, with the projector that its family says. */
export function flatModel(
	{ vision_config, text_config, lm_config, image, prompt, layers, tied }: FlatLlava,
	projector: JsonObject & { readonly projector_type: string },
	more: Pick<FamilyModel, 'spelling' | 'reference'>
): FamilyModel {
	const projector_config = parseProjector(
		{ ...projector, feature_layer_index: layers },
		vision_config,
		text_config
	);
	const config = { vision_config, text_config, lm_config, projector_config };
	return { ...{ config, image, prompt }, tied: { by4: tied, by5: tied }, ...more };
}

/** The decoder's config at the top of the file, with what only the tensors and generation_config.json tell. */
function flatText({ json, entries }: FamilyFolder, config: JsonObject): TextConfig {
	return decoderConfig({ ...config, model_type: 'llama' }, { json, entries }, 'config.json');
}

/**
 * A decoder's config. Whether the head is the embedding is told by what is stored (writers contradict themselves); the ids that end an
 * answer by generation_config.json, which wins.
 */
export function decoderConfig(
	config: JsonObject,
	{ json, entries }: Pick<FamilyFolder, 'json' | 'entries'>,
	where = 'text_config'
): TextConfig {
	const eos = json['generation_config.json']?.eos_token_id;
	return parseText(
		{
			...config,
			...(eos !== undefined && eos !== null && { eos_token_id: eos }),
			tie_word_embeddings: !entries.has(`${LANGUAGE}.lm_head.weight`)
		},
		where
	);
}

/** The tower's sizes: from its folder, or by its name where it is a known one. */
function towerConfig(folder: FamilyFolder, config: JsonObject): VisionConfig {
	const name = towerName(config);
	const own = folder.vision?.json['config.json'];
	const known = knownTowers[name?.replace(/\/+$/, '').split('/').at(-1) ?? ''];
	const section = own ? towerSection(own) : known;
	if (!section)
		throw new InputError(
			`config.json of ${folder.name} does not say how large its vision tower is: the sizes lie in the folder of ${name ?? 'a CLIP that it does not name'}; give that folder, too (--vision DIR, or both folders together on the page).`
		);
	const vision = parseVision(section, { absent: clipDefaults, where: `vision_config of ${name ?? 'CLIP'}` });
	const stored = folder.entries.get(`${VISION}.embeddings.position_embedding.weight`)?.dims;
	const expected = [Math.floor(vision.image_size / vision.patch_size) ** 2 + 1, vision.hidden_size];
	if (stored && stored.join() !== expected.join())
		throw new InputError(
			`The vision tower in ${folder.name} has ${stored[0]! - 1} patches of width ${stored[1]}, and ${own ? folder.vision?.name : name} has ${expected[0]! - 1} of width ${expected[1]}; give the folder of the right tower (--vision DIR, or both folders together on the page).`
		);
	return vision;
}
