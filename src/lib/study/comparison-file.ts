import { isObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import { readOwnFormat } from './own-format.ts';

/** An accuracy, 0 to 1, over seeds and scenes. */
export interface ComparedAccuracy {
	readonly mean: number;
	/** 95 %, hierarchical bootstrap over seeds, then scenes. */
	readonly interval: readonly [low: number, high: number];
	/** Each seed's own, in the order of `Compared.seeds`. */
	readonly seeds: readonly number[];
	/** Over all seeds. */
	readonly answers: number;
}

/** Groups of runs over the same seeds: projectors at one M, or variants of the recipe. */
export interface Compared {
	readonly seeds: readonly number[];
	/** By group, then by task; `mean` is the mean over tasks. */
	readonly accuracy: Readonly<Record<string, Readonly<Record<string, ComparedAccuracy>>>>;
	/** By "a - b", then by task: paired over scenes and seeds. */
	readonly difference: Readonly<
		Record<string, Readonly<Record<string, Pick<ComparedAccuracy, 'mean' | 'interval'>>>>
	>;
}

/** Means over tokens and pictures, in patches; `inside`: share of a token's energy in its home, 0 to 1. */
export const localityOfRuns = ['inside', 'spread', 'drift'] as const;
export type LocalityOfRuns = (typeof localityOfRuns)[number];

/** One run of training. */
export interface ComparedRun {
	readonly id: string;
	readonly part: string;
	/** Of the recipe. */
	readonly variant: string;
	readonly projector: string;
	/** M */
	readonly tokens: number;
	readonly seed: number;
	/** Whether it met the criterion that was written before the first run. */
	readonly criterion: { readonly converged: boolean };
	readonly locality: Readonly<Record<LocalityOfRuns, number>>;
	/** By task, 0 to 1. */
	readonly accuracy: Readonly<Record<string, number>>;
	readonly curve: readonly {
		readonly stage: string;
		/** From 1 in each stage. */
		readonly step: number;
		readonly tasks: Readonly<Record<string, number>>;
	}[];
}

export interface RankCorrelation {
	/** Spearman's. */
	readonly rho: number;
	readonly p: number;
	readonly runs: number;
}

/** What `python -m training.convergence.evidence` writes: training runs that differ in what is compared alone. */
export interface TrainingComparison {
	readonly format: typeof FORMAT;
	readonly version: 1;
	readonly what: string;
	/** What the runs learned from, a phrase. */
	readonly trained_on?: string;
	readonly intervals: string;
	readonly scenes: string;
	readonly length: Readonly<Record<string, number>>;
	readonly criterion: Readonly<Record<string, string>>;
	readonly runs: readonly ComparedRun[];
	/** By M. */
	readonly tokens: Readonly<Record<string, Compared>>;
	/** Variants of the data recipe, where they were run. */
	readonly recipe?: Compared;
	/** Projectors at one M, tuned for more steps than all else: `length` is theirs. */
	readonly longer?: Compared & Pick<TrainingComparison, 'length'>;
	readonly locality: {
		/** By the set of runs ("all", "M = 36"), then "measure and task". */
		readonly rank_correlation: Readonly<Record<string, Readonly<Record<string, RankCorrelation>>>>;
	};
}

const FORMAT = 'honeybee-training-comparison';

const numbers = (value: unknown): boolean =>
	isObject(value) && Object.values(value).every((one) => typeof one === 'number');

const isRun = (value: unknown): boolean =>
	isObject(value) &&
	['id', 'part', 'variant', 'projector'].every((key) => typeof value[key] === 'string') &&
	['tokens', 'seed'].every((key) => typeof value[key] === 'number') &&
	isObject(value['criterion']) &&
	typeof value['criterion']['converged'] === 'boolean' &&
	isObject(value['locality']) &&
	numbers(value['locality']) &&
	localityOfRuns.every((key) => key in (value['locality'] as object)) &&
	numbers(value['accuracy']) &&
	Array.isArray(value['curve']) &&
	value['curve'].every(
		(row) =>
			isObject(row) &&
			typeof row['stage'] === 'string' &&
			typeof row['step'] === 'number' &&
			numbers(row['tasks'])
	);

const isEstimate = (value: unknown): boolean =>
	isObject(value) &&
	typeof value['mean'] === 'number' &&
	Array.isArray(value['interval']) &&
	value['interval'].length === 2 &&
	value['interval'].every((one) => typeof one === 'number');

const isCompared = (value: unknown): boolean =>
	isObject(value) &&
	Array.isArray(value['seeds']) &&
	[value['accuracy'], value['difference']].every(
		(groups) =>
			isObject(groups) &&
			Object.values(groups).every((tasks) => isObject(tasks) && Object.values(tasks).every(isEstimate))
	);

/** @param name of the file, for messages @throws InputError for a file that is none, of another version, or damaged */
export function readComparison(text: string, name: string): TrainingComparison {
	const make = 'make it with "python -m training.convergence.evidence"';
	const value = readOwnFormat(text, name, { format: FORMAT, what: 'comparison of training runs', make });
	const { runs, tokens, recipe, longer, locality } = value;
	const known =
		['what', 'intervals', 'scenes'].every((key) => typeof value[key] === 'string') &&
		numbers(value['length']) &&
		isObject(value['criterion']) &&
		Array.isArray(runs) &&
		runs.length > 0 &&
		runs.every(isRun) &&
		isObject(tokens) &&
		Object.values(tokens).every(isCompared) &&
		(recipe === undefined || isCompared(recipe)) &&
		(longer === undefined || (isCompared(longer) && isObject(longer) && numbers(longer['length']))) &&
		isObject(locality) &&
		isObject(locality['rank_correlation']);
	if (!known) throw new InputError(`${name} is damaged; ${make} again.`);
	return value as unknown as TrainingComparison;
}
