import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { isObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { IncrementalDecoder, type DecodeOptions, type TokenText } from './decode.ts';
import { refuseOtherIds } from './library-limits.ts';
import type { TextTokenizer, TokenizerFiles } from './text-tokenizer.ts';
import { bytePiece, tokenContent } from './tokenizer-files.ts';

interface AddedTokenJson {
	readonly id: number;
	readonly content: string;
	readonly special?: boolean;
}

/**
 * Byte-level BPE as GPT-2 and its descendants have it. Encoding is the library's, by the file as it stands: normalizer, pre-tokenizers with
 * their patterns, added tokens, merges, and what its post-processor puts around a text. Decoding, which must go on id by id, is here.
 */
export class ByteLevelTokenizer implements TextTokenizer {
	/** The end token's where the tokenizer names none. */
	readonly bosId: number;
	readonly eosId: number;
	/** One more than the largest id. */
	readonly vocabSize: number;
	readonly #library: LibraryTokenizer;
	readonly #texts: readonly (TokenText | undefined)[];
	readonly #ids: ReadonlyMap<string, number>;

	/** @throws InputError when the files are not those of a byte-level BPE tokenizer */
	constructor({ tokenizer_json, tokenizer_config, rows = Infinity }: TokenizerFiles) {
		const { json, vocab, added } = readFile(tokenizer_json);
		refuseOtherIds(json);
		const kept = added.filter(({ id }) => id < rows);
		const config = isObject(tokenizer_config) ? tokenizer_config : {};
		this.#library = new LibraryTokenizer({ ...json, added_tokens: kept }, config);
		this.#ids = new Map([...vocab, ...kept.map(({ content, id }) => [content, id] as const)]);
		this.#texts = tokenTexts(vocab, kept);
		this.vocabSize = this.#texts.length;
		const idOf = (name: string): number | undefined => {
			const content = tokenContent(config[name]);
			return content === undefined ? undefined : this.#ids.get(content);
		};
		const eos = idOf('eos_token');
		if (eos === undefined)
			throw new InputError(
				'tokenizer_config.json names no eos_token that tokenizer.json has, so that no answer would end; copy both files of the tokenizer again.'
			);
		this.eosId = eos;
		this.bosId = idOf('bos_token') ?? eos;
	}

	/** Ids of a text without what may be put around it. Literal special tokens become their ids. */
	tokenize(text: string): number[] {
		return this.#library.encode(text, { add_special_tokens: false }).ids;
	}

	/** Text of ids. Visual tokens (−1) and ids outside the vocabulary, which have no text, are left out. */
	decode(ids: readonly number[], options?: DecodeOptions): string {
		return this.decoder(options).whole(ids);
	}

	/** A decoder for ids that come one by one. */
	decoder(options?: DecodeOptions): IncrementalDecoder {
		return new IncrementalDecoder(this.#texts, options);
	}

	/** The piece of an id, its spaces as `▁` and bytes that are no text as `<0x0A>`; undefined outside the vocabulary. */
	piece(id: number): string | undefined {
		const token = this.#texts[id];
		if (token?.kind !== 'bytes') return token && 'text' in token ? token.text : undefined;
		const text = new TextDecoder().decode(Uint8Array.from(token.bytes));
		const readable = !/[\p{Cc}\uFFFD]/u.test(text);
		return readable ? text.replaceAll(' ', '▁') : token.bytes.map(bytePiece).join('');
	}
}

/** @throws InputError */
function readFile(json: unknown): {
	readonly json: Readonly<Record<string, unknown>>;
	readonly vocab: ReadonlyMap<string, number>;
	readonly added: readonly AddedTokenJson[];
} {
	const model = isObject(json) ? json.model : undefined;
	if (!isObject(json) || !isObject(model) || !isObject(model.vocab) || !Array.isArray(model.merges))
		throw new InputError(
			"tokenizer.json has no model with a vocabulary and merges: give the tokenizer.json of the checkpoint's language model."
		);
	if (model.type !== 'BPE' || !isByteLevel(json))
		throw new InputError(
			"tokenizer.json is not a byte-level BPE tokenizer, as this model's language model has it: give the tokenizer of the checkpoint's language model."
		);
	const vocab = new Map<string, number>();
	for (const [piece, id] of Object.entries(model.vocab)) {
		if (!isId(id))
			throw new InputError(`tokenizer.json gives the piece ${JSON.stringify(piece)} no integer id.`);
		vocab.set(piece, id);
	}
	const added = (Array.isArray(json.added_tokens) ? (json.added_tokens as unknown[]) : []).map((token) => {
		if (!isObject(token) || typeof token.content !== 'string' || !isId(token.id))
			throw new InputError('tokenizer.json has an added token without content or id.');
		return token as unknown as AddedTokenJson;
	});
	return { json, vocab, added };
}

/** Whether a tokenizer.json's pieces are bytes written as characters. */
export function isByteLevel(json: unknown): boolean {
	return isObject(json) && /"type":"ByteLevel"/.test(JSON.stringify([json.pre_tokenizer, json.decoder]));
}

const isId = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** What each id stands for; holes where the vocabulary has none. */
function tokenTexts(
	vocab: ReadonlyMap<string, number>,
	added: readonly AddedTokenJson[]
): (TokenText | undefined)[] {
	const texts: (TokenText | undefined)[] = [];
	const bytes = byteOfCharacter();
	for (const [piece, id] of vocab) texts[id] = { kind: 'bytes', bytes: bytesOf(piece, bytes) };
	for (const { id, content, special } of added)
		texts[id] =
			special === true
				? { kind: 'special', text: content }
				: { kind: 'bytes', bytes: [...new TextEncoder().encode(content)] };
	return texts;
}

/** A piece with a character that stands for no byte is text as it is. */
function bytesOf(piece: string, bytes: ReadonlyMap<string, number>): readonly number[] {
	const all = Array.from(piece, (character) => bytes.get(character));
	return all.every((byte) => byte !== undefined) ? all : [...new TextEncoder().encode(piece)];
}

/** GPT-2's way of writing bytes: printable ones as themselves, the others in their order from U+0100 on. */
function byteOfCharacter(): ReadonlyMap<string, number> {
	const printable = (byte: number) =>
		(byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
	const map = new Map<string, number>();
	let others = 0;
	for (let byte = 0; byte < 256; byte++)
		map.set(String.fromCodePoint(printable(byte) ? byte : 0x100 + others++), byte);
	return map;
}
