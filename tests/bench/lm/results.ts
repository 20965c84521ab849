/**
 * What `npm run bench -- --lm` measures. `--json FILE` writes an `LmReport`, whose names stand here.
 */
import { median } from '../../../src/lib/analysis/statistics.ts';
import type { Machine } from '../turns.ts';

/** A greedy continuation; every subject gets the same ones. */
export interface Continuation {
	/** Ids of the prompt, and its text for what takes no ids. */
	readonly prompt_ids: readonly number[];
	readonly prompt: string;
	readonly new_tokens: number;
}

export interface LmTask {
	/** Computed and thrown away: what is compiled or allocated at the first use is there afterwards. */
	readonly warm: Continuation;
	/** By the prompt's length, the first the one whose first token is timed. */
	readonly timed: readonly Continuation[];
	/** Greedy ids compared with the reference; of the last position of each prompt the logits, too. */
	readonly compared: readonly Continuation[];
}

/** Milliseconds from the call to each new token. */
export interface Continued {
	readonly ids: readonly number[];
	readonly at_ms: readonly number[];
}

/** One process or page. */
export interface LmRun {
	readonly load_ms: number;
	/** As `LmTask.timed`. */
	readonly timed: readonly Continued[];
	/** As `LmTask.compared`, where the subject is one of ours: ids, and logits [vocab] after the prompt. */
	readonly compared?: readonly { readonly ids: readonly number[]; readonly logits: readonly number[] }[];
	/** Largest resident size of the process, or of the page's and the GPU's; bytes. */
	readonly peak_memory?: number;
}

/** Medians over rounds. */
export interface LmSubject {
	/** Bytes of the model's files that it loads: language model and embedding. */
	readonly bytes_loaded: number;
	readonly load_ms: number;
	readonly peak_memory: number | undefined;
	readonly first_token_ms: number;
	readonly prefill_tokens_per_second: number;
	/** By the prompt's length. */
	readonly decode_tokens_per_second: Readonly<Record<number, number>>;
	/** Decoding at the last prompt's length against decoding at the first's. */
	readonly flat: number;
	readonly agreement?: Agreement;
}

/** A path of ours against the reference: Node, as stored, of the same type. */
export interface Agreement {
	readonly prompts: number;
	/** Prompts all of whose greedy ids are the reference's. */
	readonly same_prompts: number;
	/** Ids that agree before the first difference, of all. */
	readonly same_ids: number;
	readonly ids: number;
	/** Largest distance of a logit, relative to the largest one: the middle prompt's, and the worst's. */
	readonly logits_error: { readonly median: number; readonly worst: number };
}

export interface LmReport {
	readonly date: string;
	readonly machine: Machine;
	readonly versions: Readonly<Record<string, string>>;
	readonly model: string;
	readonly rounds: number;
	readonly prompt_tokens: readonly number[];
	readonly new_tokens: readonly number[];
	readonly subjects: Readonly<Record<string, LmSubject>>;
	/** Peers and backends that could not be measured here, and why. */
	readonly missing: readonly string[];
}

const rate = ({ at_ms }: Continued) => ((at_ms.length - 1) * 1000) / (at_ms.at(-1)! - at_ms[0]!);

export function summarize(
	task: LmTask,
	runs: readonly LmRun[],
	bytes_loaded: number,
	reference?: LmRun
): LmSubject {
	const lengths = task.timed.map(({ prompt_ids }) => prompt_ids.length);
	const decode = lengths.map((_, i) => median(runs.map(({ timed }) => rate(timed[i]!))));
	const first_token_ms = median(runs.map(({ timed }) => timed[0]!.at_ms[0]!));
	const peaks = runs.flatMap(({ peak_memory }) => peak_memory ?? []);
	const compared = runs[0]?.compared;
	return {
		bytes_loaded,
		load_ms: median(runs.map(({ load_ms }) => load_ms)),
		peak_memory: peaks.length > 0 ? median(peaks) : undefined,
		first_token_ms,
		prefill_tokens_per_second: (lengths[0]! * 1000) / first_token_ms,
		decode_tokens_per_second: Object.fromEntries(lengths.map((length, i) => [length, decode[i]!])),
		flat: decode.at(-1)! / decode[0]!,
		...(compared && reference?.compared && { agreement: agreement(compared, reference.compared) })
	};
}

type Compared = NonNullable<LmRun['compared']>;

function agreement(of: Compared, reference: Compared): Agreement {
	let same_ids = 0;
	let same_prompts = 0;
	const errors: number[] = [];
	of.forEach(({ ids, logits }, i) => {
		const expected = reference[i]!;
		const different = expected.ids.findIndex((id, k) => id !== ids[k]);
		same_ids += different < 0 ? expected.ids.length : different;
		if (different < 0) same_prompts++;
		let [most, error] = [0, 0];
		expected.logits.forEach((value, k) => {
			most = Math.max(most, Math.abs(value));
			error = Math.max(error, Math.abs(value - logits[k]!));
		});
		errors.push(error / most);
	});
	return {
		prompts: of.length,
		same_prompts,
		same_ids,
		ids: reference.reduce((sum, { ids }) => sum + ids.length, 0),
		logits_error: { median: median(errors), worst: Math.max(...errors) }
	};
}
