import { InputError } from '../../../tensor/errors.ts';
import { renderChat, type ChatMessage } from '../../text/chat-template.ts';
import { chatSettings, encodeWhole, withSystem } from '../chat.ts';
import type { PromptFormat } from '../definition.ts';

/** What stands for the picture in a prompt. */
const IMAGE = '<|reserved_special_token_44|>';

/** What upstream's scripts send first, whatever is asked. */
const SYSTEM =
	"You are a multilingual, helpful, respectful and honest assistant who can respond in the same language, depending on the language of the question. Try to be as helpful as possible while still being safe. Your answer should not contain anything that is false, unhealthy, harmful, immoral, racist, sexist, toxic, dangerous, or illegal, and if the question relates to such content, please decline to answer. Make sure your answer is socially fair and positive. If a question doesn't make any sense, or is inconsistent with the facts, explain why instead of answering the wrong answer. If you don't know the answer to a question, don't share false information.";

/** Llama 3's conversation, written by the checkpoint's chat template; the picture on a line of its own before the first question. */
export const prompt: PromptFormat = {
	placeholder: IMAGE,
	conversation(turns, settings, system = SYSTEM) {
		const { chat_template, variables } = chatSettings(settings);
		const pictures = turns.reduce((sum, { imageCount }) => sum + imageCount, 0);
		const messages = turns.flatMap(({ question, answer }, i): ChatMessage[] => [
			{ role: 'user', content: i === 0 ? `${IMAGE}\n`.repeat(pictures) + question : question },
			...(i < turns.length - 1 ? [{ role: 'assistant', content: answer ?? '' } as const] : [])
		]);
		const written = renderChat(chat_template, [{ role: 'system', content: system }, ...messages], variables);
		return { text: withSystem(written, system) };
	},
	encode({ text }, tokenizer, images) {
		if (images.length > 1)
			throw new InputError(
				'This model takes one picture in a conversation; ask about each picture in one of its own.'
			);
		const expanded =
			images.length === 1 ? text.replace(IMAGE, () => IMAGE.repeat(images[0]!.positions)) : text;
		return encodeWhole(tokenizer, expanded, IMAGE);
	}
};
