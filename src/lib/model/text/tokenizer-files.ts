import { isObject, type JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';

/** The parts of a `tokenizer.json` (Hugging Face tokenizers) that a SentencePiece BPE tokenizer needs. */
export interface TokenizerJson {
	readonly added_tokens: readonly AddedToken[];
	/** Where a Metaspace pre-tokenizer puts the space prefix; absent where a normalizer puts it, as older files have it. */
	readonly prepend_scheme?: string;
	readonly model: {
		readonly type: 'BPE';
		readonly byte_fallback: true;
		/** Piece → id. */
		readonly vocab: Readonly<Record<string, number>>;
		/** Pairs by falling score, as `"left right"` or `[left, right]`. */
		readonly merges: readonly (string | readonly [string, string])[];
	};
}

export interface AddedToken {
	readonly id: number;
	readonly content: string;
	readonly special: boolean;
	/** Takes the white space before it. */
	readonly lstrip?: boolean;
	/** Takes the white space behind it. */
	readonly rstrip?: boolean;
	/** Is one only between spaces. */
	readonly single_word?: boolean;
}

/** The parts of a `tokenizer_config.json` that change ids. */
export interface TokenizerConfig {
	readonly bos_token: string;
	readonly eos_token: string;
	readonly unk_token: string;
	readonly pad_token?: string;
	/**
	 * transformers' legacy Llama behaviour: text after a literal special token gets SentencePiece's space prefix again.
	 * False in the Llama-2 and Vicuna 1.5 releases and where no `tokenizer_config.json` is given; undefined where the file does not say.
	 */
	readonly legacy: boolean | undefined;
	/** Whether a text begins with SentencePiece's space; null is as good as not said. */
	readonly add_prefix_space: boolean | undefined;
}

/**
 * Checks parsed JSON of a `tokenizer.json`.
 * @throws InputError when it is none, or not a SentencePiece BPE tokenizer as LLaMA models use
 */
export function readTokenizerJson(json: unknown, name = 'tokenizer.json'): TokenizerJson {
	const model = isObject(json) ? json['model'] : undefined;
	if (!isObject(json) || !isObject(model) || !isObject(model['vocab']) || !Array.isArray(model['merges']))
		throw new InputError(
			`${name} has no model with a vocabulary and merges: give the tokenizer.json or tokenizer.model of the checkpoint's language model.`
		);
	if ((model['type'] ?? 'BPE') !== 'BPE' || model['byte_fallback'] !== true || !usesSpaceMark(json))
		throw new InputError(
			`${name} is not a SentencePiece BPE tokenizer with byte fallback, the only kind that LLaMA and Vicuna use: give the tokenizer of the checkpoint's language model.`
		);
	const vocab = model['vocab'] as Record<string, unknown>;
	for (const [piece, id] of Object.entries(vocab))
		if (!Number.isInteger(id))
			throw new InputError(`${name} gives the piece ${JSON.stringify(piece)} no integer id.`);
	for (let byte = 0; byte < 256; byte++)
		if (!(bytePiece(byte) in vocab)) throw new InputError(`${name} lacks the byte piece ${bytePiece(byte)}.`);
	const added = Array.isArray(json['added_tokens']) ? (json['added_tokens'] as unknown[]) : [];
	const scheme = prependScheme(json['pre_tokenizer']);
	return {
		...(scheme !== undefined && { prepend_scheme: scheme }),
		added_tokens: added.map((token) => {
			if (!isObject(token) || typeof token['content'] !== 'string' || !Number.isInteger(token['id']))
				throw new InputError(`${name} has an added token without content or id.`);
			return addedToken(token['id'] as number, token['content'], token);
		}),
		model: {
			type: 'BPE',
			byte_fallback: true,
			vocab: vocab as Record<string, number>,
			merges: model['merges'] as TokenizerJson['model']['merges']
		}
	};
}

/** Reads parsed JSON of a `tokenizer_config.json`, or the defaults of Llama-2 when there is none. */
export function readTokenizerConfig(json?: unknown): TokenizerConfig {
	const config = isObject(json) ? json : {};
	const pad = tokenContent(config['pad_token']);
	return {
		bos_token: tokenContent(config['bos_token']) ?? '<s>',
		eos_token: tokenContent(config['eos_token']) ?? '</s>',
		unk_token: tokenContent(config['unk_token']) ?? '<unk>',
		...(pad === undefined ? {} : { pad_token: pad }),
		legacy: isObject(json) ? booleanOf(config['legacy']) : false,
		add_prefix_space: booleanOf(config['add_prefix_space'])
	};
}

const booleanOf = (value: unknown) => (typeof value === 'boolean' ? value : undefined);

/** A token with the flags that a file gives it. */
export const addedToken = (id: number, content: string, flags: JsonObject): AddedToken => ({
	...{ id, content, special: flags['special'] === true },
	...(flags['lstrip'] === true && { lstrip: true }),
	...(flags['rstrip'] === true && { rstrip: true }),
	...(flags['single_word'] === true && { single_word: true })
});

/** `prepend_scheme` of a Metaspace pre-tokenizer, alone or in a sequence. */
function prependScheme(json: unknown): string | undefined {
	if (!isObject(json)) return undefined;
	const list = Array.isArray(json['pretokenizers']) ? (json['pretokenizers'] as unknown[]) : [json];
	const metaspace = list.find((one) => isObject(one) && one['type'] === 'Metaspace');
	if (!isObject(metaspace)) return undefined;
	// Before 0.15 of the library: `add_prefix_space`.
	const scheme =
		metaspace['prepend_scheme'] ?? (metaspace['add_prefix_space'] === false ? 'never' : 'always');
	return typeof scheme === 'string' ? scheme : undefined;
}

/** How byte `byte` is written as a piece, e.g. `<0x0A>`. */
export function bytePiece(byte: number): string {
	return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** Whether spaces become `▁`, by a normalizer (older files) or a Metaspace pre-tokenizer (newer ones). */
function usesSpaceMark(json: JsonObject): boolean {
	return JSON.stringify([json['normalizer'], json['pre_tokenizer']]).includes('▁');
}

/** A token in a config is its text, or an object with it. */
export function tokenContent(token: unknown): string | undefined {
	if (typeof token === 'string') return token;
	return isObject(token) && typeof token['content'] === 'string' ? token['content'] : undefined;
}
