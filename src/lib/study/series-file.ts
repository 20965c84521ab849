import type { LocalityMeasure } from '../analysis/locality.ts';
import { isObject } from '../bytes/json.ts';
import type { BackendName } from '../model/runtime/types.ts';
import { InputError } from '../tensor/errors.ts';
import type { RecordedSet } from './image-set.ts';
import type { DirectedMethod } from './measurement.ts';
import { readOwnFormat } from './own-format.ts';

/** A value with its 95 % interval, and what that is over. */
export interface SeriesValue {
	readonly value: number;
	readonly low: number;
	readonly high: number;
	/** Images, random directions (of one image), or answers. */
	readonly over: 'images' | 'directions' | 'answers';
	readonly n: number;
}

export interface SeriesProjector {
	readonly name: string;
	readonly title: string;
	/** M */
	readonly tokens: number;
	readonly locality: Readonly<Partial<Record<LocalityMeasure, SeriesValue>>>;
	/** Headline score of the benchmark, where one was asked for; with the largest there can be, where it is known. */
	readonly score?: SeriesValue & { readonly most?: number };
}

/** One checkpoint of a training. */
export interface SeriesCheckpoint {
	/** Of its folder. */
	readonly name: string;
	readonly step: number;
	readonly model: string;
	readonly projectors: readonly SeriesProjector[];
}

/** What every checkpoint of a series was measured by. */
export interface SeriesSettings {
	readonly set: RecordedSet;
	/** Random directions, K. */
	readonly directions: number;
	/** How maps were made; by perturbation where a file does not say. */
	readonly method?: DirectedMethod;
	/** How models were computed, where not as they are stored. */
	readonly backend?: BackendName;
	readonly benchmark?: {
		readonly name: string;
		/** What is scored, with its unit. */
		readonly score: string;
		/** Examples asked. */
		readonly examples: number;
		readonly sha256: string;
	};
}

/** A series of checkpoints as a file. */
export interface Series {
	readonly format: 'honeybee-series';
	readonly version: 1;
	readonly settings: SeriesSettings;
	/** By step. */
	readonly checkpoints: readonly SeriesCheckpoint[];
}

const FORMAT = 'honeybee-series';

/**
 * The training step of a checkpoint: what its `trainer_state.json` says (transformers' Trainer writes `global_step`), or the number in the folder's
 * name, such as `checkpoint-100` or `step_2000`; undefined when neither tells.
 */
export function stepOf(name: string, trainerState?: unknown): number | undefined {
	if (isObject(trainerState) && Number.isSafeInteger(trainerState['global_step']))
		return trainerState['global_step'] as number;
	const marked =
		/(?:checkpoint|ckpt|step|iter|global_step)s?[-_.]?(\d+)(?!.*(?:checkpoint|ckpt|step|iter)[-_.]?\d)/i.exec(
			name
		);
	const [, digits] = marked ?? /(\d+)\D*$/.exec(name) ?? [];
	return digits === undefined ? undefined : Number(digits);
}

/**
 * The series with one more checkpoint, by step; one of the same step is replaced.
 * @throws InputError when it shares no projector with the others, so that there would be no line through both
 */
export function withCheckpoint(series: Series, checkpoint: SeriesCheckpoint): Series {
	const others = series.checkpoints.filter(({ step }) => step !== checkpoint.step);
	const titles = ({ projectors }: SeriesCheckpoint) => projectors.map(({ title }) => title);
	const kinds = new Set(others.flatMap(titles));
	const own = new Set(titles(checkpoint));
	if (others.length > 0 && ![...own].some((title) => kinds.has(title)))
		throw new InputError(
			`${checkpoint.name} has ${[...own].join(', ')}, the other checkpoints of the series ${[...kinds].join(', ')}; a series is of one model over its training.`
		);
	return { ...series, checkpoints: [...others, checkpoint].sort((a, b) => a.step - b.step) };
}

export const emptySeries = (settings: SeriesSettings): Series => ({
	...{ format: FORMAT, version: 1, settings, checkpoints: [] }
});

const isValue = (value: unknown): value is SeriesValue =>
	isObject(value) &&
	['value', 'low', 'high', 'n'].every((key) => typeof value[key] === 'number') &&
	typeof value['over'] === 'string';

const isProjector = (value: unknown): boolean =>
	isObject(value) &&
	typeof value['name'] === 'string' &&
	typeof value['title'] === 'string' &&
	typeof value['tokens'] === 'number' &&
	isObject(value['locality']) &&
	Object.values(value['locality']).every(isValue) &&
	(value['score'] === undefined || (isValue(value['score']) && isMost(value['score'])));

const isMost = (value: object): boolean =>
	!('most' in value) || (typeof value.most === 'number' && value.most > 0);

/** @param name of the file, for messages @throws InputError for a file that is none or of another version */
export function readSeries(text: string, name: string): Series {
	const make = 'make one with "honeybee series"';
	const value = readOwnFormat(text, name, { format: FORMAT, what: 'series of checkpoints', make });
	const { settings, checkpoints } = value;
	const known =
		isObject(settings) &&
		isObject(settings['set']) &&
		typeof settings['directions'] === 'number' &&
		Array.isArray(checkpoints) &&
		checkpoints.every(
			(one) =>
				isObject(one) &&
				typeof one['name'] === 'string' &&
				typeof one['step'] === 'number' &&
				typeof one['model'] === 'string' &&
				Array.isArray(one['projectors']) &&
				one['projectors'].every(isProjector)
		);
	if (!known) throw new InputError(`${name} is damaged; make the series again with "honeybee series".`);
	return value as unknown as Series;
}
