import { isObject } from '../../../bytes/json.ts';
import { Tokenizer } from '../../text/tokenizer.ts';
import { clipImageProcessor } from '../clip-pictures.ts';
import type { FamilyDefinition, FamilyFolder } from '../definition.ts';
import { towerName } from '../flat-llava.ts';
import { vicunaPrompt } from '../vicuna-prompt.ts';
import { llavaWording } from '../llava-wording.ts';
import { llavaKeys } from './keys.ts';
import { parseNested } from './nested.ts';
import { parseOriginal, servedProjector } from './original.ts';
import { chatPrompt, spacePrefix } from './prompt.ts';

const isNested = ({ json }: Pick<FamilyFolder, 'json'>) => {
	const { text_config, vision_config } = json['config.json'] ?? {};
	return isObject(text_config) || isObject(vision_config);
};

/** LLaVA-1.5 in the spellings of its authors and of transformers: a CLIP tower, an MLP on every patch, LLaMA. */
export const llava: FamilyDefinition = {
	name: 'llava',
	title: 'LLaVA-1.5',
	goldens: ['llava-original', 'llava-hf-4', 'llava-hf-5'],
	wording: llavaWording(
		'haotian-liu/LLaVA at c121f04, docs/Evaluation.md and llava/eval/model_vqa_mmbench.py'
	),
	published: [{ name: 'llava-hf/llava-1.5-7b-hf' }, { name: 'liuhaotian/llava-v1.5-7b' }],
	recognise: (config) =>
		config.model_type === 'llava' && (isObject(config.text_config) || isObject(config.vision_config))
			? true
			: servedProjector(config),
	visionFolder: towerName,
	keys: llavaKeys,
	parse: (folder) => (isNested(folder) ? parseNested(folder) : parseOriginal(folder)),
	tokenizer: (files, prompt) => new Tokenizer(files, spacePrefix(files, prompt)),
	prompt: {
		placeholder: vicunaPrompt.placeholder,
		conversation: (turns, settings, system) =>
			formatOf(settings.template).conversation(turns, settings, system),
		encode: (text, tokenizer, images, settings) =>
			formatOf(settings.template).encode(text, tokenizer, images, settings)
	},
	imageProcessor: clipImageProcessor
};

const formatOf = (template: string) => (template === 'chat' ? chatPrompt : vicunaPrompt);
