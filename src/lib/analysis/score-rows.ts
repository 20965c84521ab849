/** Rows of the figures of benchmark scores. Scores are in the benchmark's own unit, intervals of 95 %. */

/** Where a number comes from; series of different origin are drawn apart and never joined. */
export type Origin = 'measured' | 'training' | 'imported' | 'published' | 'computed';

/** How many of the answers behind a score say nothing, by why. */
export interface SilentAnswers {
	readonly missing: number;
	readonly failed: number;
	readonly unread: number;
	readonly drawn: number;
}

/** A score at one M. */
export interface AccuracyPoint {
	/** Points of one name and origin are joined. */
	readonly series: string;
	readonly projector: string;
	readonly origin: Origin;
	/** M */
	readonly tokens: number;
	readonly value: number;
	/** Interval, when there is one. */
	readonly low?: number;
	readonly high?: number;
	/** Answers it is over. */
	readonly answers?: number;
	readonly counts?: SilentAnswers;
}

/** Rows of the figure accuracy-curve. */
export interface AccuracyRows {
	readonly points: readonly AccuracyPoint[];
	/** What is scored and its unit, e.g. "Scenes, short answers (%)". */
	readonly score: string;
	/** Largest score there can be, when there is one: the axis ends there. */
	readonly most?: number;
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}

export interface BreakdownScore {
	/** Index into `series`. */
	readonly series: number;
	readonly value: number;
	readonly low: number;
	readonly high: number;
	readonly answers: number;
	/** What the value is the mean of, e.g. one value for each seed. */
	readonly each?: readonly number[];
	/** Where it is known. */
	readonly counts?: SilentAnswers;
}

/** Rows of the figures score-breakdown, radar and trained-accuracy. */
export interface BreakdownRows {
	/** What stands side by side, e.g. "c-abs, M = 36"; hollow when it is not measured here. */
	readonly series: readonly {
		readonly name: string;
		readonly projector: string;
		readonly hollow?: boolean;
	}[];
	/** In the order to show. */
	readonly categories: readonly { readonly name: string; readonly scores: readonly BreakdownScore[] }[];
	/** What is to be known of categories whose answers often say nothing, sentences. */
	readonly warnings?: readonly string[];
	readonly score: string;
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}

/** a − b in one category, percentage points. */
export interface DifferenceRow {
	readonly category: string;
	readonly value: number;
	readonly low: number;
	readonly high: number;
	/** Two-sided, of exchanged sides. */
	readonly p: number;
	/** Right only in a, right only in b, and McNemar's exact p. */
	readonly onlyA: number;
	readonly onlyB: number;
	readonly mcnemar: number;
	readonly examples: number;
}

/** Rows of the figure paired-differences. */
export interface DifferencesRows {
	readonly a: string;
	readonly b: string;
	/** In the order to show, e.g. by difference. */
	readonly rows: readonly DifferenceRow[];
}

/** A configuration: what it costs and what it scores. */
export interface TradeoffPoint {
	readonly series: string;
	readonly projector: string;
	readonly origin: Origin;
	/** M, when it is known. */
	readonly tokens?: number;
	/** Milliseconds, seconds or tokens, as the rows say. */
	readonly cost: number;
	/** Quartiles of the cost, where it was measured. */
	readonly costLow?: number;
	readonly costHigh?: number;
	readonly score: number;
	readonly low?: number;
	readonly high?: number;
	/** Answers that the score is over. */
	readonly answers?: number;
}

/** Rows of the figure accuracy-latency. */
export interface TradeoffRows {
	readonly points: readonly TradeoffPoint[];
	/** Those that no other one beats in one respect without losing in the other, by rising cost. */
	readonly front: readonly TradeoffPoint[];
	readonly cost: string;
	readonly score: string;
	/** Largest score there can be, when there is one: the axis ends there. */
	readonly most?: number;
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}
