import { BPE } from '@huggingface/tokenizers';
import { InputError } from '../../tensor/errors.ts';
import { IncrementalDecoder } from './decode.ts';
import type { DecodeOptions, TokenText } from './decode.ts';
import type { TextTokenizer, TokenizerFiles } from './text-tokenizer.ts';
import {
	bytePiece,
	readTokenizerConfig,
	readTokenizerJson,
	type AddedToken,
	type TokenizerConfig
} from './tokenizer-files.ts';

const SPACE = '▁';
/**
 * Where SentencePiece's space goes in a text: before its first piece, also before each that follows a literal special token, or nowhere.
 */
export type SpacePrefix = 'first' | 'every' | 'never';

/**
 * A SentencePiece BPE tokenizer as LLaMA has it. The merges are the library's; special tokens in text, the space prefix and decoding are
 * here, because `tokenizer.json` describes them as the fast tokenizer has them, which differs from the slow one.
 */
export class Tokenizer implements TextTokenizer {
	readonly bosId: number;
	readonly eosId: number;
	/** The pad token's id, or unk's when there is none. */
	readonly padId: number;
	/** One more than the largest id. */
	readonly vocabSize: number;
	readonly #prefix: SpacePrefix;
	readonly #ids: ReadonlyMap<string, number>;
	readonly #bpe: BPE;
	readonly #texts: readonly (TokenText | undefined)[];
	readonly #added: ReadonlyMap<string, number>;
	/** Added tokens with flags. */
	readonly #flagged: ReadonlyMap<string, AddedToken>;
	readonly #addedPattern: RegExp;

