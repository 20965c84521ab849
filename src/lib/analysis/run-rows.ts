/** One run, a row of the figure run-table. */
export interface RunRow {
	/** Given by its owner, or projector and M. */
	readonly name: string;
	readonly model: string;
	readonly projector: string;
	/** Kind of the projector, which decides the colour. */
	readonly kind: string;
	/** M */
	readonly tokens?: number;
	readonly benchmark: string;
	/** Headline score; absent where a judge has still to give it. */
	readonly score?: { readonly name: string; readonly unit: string; readonly value: number };
	/** 95 % interval of the score. */
	readonly low?: number;
	readonly high?: number;
	/** Answers. */
	readonly n: number;
	/** Day it was begun, YYYY-MM-DD; empty of what was imported. */
	readonly date: string;
	readonly tags: readonly string[];
	readonly notes: string;
	readonly origin: 'measured' | 'imported';
}

/** Rows of the figure run-table. */
export interface RunTableRows {
	readonly runs: readonly RunRow[];
	/** All kinds of projectors, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}
