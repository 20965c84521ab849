import { isObject, type JsonObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { ConfigFields } from '../../config-fields.ts';
import { gridSide, type VisionConfig } from '../../config.ts';
import { mlp } from '../../projectors/mlp/definition.ts';
import { parseProjector } from '../../projectors/parse-config.ts';
import { parseVision } from '../../vision/parse-config.ts';
import { chatTemplate, templateVariables } from '../chat.ts';
import { clipImageSettings } from '../clip-pictures.ts';
import type { FamilyFolder, FamilyModel } from '../definition.ts';
import { clipDefaults, decoderConfig } from '../flat-llava.ts';
import { llamaDefaults } from '../llama-defaults.ts';

/** LlavaConfig's tower where a file has no section for it at all; one that it has takes CLIP's defaults. */
const towerDefaults: Partial<VisionConfig> = {
	hidden_size: 1024,
	intermediate_size: 4096,
	num_hidden_layers: 24,
	num_attention_heads: 16,
	patch_size: 14,
	image_size: 336
};

/** What MistralConfig takes for fields that are left out, where it is another value than LlamaConfig's. */
const mistralDefaults: JsonObject = {
	intermediate_size: 14336,
	num_key_value_heads: 8,
	max_position_embeddings: 131072,
	sliding_window: 4096
};

/** Template where a folder has none: the one that all published ones have. */
const usualTemplate =
	"{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}{% for item in message['content'] %}{% if item['type'] == 'image' %}{{ '<image>\n' }}{% endif %}{% endfor %}{% for item in message['content'] %}{% if item['type'] == 'text' %}{{ item['text'] + ' ' }}{% endif %}{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";

/** transformers' form: a section for each model. */
export function parseNested(folder: FamilyFolder): FamilyModel {
	const { json } = folder;
	const config = json['config.json'] ?? {};
	const fields = new ConfigFields(config, 'config.json');
	const section = (name: string): JsonObject | undefined => {
		const value = config[name];
		return isObject(value) ? value : undefined;
	};
	const tower = section('vision_config');
	const kind = tower?.model_type;
	if (kind !== undefined && kind !== 'clip_vision_model' && kind !== 'clip')
		throw new InputError(
			`config.json of ${folder.name} has a vision tower of the kind ${JSON.stringify(kind)}; LLaVA-1.5 is served with CLIP.`
		);
	const vision_config = parseVision(tower ?? {}, { absent: tower ? clipDefaults : towerDefaults });
	const said = section('text_config');
	const text: JsonObject = {
		...llamaDefaults,
		...(said?.model_type === 'mistral' && mistralDefaults),
		...said
	};
	const text_config = decoderConfig(text, folder);
	if (!fields.boolean('multimodal_projector_bias', true))
		throw new InputError(
			`config.json of ${folder.name} has a projector without biases (multimodal_projector_bias), which is not served.`
		);
	const strategy = fields.string('vision_feature_select_strategy', 'default');
	if (strategy !== 'default')
		throw new InputError(
			`config.json of ${folder.name} has vision_feature_select_strategy "${strategy}", which keeps the class token among the patches; only "default" is served.`
		);
	const spelled = config.transformers_version;
	const generation = typeof spelled === 'string' ? spelled.split('.')[0] : '4';
	const name = typeof text._name_or_path === 'string' ? text._name_or_path : 'unknown';
	return {
		config: {
			...{ vision_config, text_config },
			lm_config: { pretrained_lm_name_or_path: name, pretrained_tokenizer_name_or_path: name },
			projector_config: parseProjector(
				{
					projector_type: mlp.type,
					hidden_act: fields.string('projector_hidden_act', 'gelu'),
					depth: 2,
					num_query_tokens: gridSide(vision_config) ** 2,
					feature_layer_index: fields.layerIndices('vision_feature_layer', -2)
				},
				vision_config,
				text_config
			)
		},
		image: clipImageSettings(folder, vision_config),
		prompt: {
			template: 'chat',
			chat_template: chatTemplate(folder) ?? usualTemplate,
			variables: templateVariables(json['tokenizer_config.json'])
		},
		tied: tiedBy(config.tie_word_embeddings, said?.tie_word_embeddings),
		spelling: `transformers ${generation}${towerStem(folder)}`,
		reference:
			'transformers 4.57 with Pillow: transparency is dropped, where 5.24 lays pictures on white and resizes by torchvision unless told; tokenizer.json as it stands'
	};
}

/** Where the file has the tower's tensors, by which its spellings differ; '' where it has none. */
function towerStem({ stored = [] }: FamilyFolder): string {
	const end = 'embeddings.patch_embedding.weight';
	const first = stored.find((name) => name.endsWith(end));
	return first === undefined ? '' : ` (tower under ${first.slice(0, -end.length)}…)`;
}

/** transformers 4.57 goes by the language model's section alone, 5.24 by the top and, where that says no, by the section. */
const tiedBy = (top: unknown, section: unknown): FamilyModel['tied'] => ({
	by4: section === true,
	by5: top === true || (top === false && section === true)
});
