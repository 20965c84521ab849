/** What families have in common whose prompts are chat templates in Jinja and are tokenized whole. */
import { isObject, type JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { IGNORE_LABEL, IMAGE_TOKEN_ID, type TextTokenizer } from '../text/text-tokenizer.ts';
import { tokenContent } from '../text/tokenizer-files.ts';
import type { ModelManifest } from '../manifest.ts';
import { renderChat, type ChatMessage, type MessageItem } from '../text/chat-template.ts';
import type { EncodedText, FamilyFolder, PromptText, PromptTurn } from './definition.ts';

export interface ChatSettings {
	readonly chat_template: string;
	/** What the template may ask for beside the messages. */
	readonly variables: Readonly<Record<string, string>>;
}

/** The chat template of a folder, where transformers looks for it, in its order; undefined when there is none. */
export function chatTemplate({ json, text }: Pick<FamilyFolder, 'json' | 'text'>): string | undefined {
	const inFile = text['chat_template.jinja'];
	if (inFile !== undefined) return inFile;
	const files = ['chat_template.json', 'processor_config.json', 'tokenizer_config.json'];
	const found = files
		.map((name) => json[name]?.chat_template)
		.find((template) => typeof template === 'string');
	return found;
}

/** The special tokens that templates may name, e.g. `bos_token`. */
export function templateVariables(tokenizerConfig: JsonObject | undefined): Record<string, string> {
	const names = ['bos_token', 'eos_token', 'pad_token', 'unk_token'];
	return Object.fromEntries(
		names.flatMap((name) => {
			const content = tokenContent(tokenizerConfig?.[name]);
			return content === undefined ? [] : [[name, content]];
		})
	);
}

/** @throws InputError when the model has no chat template */
export function chatSettings(settings: ModelManifest['prompt']): ChatSettings {
	const { chat_template, variables } = settings;
	if (typeof chat_template !== 'string')
		throw new InputError(
			'The model has no chat template, so that a question cannot be put into words; use --raw-prompt, or convert it with its chat_template.jinja.'
		);
	return {
		chat_template,
		variables: isObject(variables) ? (variables as Record<string, string>) : {}
	};
}

/**
 * Pictures and then the question of each turn, put into words by the model's own chat template.
 * @param system a message before them; none is sent otherwise
 * @param said an answer of an earlier turn as the template is to have it
 * @throws InputError when the template leaves the system message out
 */
export function chatConversation(
	turns: readonly PromptTurn[],
	settings: ModelManifest['prompt'],
	system?: string,
	said: (answer?: string) => string = withoutFirstSpace
): PromptText {
	const { chat_template, variables } = chatSettings(settings);
	const text = (words: string): MessageItem => ({ type: 'text', text: words });
	const picture = (filename: string | undefined): MessageItem => ({
		type: 'image',
		...(filename !== undefined && { filename })
	});
	const messages = turns.flatMap(({ question, imageCount, imageNames, answer }, i): ChatMessage[] => [
		{
			role: 'user',
			content: [
				...Array.from({ length: imageCount }, (_, image) => picture(imageNames?.[image])),
				text(question)
			]
		},
		...(i < turns.length - 1 ? [{ role: 'assistant', content: [text(said(answer))] } as const] : [])
	]);
	const first: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: [text(system)] }];
	return { text: withSystem(renderChat(chat_template, [...first, ...messages], variables), system) };
}

/** The text, which has the system message in it. @throws InputError when a template has left it out */
export function withSystem(text: string, system: string | undefined): string {
	if (system !== undefined && !text.includes(system.trim()))
		throw new InputError(
			'The model’s chat template has no place for a system message; put its words into the question, or write the whole prompt.'
		);
	return text;
}

/** An answer as templates want it that write the space before it themselves: models generate it as the answer's first character. */
export const withoutFirstSpace = (answer = ''): string => answer.replace(/^ /, '');

/** Ids of a text in one piece, −1 at the places of visual tokens, which `mark` stands for. Nothing of it is labelled. */
export function encodeWhole(tokenizer: TextTokenizer, text: string, mark: string): EncodedText {
	const [id, ...more] = tokenizer.tokenize(mark);
	if (id === undefined || more.length > 0)
		throw new InputError(
			`The tokenizer has no token ${mark}, which stands for visual tokens; give the tokenizer of this model.`
		);
	const input_ids = tokenizer.tokenize(text).map((found) => (found === id ? IMAGE_TOKEN_ID : found));
	return { input_ids, labels: input_ids.map(() => IGNORE_LABEL) };
}
