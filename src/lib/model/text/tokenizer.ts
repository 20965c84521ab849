import { BPE } from '@huggingface/tokenizers';
import { InputError } from '../../tensor/errors.ts';
import { IncrementalDecoder } from './decode.ts';
import type { DecodeOptions, TokenText } from './decode.ts';
import { bytePiece, readTokenizerConfig, readTokenizerJson } from './tokenizer-files.ts';

/** Id that stands for one visual token in `input_ids`. */
export const IMAGE_TOKEN_ID = -1;
/** Label of positions that are not trained on. */
export const IGNORE_LABEL = -100;

const SPACE = '▁';
const IMAGE = '<image>';
const ANSWER_ROLE = '\nAI: ';
const HUMAN_ROLE = '\nHuman: ';
const CHUNKS = new RegExp(`(${IMAGE}|${ANSWER_ROLE}|${HUMAN_ROLE})`);
const CAPTIONING = '[NO_PROMPT] <image> ';

/** Contents of a tokenizer's files, parsed. */
export interface TokenizerFiles {
	/** `tokenizer.json`, or what `convertSentencePiece` makes of a `tokenizer.model`. */
	readonly tokenizer_json: unknown;
	/** `tokenizer_config.json`; Llama-2's settings when absent. */
	readonly tokenizer_config?: unknown;
	/**
	 * Rows of the language model's embedding. Added tokens behind them (a `<pad>` that was put in for batches, say) are never fed and never
	 * produced: their text is text like any other.
	 */
	readonly rows?: number;
}

export interface EncodeOptions {
	/** Visual tokens per image, M + K. */
	readonly tokensPerImage: number;
	/** Leave out the eos after a last answer, for generation (upstream's `no_eos`); true unless given. */
	readonly noEos?: boolean;
	/** Longest encoding without bos; text is cut, an image that does not fit is left out with all that follows. */
	readonly maxLength?: number;
	/** Ids for the answers of the prompt in order, used instead of encoding their text; undefined encodes. */
	readonly answerIds?: readonly (readonly number[] | undefined)[];
}

export interface EncodedPrompt {
	/** [position], bos first, -1 for each visual token. */
	readonly input_ids: number[];
	/** [position], the id where an answer is trained on, -100 elsewhere; not shifted. */
	readonly labels: number[];
	/** Position of the first visual token of each image. */
	readonly image_starts: number[];
}

/**
 * Upstream's tokenizer: the slow SentencePiece LlamaTokenizer, and its way of encoding a prompt chunk by chunk. The
 * merges are the library's; special tokens in text, the space prefix and decoding are here, because `tokenizer.json`
 * describes them as the fast tokenizer has them, which differs.
 */
export class Tokenizer {
	readonly bosId: number;
	readonly eosId: number;
	/** The pad token's id, or unk's when there is none. */
	readonly padId: number;
	/** One more than the largest id. */
	readonly vocabSize: number;
	readonly legacy: boolean;
	readonly #ids: ReadonlyMap<string, number>;
	readonly #bpe: BPE;
	readonly #texts: readonly (TokenText | undefined)[];
	readonly #added: ReadonlyMap<string, number>;
	readonly #addedPattern: RegExp;

