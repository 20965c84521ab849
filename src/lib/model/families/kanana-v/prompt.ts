import { InputError } from '../../../tensor/errors.ts';
import { renderChat, type ChatMessage } from '../../text/chat-template.ts';
import { IMAGE_PLACEHOLDER, SYSTEM_BASE } from '../../text/prompts.ts';
import { IGNORE_LABEL, IMAGE_TOKEN_ID, type TextTokenizer } from '../../text/text-tokenizer.ts';
import { chatSettings, withSystem } from '../chat.ts';
import type { ImageTokens, PromptFormat } from '../definition.ts';

/** What is tokenized by itself, whatever stands beside it; `<image>` is no token. */
const pieces = /(<image>|\nAI: |\nHuman: )/;

/**
 * Kanana-1.5-v's conversation: pictures in a turn of their own before the question's, all written by the checkpoint's chat template. A picture
 * is a newline, then its visual tokens row by row with a newline between rows.
 */
export const prompt: PromptFormat = {
	placeholder: IMAGE_PLACEHOLDER,
	conversation(turns, settings, system = SYSTEM_BASE) {
		const { chat_template, variables } = chatSettings(settings);
		const messages = turns.flatMap(({ question, imageCount, answer }, i): ChatMessage[] => [
			...(imageCount > 0
				? [{ role: 'user', content: Array(imageCount).fill(IMAGE_PLACEHOLDER).join(' ') } as const]
				: []),
			{ role: 'user', content: question },
			...(i < turns.length - 1 ? [{ role: 'assistant', content: answer ?? '' } as const] : [])
		]);
		const written = renderChat(chat_template, [{ role: 'system', content: system }, ...messages], variables);
		return { text: withSystem(written, system) };
	},
	encode({ text }, tokenizer, images) {
		let seen = 0;
		const input_ids = text
			.split(pieces)
			.flatMap((piece) =>
				piece === IMAGE_PLACEHOLDER
					? pictureIds(images[seen++]!, tokenizer)
					: piece === ''
						? []
						: tokenizer.tokenize(piece)
			);
		return { input_ids, labels: input_ids.map(() => IGNORE_LABEL) };
	}
};

function pictureIds({ perView, views: [view] }: ImageTokens, tokenizer: TextTokenizer): number[] {
	if (!view?.grid) throw new InputError('The picture has no grid of patches; convert the checkpoint again.');
	const { rows, columns } = view.grid;
	// Visual tokens lie in the patches' proportions.
	const across = Math.round(Math.sqrt((perView * columns) / rows));
	const newline = tokenizer.tokenize('\n');
	const row = Array.from({ length: across }, () => IMAGE_TOKEN_ID);
	return Array.from({ length: perView / across }, () => [...newline, ...row]).flat();
}
