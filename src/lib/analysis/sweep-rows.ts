/** Rows of the figures along a sweep: a sprite on its path through the image, its size, or M. */

/** One measured value along a sweep. */
export interface SweepPoint {
	readonly projector: string;
	/** Where on the sweep: the object's place in patches, its size, or M. */
	readonly position: number;
	readonly value: number;
	/** Confidence interval, when there is one. */
	readonly low?: number;
	readonly high?: number;
}

/** Rows of the figure sweep and of those like it. */
export interface SweepRows {
	readonly points: readonly SweepPoint[];
	/** Name of the axis, with its unit. */
	readonly position: string;
	readonly value: string;
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
	/** Of all steps, also those without a value yet; the places of the points when absent. A selection's step counts them. */
	readonly positions?: readonly number[];
	/** Fixed ends of the value axis, e.g. [0, 1] for accuracy. */
	readonly domain?: readonly [number, number];
}

export interface SweptAnswer {
	readonly answer: string;
	/** Undefined where the question has no true answer. */
	readonly truth: string | undefined;
	/** 0 to 1. */
	readonly credit: number | undefined;
	/** Of the true answer, nats. */
	readonly logProbability: number | undefined;
}

/** Rows of the figure sweep-answers. */
export interface SweepAnswersRows {
	/** Name of the axis, with its unit. */
	readonly position: string;
	/** Of every step. */
	readonly positions: readonly number[];
	readonly projectors: readonly string[];
	/** One question to one projector; a cell for each step, undefined where it was not asked yet. Lines of one question follow each other. */
	readonly lines: readonly {
		readonly projector: string;
		readonly title: string;
		readonly question: string;
		readonly cells: readonly (SweptAnswer | undefined)[];
	}[];
}

/** Rows of the figure position-map. */
export interface PositionMapRows {
	/** Places each way: the object was put at side × side places, row-major, the outer ones at the image's edges. */
	readonly side: number;
	readonly panels: readonly {
		readonly title: string;
		/** Mean credit of the questions [side²]; NaN where nothing was asked. */
		readonly credit: Float32Array;
		/** Mean log-probability of the true answers [side²], nats. */
		readonly logProbability: Float32Array;
		/** What was answered [side²]. */
		readonly answers: readonly string[];
	}[];
}
