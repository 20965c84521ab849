/**
 * What a tokenizer.json may ask for that @huggingface/tokenizers 0.2.0 does otherwise than tokenizers 0.22.2, without a word: other ids, and
 * so another prompt. `findings/tokenizers-in-javascript.sh` shows each.
 */
import { isObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';

/** @throws InputError naming the first part that would be read otherwise */
export function refuseOtherIds(json: Readonly<Record<string, unknown>>): void {
	const found = parts(json.pre_tokenizer)
		.map(otherwise)
		.find((reason) => reason !== undefined);
	const word = (Array.isArray(json.added_tokens) ? (json.added_tokens as unknown[]) : []).find(
		(token) => isObject(token) && token.single_word === true
	);
	const reason =
		found ??
		(isObject(word)
			? `finds ${JSON.stringify(word.content)} as a word of its own only (single_word)`
			: undefined);
	if (reason !== undefined)
		throw new InputError(
			`tokenizer.json ${reason}, which the tokenizer library here does otherwise, so that prompts would get other ids; this tokenizer cannot be used yet.`
		);
}

/** Pre-tokenizers, those of a sequence one by one. */
function parts(pre: unknown): readonly Readonly<Record<string, unknown>>[] {
	if (!isObject(pre)) return [];
	return Array.isArray(pre.pretokenizers) ? (pre.pretokenizers as unknown[]).flatMap(parts) : [pre];
}

function otherwise({
	type,
	behavior,
	invert,
	pattern
}: Readonly<Record<string, unknown>>): string | undefined {
	if (type === 'Split') {
		const regex = isObject(pattern) && 'Regex' in pattern;
		const same =
			invert === true ? behavior === 'Removed' : behavior === 'Isolated' || (behavior === 'Removed' && regex);
		return same
			? undefined
			: `splits text by Split, ${String(behavior)}${invert === true ? ', inverted' : ''}`;
	}
	if (type === 'Punctuation' && behavior !== 'Isolated' && behavior !== 'Contiguous')
		return `splits text by Punctuation, ${String(behavior)}`;
	// Its \w knows the letters of ASCII alone.
	if (type === 'Whitespace') return 'splits text by Whitespace';
	if (type === 'FixedLength') return 'splits text by FixedLength';
	return undefined;
}
