/**
 * What `npm run bench -- --vlm` measures. `--json FILE` writes a `VlmReport`, whose names stand here.
 */
import { median } from '../../../src/lib/analysis/statistics.ts';
import type { Machine } from '../turns.ts';

/** One picture that is one tile, and a question; every subject gets the same ones. */
export interface VlmTask {
	readonly question: string;
	/** The question within the model's own template, for the peer. */
	readonly prompt: string;
	/** Addresses of two pictures: the first is asked about right after loading, the second is what is compared. */
	readonly pictures: readonly [first: string, second: string];
	readonly new_tokens: number;
}

/** Where the time went, milliseconds. */
export interface Parts {
	/** The picture read and the prompt written, up to the first network; of ours the picture's resizing counts to `vision`. */
	readonly input: number;
	/** Vision tower and projector. */
	readonly vision: number;
	readonly prefill: number;
	/** All tokens after the first. */
	readonly decode: number;
}

export interface Answered {
	readonly ids: readonly number[];
	/** Positions of the prompt, those of the picture included. */
	readonly prompt_tokens: number;
	/** Milliseconds from the question to each new token. */
	readonly at_ms: readonly number[];
	readonly parts_ms: Parts;
}

/** One page. */
export interface VlmRun {
	readonly load_ms: number;
	readonly answers: readonly [first: Answered, second: Answered];
	/** Largest resident size of the page's and the GPU's process, bytes. */
	readonly peak_memory?: number;
}

/** What a page does around the networks, milliseconds: each alone, median of several. */
export interface Around {
	readonly decode_picture: number;
	readonly resize_and_normalise: number;
	readonly write_and_tokenize_prompt: number;
	readonly choose_from_logits: number;
	readonly text_of_ids: number;
}

/** Medians over rounds; times are those of the second picture. */
export interface VlmSubject {
	/** Bytes of the model's files. */
	readonly bytes: number;
	readonly load_ms: number;
	readonly peak_memory: number | undefined;
	/** Of the picture right after loading. */
	readonly cold_first_token_ms: number;
	readonly first_token_ms: number;
	readonly decode_tokens_per_second: number;
	readonly parts_ms: Parts;
	/** Against the fastest of the peers in each: decoding how many times as fast, the first token after which part of its time. */
	readonly against_peers?: { readonly decode: number; readonly first_token: number };
	/** New ids before the first that is not the float32 peer's, of how many. */
	readonly same_ids?: { readonly same: number; readonly of: number };
}

export interface VlmReport {
	readonly date: string;
	readonly machine: Machine;
	readonly versions: Readonly<Record<string, string>>;
	/** The shapes, and what the peer's files are. */
	readonly model: string;
	readonly rounds: number;
	readonly prompt_tokens: number;
	readonly new_tokens: number;
	readonly subjects: Readonly<Record<string, VlmSubject>>;
	/** The checkpoint to q4: the whole command in Node, and the page from the files that were dropped to the stored model. */
	readonly conversion: {
		readonly checkpoint_bytes: number;
		readonly node_ms: number;
		readonly page_ms?: number;
		readonly page_peak_memory?: number;
	};
	readonly around_ms?: Around;
	/** What could not be measured here, and why. */
	readonly missing: readonly string[];
}

/** A subject's runs, and what is known of it beforehand. */
export interface Measured {
	readonly name: string;
	readonly bytes: number;
	readonly peer: boolean;
	readonly runs: readonly VlmRun[];
}

const decodeRate = ({ at_ms }: Answered) => ((at_ms.length - 1) * 1000) / (at_ms.at(-1)! - at_ms[0]!);

/** @param reference name of the subject whose ids the others' are compared with */
export function summarize(measured: readonly Measured[], reference: string): Record<string, VlmSubject> {
	const over = <T>(all: readonly T[], value: (run: T) => number) => median(all.map(value));
	const own = measured.map(({ name, bytes, peer, runs }) => {
		const second = runs.map(({ answers }) => answers[1]);
		const peaks = runs.flatMap(({ peak_memory }) => peak_memory ?? []);
		const part = (of: keyof Parts) => over(second, ({ parts_ms }) => parts_ms[of]);
		return {
			...{ name, peer, ids: second[0]!.ids },
			summary: {
				bytes,
				load_ms: over(runs, ({ load_ms }) => load_ms),
				peak_memory: peaks.length > 0 ? median(peaks) : undefined,
				cold_first_token_ms: over(runs, ({ answers }) => answers[0].at_ms[0]!),
				first_token_ms: over(second, ({ at_ms }) => at_ms[0]!),
				decode_tokens_per_second: over(second, decodeRate),
				parts_ms: {
					input: part('input'),
					vision: part('vision'),
					prefill: part('prefill'),
					decode: part('decode')
				}
			}
		};
	});
	const peers = own.filter(({ peer }) => peer).map(({ summary }) => summary);
	const decode = Math.max(...peers.map((peer) => peer.decode_tokens_per_second));
	const first = Math.min(...peers.map((peer) => peer.first_token_ms));
	const expected = own.find(({ name }) => name === reference)?.ids;
	return Object.fromEntries(
		own.map(({ name, peer, ids, summary }): [string, VlmSubject] => [
			name,
			{
				...summary,
				...(!peer &&
					peers.length > 0 && {
						against_peers: {
							decode: summary.decode_tokens_per_second / decode,
							first_token: summary.first_token_ms / first
						}
					}),
				...(expected && name !== reference && { same_ids: alike(ids, expected) })
			}
		])
	);
}

function alike(ids: readonly number[], expected: readonly number[]) {
	const different = expected.findIndex((id, i) => id !== ids[i]);
	return { same: different < 0 ? expected.length : different, of: expected.length };
}
