/** Rows of the figure learning-curves, accuracies in per cent. */
export interface LearningRows {
	readonly lines: readonly {
		/** What is compared: a projector, or a variant of the recipe. */
		readonly name: string;
		readonly seed: number;
		readonly points: readonly { readonly step: number; readonly value: number }[];
	}[];
	/** Step after which tuning begins. */
	readonly tuning: number;
	/** What is scored, with its unit. */
	readonly score: string;
	/** What the runs have in common. */
	readonly group: string;
}

/** Rows of the figure locality-accuracy. */
export interface LocalityAccuracyRows {
	readonly points: readonly {
		readonly run: string;
		readonly projector: string;
		/** M */
		readonly tokens: number;
		readonly seed: number;
		readonly locality: number;
		/** Per cent. */
		readonly accuracy: number;
	}[];
	/** What lies along the axes, with units. */
	readonly measure: string;
	readonly score: string;
	/** All projectors compared, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}

/** Rows of the figure trained-tokens, accuracies in per cent. */
export interface TrainedTokensRows {
	readonly points: readonly {
		readonly projector: string;
		/** M */
		readonly tokens: number;
		/** Mean over seeds, with its interval. */
		readonly value: number;
		readonly low: number;
		readonly high: number;
		/** Over all seeds. */
		readonly answers: number;
		/** Each run's own. */
		readonly seeds: readonly { readonly seed: number; readonly value: number }[];
	}[];
	/** What is scored, with its unit. */
	readonly score: string;
	/** All projectors compared, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}
