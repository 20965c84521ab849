import { isObject, type JsonObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { ConfigFields } from '../../config-fields.ts';
import type { TextConfig } from '../../config.ts';
import { clipNormalization, normalise } from '../../image/preprocess.ts';
import type { TileGrid } from '../../image/views.ts';
import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import type { ImageSettings } from '../../manifest.ts';
import { cAbs } from '../../projectors/c-abs/definition.ts';
import { parseProjector } from '../../projectors/parse-config.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { ByteLevelTokenizer } from '../../text/byte-level.ts';
import { tokenContent } from '../../text/tokenizer-files.ts';
import { parseSiglip } from '../../vision/siglip/config.ts';
import { chatTemplate, templateVariables } from '../chat.ts';
import { sideOf } from '../clip-pictures.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { filters, PROCESSOR_FILE, processorFields } from '../processor-file.ts';
import { decoderConfig } from '../flat-llava.ts';
import { keys } from './keys.ts';
import { cutPicture, layOut, planPicture, type PictureSettings } from './picture.ts';
import { ENDS, prompt } from './prompt.ts';

/** What transformers' SiglipVisionConfig takes for a field that config.json leaves out. */
const visionDefaults = {
	hidden_size: 768,
	intermediate_size: 3072,
	num_hidden_layers: 12,
	num_attention_heads: 12,
	patch_size: 16,
	image_size: 224
};

/** Names of the language model's sizes as GPT-2 has them, which some of its configs keep. */
const oldSizes: Readonly<Record<string, string>> = {
	n_embd: 'hidden_size',
	n_positions: 'max_position_embeddings',
	n_head: 'num_attention_heads',
	n_layer: 'num_hidden_layers'
};

/** Depths that upstream's code has fixed. */
const STAGE_DEPTH = 3;
const READOUT_DEPTH = 2;

/** HyperCLOVA X SEED Vision with a C-Abstractor behind SigLIP, in the spellings of its release and of the months after it. */
export const hyperclovaxVision: FamilyDefinition = {
	name: 'hyperclovax-vision',
	title: 'HyperCLOVA X SEED Vision',
	goldens: ['hyperclovax-seed-vision', 'hyperclovax-seed-vision-mup'],
	recognise: ({ model_type }) => model_type === 'hyperclovax_vlm',
	keys,
	parse,
	tokenizer: (files) => new ByteLevelTokenizer(files),
	prompt,
	imageProcessor(settings) {
		const picture = pictureSettings(settings);
		return {
			views: (size) => planPicture(size, picture).views,
			layout: (size, tokens) => layOut(size, picture, tokens),
			pixels: (image) => normalise(cutPicture(image, picture), settings)
		};
	}
};

function parse(folder: FamilyFolder): FamilyModel {
	const { name, json, entries } = folder;
	const file = json['config.json'] ?? {};
	const fields = new ConfigFields(file, 'config.json');
	const type = fields.string('mm_projector_type', 'cabstractor');
	if (type !== 'cabstractor')
		throw new InputError(
			`config.json of ${name} has mm_projector_type "${type}"; of this family models with a C-Abstractor ("cabstractor") are served.`
		);
	if (!fields.boolean('anyres', false))
		throw new InputError(
			`config.json of ${name} has pictures in one view (anyres is not true), which upstream's releases put into the prompt differently; models that cut them into tiles are served.`
		);
	const later = file.text_config !== undefined;
	const text = sectionOf(file, later ? 'text_config' : 'language_config', name);
	const tower = sectionOf(file, 'vision_config', name);
	if (tower.model_type !== undefined && tower.model_type !== 'siglip_vision_model')
		throw new InputError(
			`config.json of ${name} has a vision tower of the kind ${JSON.stringify(tower.model_type)}; of this family models with SigLIP (siglip_vision_model) are served.`
		);
	const { image, processor } = parseImage(folder, fields);
	const vision_config = parseSiglip(new ConfigFields({ ...visionDefaults, ...tower }, 'vision_config'), {
		...{ positions: 'raster', post_norm: false },
		...{ image_mean: image.mean, image_std: image.std }
	});
	if (image.size !== vision_config.image_size)
		throw new InputError(
			`preprocessor_config.json in ${name} makes tiles of ${image.size} pixels, but the vision tower of config.json reads ${vision_config.image_size}; give the preprocessor_config.json of this model.`
		);
	const text_config = languageConfig(text, folder, later ? 'text_config' : 'language_config');
	const M = tokensOfTile(fields, processor, name);
	const projector_config = parseProjector(
		{
			projector_type: cAbs.type,
			num_query_tokens: M,
			feature_layer_index: fields.integer('use_nth_layer', -2),
			pos_emb: fields.boolean('proj_pos_emb', true),
			prenorm: fields.boolean('proj_prenorm', false),
			depth: STAGE_DEPTH,
			mlp_depth: READOUT_DEPTH,
			hidden_size: vision_config.hidden_size,
			image_newline: entries.has(`${PROJECTOR}.image_newline`) || image.unpad === true
		},
		vision_config,
		text_config
	);
	const chat_template = chatTemplate(folder);
	const lm = typeof text._name_or_path === 'string' && text._name_or_path ? text._name_or_path : 'unknown';
	return {
		config: {
			...{ vision_config, text_config, projector_config },
			lm_config: { pretrained_lm_name_or_path: lm, pretrained_tokenizer_name_or_path: lm }
		},
		image,
		prompt: {
			template: 'chat',
			...(chat_template !== undefined && { chat_template }),
			variables: templateVariables(json['tokenizer_config.json']),
			...imageTokenId(fields)
		},
		spelling: later ? 'the release of 2025-07 (text_config)' : 'the release of 2025-04 (language_config)',
		reference:
			"vLLM 0.13 and TensorRT-LLM: the thumbnail first, rows of tokens across tiles, a newline after each; the picture processor of the series' later release, Pillow 13's resizing; alpha is dropped",
		...(chat_template === undefined && {
			notes: [
				`${name} has no chat template (in tokenizer_config.json or chat_template.jinja), so that the model can be asked by whole prompts alone.`
			]
		})
	};
}

/** The id that config.json gives to what stands for a picture, by either name, where it does. */
function imageTokenId(fields: ConfigFields): { readonly image_token_id?: number } {
	const field = ['image_token_id', 'img_start_id'].find((name) => fields.has(name));
	return field === undefined ? {} : { image_token_id: fields.count(field) };
}

function sectionOf(file: JsonObject, section: string, name: string): JsonObject {
	const value = file[section];
	if (!isObject(value))
		throw new InputError(
			`config.json of ${name} has no ${section} that says how large that part of the model is; restore the original file.`
		);
	return value;
}

/** The decoder, LLaMA or HyperCLOVA X; whether it has norms behind sublayers the tensors tell, since releases take other defaults. */
function languageConfig(text: JsonObject, folder: FamilyFolder, where: string): TextConfig {
	const { json, entries } = folder;
	const sizes = Object.entries(oldSizes).flatMap(([old, name]) =>
		text[name] === undefined && text[old] !== undefined ? [[name, text[old]] as const] : []
	);
	// The head has rows for more than there are tokens in some, and the embedding then may have, too.
	const embedded = entries.get(`${LANGUAGE}.model.embed_tokens.weight`)?.dims[0];
	const config = decoderConfig(
		{
			...Object.fromEntries(sizes),
			...text,
			...(embedded !== undefined && embedded === text.padded_vocab_size && { vocab_size: embedded }),
			use_post_norm: entries.has(`${LANGUAGE}.model.layers.0.post_norm1.weight`)
		},
		folder,
		where
	);
	const said = [config.eos_token_id].flat();
	return {
		...config,
		eos_token_id: [...new Set([...said, ...idsOf(ENDS, json['tokenizer_config.json'])])]
	};
}

/** Ids that a tokenizer_config.json gives to tokens, of those that it has. */
function idsOf(tokens: readonly string[], config: JsonObject | undefined): number[] {
	const added = config?.added_tokens_decoder;
	return Object.entries(isObject(added) ? added : {}).flatMap(([id, token]) =>
		tokens.includes(tokenContent(token) ?? '') ? [Number(id)] : []
	);
}

/** M; config.json and preprocessor_config.json may both say it. */
function tokensOfTile(fields: ConfigFields, processor: ConfigFields, name: string): number {
	const said = (where: ConfigFields) =>
		['num_queries_vis_abstractor_image', 'num_queries_vis_abstractor']
			.filter((field) => where.has(field))
			.map((field) => where.integer(field))
			.find((count) => count > 0);
	const M = said(fields) ?? said(processor);
	if (M === undefined)
		throw new InputError(
			`config.json of ${name} does not say how many visual tokens a tile makes (num_queries_vis_abstractor_image, or num_queries_vis_abstractor in older files); restore the original file.`
		);
	const other = said(processor);
	if (other !== undefined && other !== M)
		throw new InputError(
			`preprocessor_config.json in ${name} says ${other} visual tokens a tile, and config.json ${M}; give the preprocessor_config.json of this model.`
		);
	return M;
}

/** preprocessor_config.json, with what config.json says of tiles. */
function parseImage(
	{ name, json }: FamilyFolder,
	config: ConfigFields
): { readonly image: ImageSettings; readonly processor: ConfigFields } {
	const where = PROCESSOR_FILE;
	const file = json[where];
	const fields = processorFields(name, file, where, {
		type: 'HCXVisionProcessor',
		types: /^HCXVision(Image)?Processor(Fast)?$/,
		steps: ['pad_to_square', 'anyres'],
		filter: filters.bicubic
	});
	const size = sideOf(file?.size) ?? sideOf(file?.crop_size);
	if (size === undefined)
		throw new InputError(
			`${where} in ${name} does not say how large a tile is (size); restore the original file.`
		);
	const unpad = config.boolean('unpad', false);
	if (fields.boolean('unpad', unpad) !== unpad)
		throw new InputError(
			`${where} in ${name} and its config.json differ in unpad (${!unpad} and ${unpad}); give the ${where} of this model.`
		);
	const [told, listed] = [listedGrids(config, size, 'config.json'), listedGrids(fields, size, where)];
	if (told && listed && JSON.stringify(told) !== JSON.stringify(listed))
		throw new InputError(
			`${where} in ${name} and its config.json differ in the tiles that a picture may be cut into (possible_resolutions); give the ${where} of this model.`
		);
	const grids = told ?? listed ?? everyGrid(config) ?? everyGrid(fields);
	if (!grids)
		throw new InputError(
			`config.json of ${name} does not say which tiles a picture may be cut into (possible_resolutions or max_num_grids); restore the original file.`
		);
	return {
		image: {
			size,
			mean: fields.numbers('image_mean', 3, clipNormalization.mean),
			std: fields.numbers('image_std', 3, clipNormalization.std),
			grids: grids.map(({ rows, columns }) => [rows, columns]),
			unpad
		},
		processor: fields
	};
}

/** `possible_resolutions` [height, width] as grids of tiles, in the order of the file. */
function listedGrids(fields: ConfigFields, tile: number, where: string): TileGrid[] | undefined {
	const sizes = fields.pairs('possible_resolutions', []);
	if (sizes.length === 0) return undefined;
	return sizes.map(([height, width]) => {
		if (height % tile || width % tile || height <= 0 || width <= 0)
			throw new InputError(
				`${where}: possible_resolutions has ${height} × ${width} pixels, which tiles of ${tile} do not fill; give the files of one model.`
			);
		return { rows: height / tile, columns: width / tile };
	});
}

/** Every grid of at most `max_num_grids` tiles; of a single one where `use_1x1_grid` says so. */
function everyGrid(fields: ConfigFields): TileGrid[] | undefined {
	const most = fields.integer('max_num_grids', -1);
	if (most < 1) return undefined;
	const least = fields.boolean('use_1x1_grid', false) ? 1 : 2;
	const sides = Array.from({ length: most }, (_, i) => i + 1);
	return sides.flatMap((rows) =>
		sides.flatMap((columns) => (rows * columns >= least && rows * columns <= most ? [{ rows, columns }] : []))
	);
}

function pictureSettings({ size, mean, grids, unpad }: ImageSettings): PictureSettings {
	const good = Array.isArray(grids) && grids.every((grid) => Array.isArray(grid) && grid.length === 2);
	if (!good || typeof unpad !== 'boolean')
		throw new InputError(
			'The model folder does not say how pictures are cut into tiles (image.grids, image.unpad); convert the checkpoint again.'
		);
	return {
		tile: size,
		grids: (grids as readonly (readonly [number, number])[]).map(([rows, columns]) => ({ rows, columns })),
		unpad,
		fill: mean.map((value) => Math.trunc(255 * value))
	};
}
