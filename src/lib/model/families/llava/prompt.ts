import { isObject } from '../../../bytes/json.ts';
import type { PromptSettings } from '../../manifest.ts';
import { IMAGE_PLACEHOLDER } from '../../text/prompts.ts';
import { IGNORE_LABEL, type TokenizerFiles } from '../../text/text-tokenizer.ts';
import type { SpacePrefix } from '../../text/tokenizer.ts';
import { chatConversation, encodeWhole } from '../chat.ts';
import type { PromptFormat } from '../definition.ts';

/** transformers' form: the checkpoint's chat template writes the text, which is tokenized as a whole, one `<image>` for each visual token. */
export const chatPrompt: PromptFormat = {
	placeholder: IMAGE_PLACEHOLDER,
	conversation: (turns, settings, system) => chatConversation(turns, settings, system),
	encode({ text }, tokenizer, images) {
		const [first = '', ...rest] = text.split(IMAGE_PLACEHOLDER);
		const expanded = rest.map((after, i) => {
			const { perView, views } = images[i]!;
			return IMAGE_PLACEHOLDER.repeat(perView * views.length) + after;
		});
		const { input_ids, labels } = encodeWhole(tokenizer, [first, ...expanded].join(''), IMAGE_PLACEHOLDER);
		const begin = tokenizer.bosId === undefined ? [] : [tokenizer.bosId];
		return { input_ids: [...begin, ...input_ids], labels: [...begin.map(() => IGNORE_LABEL), ...labels] };
	}
};

/**
 * Where SentencePiece's space goes. transformers' form follows tokenizer.json: a `Prepend` normalizer puts it before every piece behind a
 * special token, a Metaspace pre-tokenizer only at the very beginning or (`never`) nowhere, whatever `legacy` says. The authors' form has the slow tokenizer,
 * which goes by `legacy` (undefined here).
 */
export function spacePrefix(
	{ tokenizer_json: json }: TokenizerFiles,
	{ template }: PromptSettings
): SpacePrefix | undefined {
	if (template !== 'chat' || !isObject(json)) return undefined;
	if (JSON.stringify(json.normalizer ?? null).includes('"Prepend"')) return 'every';
	return JSON.stringify(json.pre_tokenizer ?? null).includes('"never"') ? 'never' : 'first';
}
