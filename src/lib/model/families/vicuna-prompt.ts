import { IMAGE_PLACEHOLDER } from '../text/prompts.ts';
import { IGNORE_LABEL, IMAGE_TOKEN_ID, type TextTokenizer } from '../text/text-tokenizer.ts';
import type { EncodedText, ImageTokens, PromptFormat } from './definition.ts';

/** Who talks to the assistant, by template: training and evaluation have the first, some READMEs the second. */
const people: Readonly<Record<string, string>> = { vicuna_v1: 'user', llava_v1: 'human' };

const before = (person: string) =>
	`A chat between a curious ${person} and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the ${person}'s questions.`;

/** Marks around a picture that some checkpoints were trained with (`mm_use_im_start_end`). */
const marked = `<im_start>${IMAGE_PLACEHOLDER}<im_end>`;

/**
 * Vicuna's conversation as LLaVA and what came of it write it: pictures on lines of their own before the question, answers closed by
 * `</s>`. Ids piece by piece: what stands between pictures is tokenized by itself.
 */
export const vicunaPrompt: PromptFormat = {
	placeholder: IMAGE_PLACEHOLDER,
	conversation(turns, { template, marks }, system = before(people[template] ?? 'user')) {
		const picture = `${marks === true ? marked : IMAGE_PLACEHOLDER}\n`;
		const written = turns.map(({ question, imageCount, answer }, i) => {
			const asked = `USER: ${picture.repeat(imageCount)}${question} ASSISTANT:`;
			return i < turns.length - 1 ? `${asked} ${answer ?? ''}</s>` : asked;
		});
		return { text: `${system} ${written.join('')}` };
	},
	encode: ({ text }, tokenizer, images) => encodePieces(text, tokenizer, images)
};

function encodePieces(text: string, tokenizer: TextTokenizer, images: readonly ImageTokens[]): EncodedText {
	const input_ids = tokenizer.bosId === undefined ? [] : [tokenizer.bosId];
	for (const [i, piece] of text.split(IMAGE_PLACEHOLDER).entries()) {
		const before = images[i - 1];
		if (before) for (let n = before.perView * before.views.length; n > 0; n--) input_ids.push(IMAGE_TOKEN_ID);
		for (const id of tokenizer.tokenize(piece)) input_ids.push(id);
	}
	return { input_ids, labels: input_ids.map(() => IGNORE_LABEL) };
}
