/** Milliseconds at one place of the axis. */
export interface GrowthPoint {
	readonly x: number;
	readonly milliseconds: number;
}

/** What the stage cannot be faster than. */
export interface GrowthLimit {
	readonly of: 'memory' | 'arithmetic';
	/** Bytes or operations a second. */
	readonly rate: number;
	readonly origin: 'measured' | 'typed';
	readonly points: readonly GrowthPoint[];
}

/** Rows of the figure growth. */
export interface GrowthRows {
	/** E.g. "Prefill (ms)". */
	readonly stage: string;
	readonly axis: string;
	/** Whether the axis is even in √x, as those of M are. */
	readonly roots: boolean;
	readonly projector: string;
	/** Milliseconds: median and quartiles of n runs. */
	readonly measured: readonly {
		readonly x: number;
		readonly median: number;
		readonly q1: number;
		readonly q3: number;
		readonly n: number;
	}[];
	readonly limits: readonly GrowthLimit[];
	/** The measured time of the model as it is, changed as the higher limit changes. */
	readonly projected: readonly GrowthPoint[];
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}