	/**
	 * @param prefix what the files say of it when absent
	 * @throws InputError when the files are not those of a SentencePiece BPE tokenizer
	 */
	constructor(files: TokenizerFiles, prefix?: SpacePrefix) {
		const { rows = Infinity } = files;
		const { model, added_tokens: all, prepend_scheme } = readTokenizerJson(files.tokenizer_json);
		const added_tokens = all.filter(({ id }) => id < rows);
		const dropped = new Set(all.filter(({ id }) => id >= rows).map(({ content }) => content));
		const config = readTokenizerConfig(files.tokenizer_config);
		this.#prefix = prefix ?? prefixOf(config, prepend_scheme);
		this.#ids = new Map(Object.entries(model.vocab));
		this.#bpe = new BPE({
			...model,
			merges: model.merges.map(splitMerge),
			unk_token: config.unk_token,
			ignore_merges: false
		});
		const added = new Map(added_tokens.map(({ content, id }) => [content, id]));
		const special = new Set(added_tokens.filter((token) => token.special).map((token) => token.content));
		for (const token of [config.bos_token, config.eos_token, config.unk_token, config.pad_token]) {
			if (token === undefined || (token === config.pad_token && dropped.has(token))) continue;
			const id = added.get(token) ?? this.#ids.get(token);
			if (id === undefined)
				throw new InputError(`The tokenizer's vocabulary lacks its special token ${token}.`);
			added.set(token, id);
			special.add(token);
		}
		this.#added = added;
		this.#flagged = new Map(
			added_tokens
				.filter(({ lstrip, rstrip, single_word }) => lstrip || rstrip || single_word)
				.map((token) => [token.content, token])
		);
		// Longest first, as a trie of the literals matches.
		const literals = [...added.keys()].sort((a, b) => b.length - a.length).map(escapePattern);
		this.#addedPattern = new RegExp(`(${literals.join('|')})`);
		this.bosId = added.get(config.bos_token)!;
		this.eosId = added.get(config.eos_token)!;
		this.padId = added.get(config.pad_token ?? '') ?? added.get(config.unk_token)!;
		this.#texts = tokenTexts(this.#ids, added, special);
		this.vocabSize = this.#texts.length;
	}

	/** Ids of a text without bos and eos, with SentencePiece's space in front. Literal special tokens become their ids. */
	tokenize(text: string): number[] {
		if (text === '') return [];
		const every = this.#prefix === 'every';
		const sections = (every ? text : text.replaceAll(SPACE, ' ')).split(this.#addedPattern);
		const literals = this.#literals(sections);
		return sections.flatMap((section, i) => {
			if (section === '') return [];
			if (literals.has(i)) return [this.#added.get(section)!];
			const marked = section.replaceAll(' ', SPACE);
			return this.#encodePieces(every || (i === 0 && this.#prefix === 'first') ? SPACE + marked : marked);
		});
	}

	/**
	 * Indices of the sections that are added tokens: every other one, which the pattern captured. Their neighbours are changed as the
	 * tokens' flags ask, in the order of transformers' slow tokenizers.
	 */
	#literals(sections: string[]): ReadonlySet<number> {
		const literals = new Set(sections.flatMap((_, i) => (i % 2 === 1 ? [i] : [])));
		if (this.#flagged.size === 0) return literals;
		for (const i of [...literals]) {
			const content = sections[i]!;
			const { lstrip, rstrip, single_word } = this.#flagged.get(content) ?? {};
			const [left = '', right = ''] = [sections[i - 1], sections[i + 1]];
			if (rstrip) sections[i + 1] = right.trimStart();
			if (lstrip) sections[i - 1] = left.trimEnd();
			if (!single_word) continue;
			const beside = left !== '' && !left.endsWith(' ') ? -1 : right !== '' && !right.startsWith(' ') ? 1 : 0;
			if (beside === 0) continue;
			sections[i + beside] = beside < 0 ? left + content : content + right;
			sections[i] = '';
			literals.delete(i);
		}
		return literals;
	}

	/** Text of ids. Visual tokens (-1) and ids outside the vocabulary, which have no text, are left out. */
	decode(ids: readonly number[], options?: DecodeOptions): string {
		return this.decoder(options).whole(ids);
	}

	/** A decoder for ids that come one by one. */
	decoder(options?: DecodeOptions): IncrementalDecoder {
		return new IncrementalDecoder(this.#texts, options);
	}

	/** The piece of an id as the vocabulary has it, e.g. `▁the` or `<0x0A>`; undefined outside the vocabulary. */
	piece(id: number): string | undefined {
		const token = this.#texts[id];
		if (token === undefined || token.kind === 'bytes') return undefined;
		if (token.kind === 'byte') return bytePiece(token.byte);
		return token.kind === 'text' ? token.text.replaceAll(' ', SPACE) : token.text;
	}

	#encodePieces(text: string): number[] {
		return this.#bpe.encode([text]).map((piece) => this.#ids.get(piece)!);
	}
}

/**
 * What the files say. `legacy` that is not said is transformers' old rule, but for files whose space prefix is a pre-tokenizer's, as
 * transformers 5 writes them and reads them.
 */
function prefixOf({ legacy, add_prefix_space }: TokenizerConfig, scheme: string | undefined): SpacePrefix {
	if (legacy ?? (scheme === undefined && add_prefix_space !== false)) return 'every';
	return add_prefix_space === false || scheme === 'never' ? 'never' : 'first';
}

function splitMerge(merge: string | readonly [string, string]): [string, string] {
	const [left = '', right = ''] = typeof merge === 'string' ? merge.split(' ') : merge;
	return [left, right];
}

/** What each id stands for; holes where the vocabulary has none. */
function tokenTexts(
	ids: ReadonlyMap<string, number>,
	added: ReadonlyMap<string, number>,
	special: ReadonlySet<string>
): (TokenText | undefined)[] {
	const texts: (TokenText | undefined)[] = [];
	for (const [piece, id] of ids) {
		const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
		texts[id] =
			byte === undefined
				? { kind: 'text', text: piece.replaceAll(SPACE, ' ') }
				: { kind: 'byte', byte: Number.parseInt(byte, 16) };
	}
	for (const [content, id] of added)
		texts[id] = special.has(content) ? { kind: 'special', text: content } : { kind: 'text', text: content };
	return texts;
}

function escapePattern(literal: string): string {
	return literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
