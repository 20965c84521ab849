import { isObject, type JsonObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { squashed } from '../../image/fit.ts';
import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { formatConversation, IMAGE_PLACEHOLDER } from '../../text/prompts.ts';
import { Tokenizer } from '../../text/tokenizer.ts';
import { PREFIX as VISION } from '../../vision/graph.ts';
import type { FamilyDefinition, PromptFormat, PromptTurn } from '../definition.ts';
import { encodePrompt } from './encode.ts';
import { parseConfig } from './parse-config.ts';

/** What stands in the text for an answer that is given by its ids, whatever literals the model wrote into it. */
const ANSWERED = 'answered';

const prompt: PromptFormat = {
	placeholder: IMAGE_PLACEHOLDER,
	asUpstream: true,
	imagesApart: true,
	conversation(turns, { template }, system) {
		// A question that writes the role itself would shift which answer the ids belong to.
		const useIds = !turns.some(({ question }) => question.includes('\nAI: '));
		const idsOf = ({ answerIds }: PromptTurn) => (useIds && answerIds?.length ? answerIds : undefined);
		const answered = turns.slice(0, -1).filter((turn) => idsOf(turn) ?? turn.answer);
		return {
			text: formatConversation(
				template === 'honeybee_default' ? template : 'free-form',
				turns.map((turn, i) => ({
					question: turn.question,
					imageCount: turn.imageCount,
					...(i < turns.length - 1 && { answer: idsOf(turn) ? ANSWERED : (turn.answer ?? '') })
				})),
				system
			),
			...(useIds && { answerIds: answered.map(idsOf) })
		};
	},
	encode: ({ text, answerIds }, tokenizer, images) =>
		encodePrompt(tokenizer, text, {
			tokensPerImage: images[0]?.perView ?? 0,
			...(answerIds && { answerIds })
		})
};

/** Upstream's own checkpoints, of every release: the words of the canonical config and the canonical names are its. */
export const honeybee: FamilyDefinition = {
	name: 'honeybee',
	title: 'Honeybee',
	// Its projectors name theirs.
	goldens: [],
	recognise: (config) =>
		isObject(config.lm_config) &&
		(isObject(config.projector_config) || isObject(config.visual_projector_config)),
	keys: [VISION, PROJECTOR, LANGUAGE].map((root) => [`${root}.*`, `${root}.*`] as const),
	parse: ({ json }) => {
		const file = json['config.json'] ?? {};
		const config = parseConfig(file);
		const trained = trainedTokens(file);
		const tied = config.text_config.tie_word_embeddings;
		const { image_size: size, image_mean: mean, image_std: std } = config.vision_config;
		return {
			config,
			image: { size, mean, std },
			prompt: { template: 'free-form' },
			// The language model is one by itself, whose config is the section.
			tied: { by4: tied, by5: tied },
			...(trained && { trainedTokens: trained })
		};
	},
	tokenizer: (files) => new Tokenizer(files),
	prompt,
	imageProcessor: squashed
};

/** `projector_config.trained_tokens`, which upstream's checkpoints do not have. */
function trainedTokens(json: JsonObject): number[] | undefined {
	const section = json.projector_config;
	if (!isObject(section) || section.trained_tokens === undefined) return undefined;
	const value = section.trained_tokens;
	const good = (m: unknown): m is number => typeof m === 'number' && Number.isInteger(m) && m > 0;
	if (!Array.isArray(value) || value.length === 0 || !value.every(good))
		throw new InputError(
			'projector_config.trained_tokens is not a list of positive whole numbers; correct config.json or remove it.'
		);
	return value;
}
