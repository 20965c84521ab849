import type { DecodeOptions, IncrementalDecoder } from './decode.ts';

/** Id that stands for one visual token in `input_ids`. */
export const IMAGE_TOKEN_ID = -1;
/** Label of positions that are not trained on. */
export const IGNORE_LABEL = -100;

/** Contents of a tokenizer's files, parsed. */
export interface TokenizerFiles {
	/** `tokenizer.json`, or what `convertSentencePiece` makes of a `tokenizer.model`. */
	readonly tokenizer_json: unknown;
	/** `tokenizer_config.json`; the language model's usual settings when absent. */
	readonly tokenizer_config?: unknown;
	/**
	 * Rows of the language model's embedding. Added tokens behind them (a `<pad>` that was put in for batches, say) are never fed and never
	 * produced: their text is text like any other.
	 */
	readonly rows?: number;
}

/** Text ↔ ids, whatever the kind of tokenizer. */
export interface TextTokenizer {
	/** Put in front of a prompt where the family does so; undefined where the tokenizer names none. */
	readonly bosId: number | undefined;
	/** Ends an answer. */
	readonly eosId: number;
	/** One more than the largest id. */
	readonly vocabSize: number;
	/** Ids of a text without bos and eos. Literal special tokens become their ids. */
	tokenize(text: string): number[];
	/** Text of ids. Visual tokens (−1) and ids outside the vocabulary, which have no text, are left out. */
	decode(ids: readonly number[], options?: DecodeOptions): string;
	/** A decoder for ids that come one by one. */
	decoder(options?: DecodeOptions): IncrementalDecoder;
	/** The piece of an id as the vocabulary has it, e.g. `▁the` or `<0x0A>`; undefined outside the vocabulary. */
	piece(id: number): string | undefined;
}
