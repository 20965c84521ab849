/** What the page measures; milliseconds and bytes. */

/** Answers about one image at one M. */
export interface AnswerTimes {
	/** M */
	readonly tokens: number;
	readonly prompt_positions: number;
	/** From the question to the first token, image and all, kernels compiled before. */
	readonly first_token_ms: number;
	readonly vision_ms: number;
	readonly projector_ms: number;
	readonly prefill_ms: number;
	/** Tokens after the first. */
	readonly decoded: number;
	readonly decode_tokens_per_second: number;
	readonly ids: readonly number[];
}

export interface HoneybeeTimes {
	readonly adapter: string;
	readonly software: boolean;
	readonly load_ms: number;
	readonly answers: readonly AnswerTimes[];
}

/** The same language model, prompts of the same length, and as many tokens, in transformers.js. */
export interface PeerTimes {
	readonly load_ms: number;
	readonly runs: readonly {
		readonly prompt_positions: number;
		readonly first_token_ms: number;
		readonly decode_tokens_per_second: number;
	}[];
}

export interface PeerTask {
	readonly prompts: readonly number[];
	readonly new_tokens: number;
	readonly vocab_size: number;
	readonly shards: readonly string[];
}
