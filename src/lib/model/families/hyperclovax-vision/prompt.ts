import { InputError } from '../../../tensor/errors.ts';
import { chatConversation, encodeWhole } from '../chat.ts';
import type { PromptFormat } from '../definition.ts';

/** What stands for a picture in a prompt, and, as often as it has positions, for its visual tokens. */
export const IMAGE = '<|dummy3|>';

/** Tokens that end an answer, in the text models of the series and in this one. */
export const ENDS = ['<|endofturn|>', '<|stop|>', '<|im_end|>'];

/** ChatML, written by the checkpoint's own template; each picture is a turn of its own, after one that names its file. */
export const prompt: PromptFormat = {
	placeholder: IMAGE,
	conversation: (turns, settings, system) =>
		chatConversation(turns, settings, system, (answer = '') => answer),
	encode({ text }, tokenizer, images, { image_token_id }) {
		const [first = '', ...rest] = text.split(IMAGE);
		const expanded = rest.map((after, i) => IMAGE.repeat(images[i]!.positions) + after);
		const [id] = tokenizer.tokenize(IMAGE);
		if (typeof image_token_id === 'number' && id !== image_token_id)
			throw new InputError(
				`The tokenizer gives ${IMAGE}, which stands for visual tokens, the id ${id ?? 'of no token'}, and the model's config.json says ${image_token_id}; give the tokenizer of this model.`
			);
		return encodeWhole(tokenizer, [first, ...expanded].join(''), IMAGE);
	}
};
