import data from './published.json' with { type: 'json' };

/** Benchmarks of the published tables, as their columns name them. */
export type PublishedBenchmark = keyof (typeof data)['benchmarks'];

/** A row of upstream's model zoo. Rows of different sources were trained under different schedules. */
export type PublishedModel = {
	readonly model: string;
	readonly projector: string;
	readonly lm: string;
	/** M */
	readonly visual_tokens: number;
	/** Key of `sources`. */
	readonly source: string;
} & { readonly [B in PublishedBenchmark]?: number };

export interface PublishedPoint {
	readonly model: string;
	readonly visual_tokens: number;
	/** Seconds a training step. */
	readonly step_time: number;
	/** Mean of MMB, MME perception / 20 and SEED-I. */
	readonly avg_n: number;
}

/** Figures of the paper and of upstream's README: a series of their own, never joined with measured ones. */
export interface Published {
	readonly about: string;
	readonly sources: Readonly<Record<string, string>>;
	readonly benchmarks: Readonly<Record<PublishedBenchmark, string>>;
	readonly zoo: readonly PublishedModel[];
	/** Read off a plot; see its source. */
	readonly figure1: {
		readonly x: string;
		readonly y: string;
		readonly source: string;
		readonly points: readonly PublishedPoint[];
	};
	readonly finetuning_mixture: Readonly<Record<string, number>>;
}

export const published: Published = data;