	/** @throws InputError when the files are not those of a SentencePiece BPE tokenizer */
	constructor(files: TokenizerFiles) {
		const { rows = Infinity } = files;
		const { model, added_tokens: all } = readTokenizerJson(files.tokenizer_json);
		const added_tokens = all.filter(({ id }) => id < rows);
		const dropped = new Set(all.filter(({ id }) => id >= rows).map(({ content }) => content));
		const config = readTokenizerConfig(files.tokenizer_config);
		this.legacy = config.legacy;
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
		const sections = (this.legacy ? text : text.replaceAll(SPACE, ' ')).split(this.#addedPattern);
		return sections.flatMap((section, i) => {
			if (section === '') return [];
			// Odd sections are what the pattern captured.
			if (i % 2 === 1) return [this.#added.get(section)!];
			const marked = section.replaceAll(' ', SPACE);
			return this.#encodePieces(i === 0 || this.legacy ? SPACE + marked : marked);
		});
	}

	/**
	 * Encodes a prompt as upstream does: bos, then each chunk between the literals `<image>`, `\nAI: ` and `\nHuman: `
	 * (and the role literals themselves) on its own; an image becomes `tokensPerImage` times -1; the chunk after `\nAI: `
	 * is an answer, which is labelled and ended by eos. `[NO_PROMPT] <image> caption` is bos, image, caption, eos.
	 * @see upstream `honeybee/tokenization_honeybee.py`
	 */
	encodePrompt(prompt: string, options: EncodeOptions): EncodedPrompt {
		const { tokensPerImage, noEos = true, maxLength = Infinity, answerIds = [] } = options;
		const limit = maxLength + 1;
		const ids = [this.bosId];
		const labels = [IGNORE_LABEL];
		const starts: number[] = [];
		const addImage = (): void => {
			starts.push(ids.length);
			for (let i = 0; i < tokensPerImage; i++) ids.push(IMAGE_TOKEN_ID);
			for (let i = 0; i < tokensPerImage; i++) labels.push(IGNORE_LABEL);
		};
		const addText = (chunk: readonly number[], isAnswer: boolean): void => {
			for (const id of chunk) ids.push(id);
			for (const id of chunk) labels.push(isAnswer ? id : IGNORE_LABEL);
		};
		if (prompt.startsWith(CAPTIONING)) {
			addImage();
			addText([...this.tokenize(prompt.replaceAll(CAPTIONING, '')), this.eosId], true);
		} else {
			const chunks = prompt.split(CHUNKS).filter((chunk) => chunk !== '');
			let answers = 0;
			for (const [i, chunk] of chunks.entries()) {
				if (ids.length >= limit) break;
				if (chunk === IMAGE) {
					if (ids.length + tokensPerImage > limit) break;
					addImage();
				} else if (i > 0 && chunks[i - 1] === ANSWER_ROLE) {
					// After an empty answer upstream takes the next role literal for the answer.
					const given = answerIds[answers++];
					addText(
						this.#encodeAnswer(chunk, chunk === HUMAN_ROLE || chunk === ANSWER_ROLE ? undefined : given),
						true
					);
				} else {
					addText(this.tokenize(chunk), false);
				}
			}
		}
		// Before cutting, as upstream: of an answer cut off nothing more is taken.
		if (noEos && ids.at(-1) === this.eosId) {
			ids.pop();
			labels.pop();
		}
		return {
			input_ids: ids.slice(0, limit),
			labels: labels.slice(0, limit),
			image_starts: starts.filter((start) => start < limit)
		};
	}

	/** Text of ids. Visual tokens (-1) and ids outside the vocabulary, which have no text, are left out. */
	decode(ids: readonly number[], options?: DecodeOptions): string {
		const decoder = this.decoder(options);
		for (const id of ids) decoder.push(id);
		return decoder.end();
	}

	/** A decoder for ids that come one by one. */
	decoder(options?: DecodeOptions): IncrementalDecoder {
		return new IncrementalDecoder((id) => this.#texts[id] ?? { kind: 'special', text: '' }, options);
	}

	/** The piece of an id as the vocabulary has it, e.g. `▁the` or `<0x0A>`; undefined outside the vocabulary. */
	piece(id: number): string | undefined {
		const token = this.#texts[id];
		if (token === undefined || token.kind === 'bytes') return undefined;
		if (token.kind === 'byte') return bytePiece(token.byte);
		return token.kind === 'text' ? token.text.replaceAll(' ', SPACE) : token.text;
	}

	#encodeAnswer(text: string, generated: readonly number[] | undefined): number[] {
		const ids = generated === undefined ? this.tokenize(text) : [...generated];
		return generated?.at(-1) === this.eosId ? ids : [...ids, this.eosId];
	}

	#encodePieces(text: string): number[] {
		return this.#bpe.encode([text]).map((piece) => this.#ids.get(piece)!);
	}
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
