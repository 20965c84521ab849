import type { JsonObject } from '../../../bytes/json.ts';
import { isObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { ConfigFields } from '../../config-fields.ts';
import { normalise } from '../../image/preprocess.ts';
import { parseText } from '../../language/parse-config.ts';
import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import type { ImageSettings } from '../../manifest.ts';
import { ByteLevelTokenizer } from '../../text/byte-level.ts';
import { parseSiglip } from '../../vision/siglip/config.ts';
import { chatTemplate, templateVariables } from '../chat.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { filters, PROCESSOR_FILE, processorFields } from '../processor-file.ts';
import { llamaDefaults } from '../llama-defaults.ts';
import { shuffledProjector } from '../shuffled-projector.ts';
import { keys } from './keys.ts';
import { cutPicture, planPicture, type PictureSettings } from './picture.ts';
import { prompt } from './prompt.ts';
import { wording } from './wording.ts';

/** What transformers' Idefics3VisionConfig and SmolVLMVisionConfig take for a field that config.json leaves out. */
const visionDefaults = {
	hidden_size: 1152,
	intermediate_size: 3072,
	num_hidden_layers: 12,
	num_attention_heads: 16,
	patch_size: 32,
	image_size: 224
};

const modelTypes = ['idefics3', 'smolvlm'];

/** Idefics3, SmolVLM and SmolVLM2 as transformers writes them, and as they are published. */
export const smolvlm: FamilyDefinition = {
	name: 'smolvlm',
	title: 'SmolVLM (Idefics3)',
	goldens: ['smolvlm-256m', 'smolvlm2'],
	published: [
		{ name: 'HuggingFaceTB/SmolVLM-256M-Instruct', small: true },
		{ name: 'HuggingFaceTB/SmolVLM-500M-Instruct', small: true }
	],
	recognise: ({ model_type }) => typeof model_type === 'string' && modelTypes.includes(model_type),
	keys,
	parse,
	tokenizer: (files) => new ByteLevelTokenizer(files),
	prompt,
	wording,
	imageProcessor(settings) {
		const picture = pictureSettings(settings);
		return {
			views: (size) => planPicture(size, picture).views,
			pixels: (image) => normalise(cutPicture(image, picture), settings)
		};
	}
};

function parse(folder: FamilyFolder): FamilyModel {
	const file = folder.json['config.json'] ?? {};
	const section = (name: string): JsonObject | undefined => {
		const value = file[name];
		if (value === undefined || value === null) return undefined;
		if (!isObject(value))
			throw new InputError(`config.json: ${name} is not an object; restore the original file.`);
		return value;
	};
	const image = parseImage(folder);
	const vision_config = parseSiglip(
		new ConfigFields({ ...visionDefaults, ...section('vision_config') }, 'vision_config'),
		{ positions: 'fractions', post_norm: true, image_mean: image.mean, image_std: image.std }
	);
	const { image_size } = vision_config;
	if (image.size !== image_size)
		throw new InputError(
			`The picture settings in ${folder.name} cut pictures into tiles of ${image.size} pixels, but the vision tower of config.json reads ${image_size}; give the preprocessor_config.json or processor_config.json of this model.`
		);
	const text = section('text_config');
	const generation = folder.json['generation_config.json'] ?? {};
	const text_config = parseText({
		...llamaDefaults,
		// transformers' two defaults: of a section without the key, and of no section.
		rms_norm_eps: text ? 1e-6 : 1e-5,
		...text,
		...(generation.eos_token_id !== undefined && { eos_token_id: generation.eos_token_id }),
		// The file decides, whatever its several flags say.
		tie_word_embeddings: !folder.entries.has(`${LANGUAGE}.lm_head.weight`)
	});
	const fields = new ConfigFields(file, 'config.json');
	const projector_config = shuffledProjector(
		'scale_factor',
		fields.count('scale_factor', 2, 1),
		vision_config,
		text_config
	);
	const M = projector_config.num_query_tokens;
	const processor = new ConfigFields(folder.json['processor_config.json'] ?? {}, 'processor_config.json');
	const told = processor.count('image_seq_len', M, 1);
	if (told !== M)
		throw new InputError(
			`processor_config.json in ${folder.name} says ${told} visual tokens a tile (image_seq_len), but this model makes ${M}; give the processor_config.json of this model.`
		);
	const chat_template = chatTemplate(folder);
	return {
		config: {
			vision_config,
			text_config,
			projector_config,
			lm_config: languageModelName(text)
		},
		image,
		prompt: {
			template: 'chat',
			...(chat_template !== undefined && { chat_template }),
			variables: templateVariables(folder.json['tokenizer_config.json'])
		},
		// transformers 4.57 goes by the language model's section alone, 5.24 by the top alone.
		tied: { by4: text?.tie_word_embeddings === true, by5: file.tie_word_embeddings === true },
		spelling: new ConfigFields(file, 'config.json').string('model_type'),
		reference:
			"transformers up to 4.54.1 or from 5.21.1 on (position ids), Pillow 13's resizing, tokenizer.json as it stands; alpha is dropped, as transformers 4 does, where 5.24 lays pictures on white",
		...(chat_template === undefined && {
			notes: [
				`${folder.name} has no chat template (chat_template.jinja or chat_template.json), so that the model can be asked by whole prompts alone.`
			]
		})
	};
}

function languageModelName(text: JsonObject | undefined): {
	pretrained_lm_name_or_path: string;
	pretrained_tokenizer_name_or_path: string;
} {
	const said = text?._name_or_path;
	const name = typeof said === 'string' && said !== '' && said !== 'None' ? said : 'unknown';
	return { pretrained_lm_name_or_path: name, pretrained_tokenizer_name_or_path: name };
}

/** preprocessor_config.json, or `image_processor` of processor_config.json (transformers 5). */
function parseImage({ name, json }: FamilyFolder): ImageSettings {
	const nested = json['processor_config.json']?.image_processor;
	const [file, where] = json[PROCESSOR_FILE]
		? [json[PROCESSOR_FILE], PROCESSOR_FILE]
		: [isObject(nested) ? nested : undefined, 'processor_config.json.image_processor'];
	const fields = processorFields(name, file, where, {
		type: 'Idefics3ImageProcessor',
		types: /^(Idefics3|SmolVLM)ImageProcessor(Fast|Pil)?$/,
		filter: filters.lanczos,
		sought: `${PROCESSOR_FILE}, or processor_config.json with an image_processor,`
	});
	const edge = (field: string, fallback: number) =>
		fields.section(field)?.count('longest_edge', undefined, 1) ?? fallback;
	return {
		size: edge('max_image_size', 364),
		mean: fields.numbers('image_mean', 3, [0.5, 0.5, 0.5]),
		std: fields.numbers('image_std', 3, [0.5, 0.5, 0.5]),
		longest_edge: edge('size', 4 * 364),
		splitting: fields.boolean('do_image_splitting', true)
	};
}

function pictureSettings({ size, longest_edge, splitting }: ImageSettings): PictureSettings {
	if (typeof longest_edge !== 'number' || typeof splitting !== 'boolean')
		throw new InputError(
			'The model folder does not say how pictures are cut into tiles (image.longest_edge, image.splitting); convert the checkpoint again.'
		);
	return { tile: size, longestEdge: longest_edge, splitting };
}
