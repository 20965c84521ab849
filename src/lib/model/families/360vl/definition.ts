import { isObject, type JsonObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { ConfigFields } from '../../config-fields.ts';
import { gridSide } from '../../config.ts';
import type { KeyTable } from '../../keys.ts';
import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import { cAbs } from '../../projectors/c-abs/definition.ts';
import { parseProjector } from '../../projectors/parse-config.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { ByteLevelTokenizer } from '../../text/byte-level.ts';
import { tokenContent } from '../../text/tokenizer-files.ts';
import { chatTemplate, templateVariables } from '../chat.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { parseFlatLlava, towerName } from '../flat-llava.ts';
import { cropsProcessor } from './picture.ts';
import { prompt } from './prompt.ts';
import { wording } from './wording.ts';

/** Names in 360VL's checkpoints. The tower in the file, where there is one, is never used. */
const keys: KeyTable = [
	['model.mm_projector_ctt.*', `${PROJECTOR}.ctt.*`],
	['model.mm_projector_ori.*', `${PROJECTOR}.ori.*`],
	['model.vision_tower.*', 'not_used.vision_tower.*'],
	['lm_head.*', `${LANGUAGE}.lm_head.*`],
	['model.*', `${LANGUAGE}.model.*`]
];

/** Ends an answer, whatever the config's eos_token_id is. */
const END = '<|eot_id|>';

/** 360VL: a CLIP that sees four crops and the whole, a C-Abstractor for each of the two, Llama 3. */
export const vl360: FamilyDefinition = {
	name: '360vl',
	title: '360VL',
	goldens: ['360vl'],
	recognise: ({ model_type }) => model_type === 'QH_360VL',
	visionFolder: towerName,
	keys,
	parse,
	tokenizer: (files) => new ByteLevelTokenizer(files),
	prompt,
	wording,
	imageProcessor: cropsProcessor
};

function parse(folder: FamilyFolder): FamilyModel {
	const { name, json } = folder;
	const flat = parseFlatLlava(folder);
	const { fields, vision_config, layers } = flat;
	const type = fields.string('mm_projector_type', cAbs.type);
	if (type !== cAbs.type)
		throw new InputError(
			`config.json of ${name} has mm_projector_type "${type}", which is not served for 360VL; it is served with ${cAbs.type}.`
		);
	if (!fields.boolean('proj_2', false))
		throw new InputError(
			`config.json of ${name} does not set proj_2, so that crops would go through the projector one by one; 360VL is served with proj_2, crops joined and the whole.`
		);
	const said = json['config.json']?.visual_projector_config;
	if (!isObject(said))
		throw new InputError(
			`config.json of ${name} has no visual_projector_config, which says how large its projectors are; restore the original file.`
		);
	const projector = new ConfigFields(said, 'visual_projector_config');
	const width = projector.count('encoder_hidden_size', 1024, 1);
	if (width !== vision_config.hidden_size)
		throw new InputError(
			`visual_projector_config.encoder_hidden_size is ${width}, but the vision tower is ${vision_config.hidden_size} wide; give the folder of the right tower (--vision DIR, or both folders together on the page).`
		);
	const patches = gridSide(vision_config) ** 2;
	const positions = fields.count('mm_num_tokens', patches + 1, 1);
	if (positions !== patches + 1)
		throw new InputError(
			`config.json of ${name} has mm_num_tokens ${positions}, but the vision tower has ${patches + 1} positions; give the folder of the right tower (--vision DIR, or both folders together on the page).`
		);
	const end = endOf(json['tokenizer_config.json']);
	const chat_template = chatTemplate(folder);
	return {
		config: {
			vision_config,
			text_config: { ...flat.text_config, ...(end !== undefined && { eos_token_id: end }) },
			lm_config: flat.lm_config,
			projector_config: parseProjector(
				{
					projector_type: cAbs.type,
					views: 'crops',
					feature_layer_index: layers,
					num_query_tokens: projector.count('num_queries', undefined, 1),
					depth: projector.count('depth', undefined),
					mlp_depth: projector.count('mlp_depth', undefined, 1),
					hidden_size: projector.count('hidden_size', 1024, 1),
					pos_emb: projector.boolean('pos_emb', false),
					prenorm: projector.boolean('prenorm', false),
					num_eos_tokens: projector.count('num_eos_tokens', 1)
				},
				vision_config,
				flat.text_config
			)
		},
		image: {
			...flat.image,
			fit: flat.image.fit === 'pad' ? 'pad' : 'squash',
			patch_size: vision_config.patch_size
		},
		prompt: {
			template: 'chat',
			...(chat_template !== undefined && { chat_template }),
			variables: templateVariables(json['tokenizer_config.json'])
		},
		reference:
			'360CVGroup/360VL at ad6a11c: the tower of its own folder even where the file has one, answers end at <|eot_id|> alone, the whole view is made of the enlarged picture; transparency is dropped'
	};
}

/** Id of the token that ends answers, where tokenizer_config.json lists it. */
function endOf(tokenizer: JsonObject | undefined): number | undefined {
	const added = tokenizer?.added_tokens_decoder;
	const found = Object.entries(isObject(added) ? added : {}).find(([, token]) => tokenContent(token) === END);
	return found && Number(found[0]);
}
