import { isObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { renderChat, type ChatMessage } from '../../text/chat-template.ts';
import { IGNORE_LABEL, IMAGE_TOKEN_ID } from '../../text/text-tokenizer.ts';
import { chatSettings, encodeWhole, withoutFirstSpace, withSystem } from '../chat.ts';
import type { ImageTokens, PromptFormat, PromptTurn } from '../definition.ts';
import type { ModelManifest } from '../../manifest.ts';

/** What stands for one picture in a prompt before it is encoded. */
const PLACEHOLDER = '<|image|>';

/** `vlm_extra_tokens` of config.json: `image_token`, `global_image_token`, `r1c1` … by name. */
export type ExtraTokens = Readonly<Record<string, string>>;

/**
 * What a picture is written as among `count`: the whole, then each tile in reading order after a mark with its row and column; of one tile the
 * tile alone, called the whole where there is a token for it.
 */
export function expandImage(
	{ perView, views }: ImageTokens,
	tokens: ExtraTokens,
	{ index, count }: { readonly index: number; readonly count: number }
): string {
	const named = (name: string): string => {
		const token = tokens[name];
		if (token === undefined)
			throw new InputError(
				`The picture takes a tile that the model has no mark for (${name} is not among its vlm_extra_tokens); use a picture that is less wide or high.`
			);
		return token;
	};
	const image = named('image_token').repeat(perView);
	const global = tokens.global_image_token;
	const marked = global !== undefined || 'r1c1' in tokens;
	const marks = views.map(({ tile }) => {
		if (tile) return named(`r${tile.row + 1}c${tile.column + 1}`);
		return global ?? (marked ? named('r1c1') : '');
	});
	return `${count > 1 && marked ? `<image: ${index}>` : ''}${marks.map((mark) => mark + image).join('')}`;
}

/** Pictures stand before the first question, whichever turn they came with. */
export const prompt: PromptFormat = {
	placeholder: PLACEHOLDER,
	conversation(turns, settings, system) {
		const pictures = PLACEHOLDER.repeat(turns.reduce((sum, { imageCount }) => sum + imageCount, 0));
		return {
			text:
				settings.template === 'chat'
					? chat(pictures, turns, settings, system)
					: withSystem(questions(pictures, turns), system)
		};
	},
	encode({ text }, tokenizer, images, settings) {
		const tokens = extraTokens(settings);
		if (!tokens) {
			const inFront = images.reduce((sum, { perView, views }) => sum + perView * views.length, 0);
			const visual = Array.from({ length: inFront }, () => IMAGE_TOKEN_ID);
			const input_ids = [...visual, ...tokenizer.tokenize(text.replaceAll(PLACEHOLDER, ''))];
			return { input_ids, labels: input_ids.map(() => IGNORE_LABEL) };
		}
		const [first = '', ...rest] = text.split(PLACEHOLDER);
		const expanded = rest.map(
			(after, index) => expandImage(images[index]!, tokens, { index, count: images.length }) + after
		);
		return encodeWhole(tokenizer, [first, ...expanded].join(''), tokens.image_token ?? PLACEHOLDER);
	}
};

function chat(
	pictures: string,
	turns: readonly PromptTurn[],
	settings: ModelManifest['prompt'],
	system?: string
): string {
	const { chat_template, variables } = chatSettings(settings);
	const messages = turns.flatMap(({ question, answer }, i): ChatMessage[] => [
		{ role: 'user', content: i === 0 ? pictures + question : question },
		...(i < turns.length - 1 ? [{ role: 'assistant', content: answer ?? '' } as const] : [])
	]);
	const first: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
	return withSystem(renderChat(chat_template, [...first, ...messages], variables), system);
}

/** The first releases know one question; earlier ones are written before it in the same form. */
function questions(pictures: string, turns: readonly PromptTurn[]): string {
	const written = turns.map(({ question, answer }, i) =>
		i < turns.length - 1
			? `Question: ${question} Answer: ${withoutFirstSpace(answer)}`
			: `Question: ${question} Answer:`
	);
	return pictures + written.join(' ');
}

function extraTokens({ extra_tokens }: ModelManifest['prompt']): ExtraTokens | undefined {
	return isObject(extra_tokens) ? (extra_tokens as ExtraTokens) : undefined;
}
