import type { GridShape } from '../analysis/grid.ts';
import type { ScoredRun } from '../benchmarks/run/scored.ts';
import type { Atlas, Scene } from '../scenes/index.ts';
import { InputError } from '../tensor/errors.ts';
import type { Answerer } from './answerer.ts';
import { standardChoices, type ChoiceName, type Choices } from './choices.ts';
import type { TrainingComparison } from './comparison-file.ts';
import type { Control } from './control.ts';
import type { ImageSet, RecordedSet } from './image-set.ts';
import type { MeasuredMaps } from './measurement.ts';
import type { Series } from './series-file.ts';
import type { Subject, SubjectModel } from './subject.ts';
import { middleToken } from './tokens.ts';

/** What a figure is made of; the command line has an option for each of them. */
export const needs = {
	model: 'a model',
	image: 'an image',
	question: 'a question about the image, or else a general one is asked',
	columns: 'two or more projectors or M, or else the model’s first are taken',
	images: 'several images, among which the intervals are taken',
	scene: 'a scene of the embedded model’s world',
	run: 'a run of honeybee eval',
	runs: 'two runs of honeybee eval',
	series: 'a series of checkpoints, made by honeybee series',
	comparison: 'a comparison of training runs, made by python -m training.convergence.evidence'
} as const;
export type Need = keyof typeof needs;

/** What stands for itself when it is not given. */
export const optionalNeeds: readonly Need[] = ['question', 'columns', 'images', 'scene'];

/** One side of a comparison. */
export interface StudyColumn {
	readonly answerer: Answerer;
	/** Maps measured before, of this column's model. */
	readonly maps: MeasuredMaps;
	readonly subject: Subject;
	/** A, B, … */
	readonly letter: string;
	/** In figures, e.g. "A: D-Abstractor, M = 36". */
	readonly name: string;
	readonly colour: string;
}

/** What there is to make figures of. */
export interface Work {
	readonly model?: SubjectModel;
	readonly answerer?: Answerer;
	/** Maps measured before. */
	readonly maps?: MeasuredMaps;
	/** The image through the projector at M. */
	readonly subject?: Subject;
	/** The set that intervals are taken over; the subject's image alone when absent. */
	readonly set?: ImageSet;
	readonly columns?: readonly StudyColumn[];
	readonly question?: string;
	readonly runs?: readonly ScoredRun[];
	readonly series?: Series;
	readonly comparison?: TrainingComparison;
	readonly scene?: { readonly scene: Scene; readonly atlas: Atlas };
}

/** A figure as it is drawn and exported. */
export interface FigureItem<Rows = unknown, Options extends object = object> {
	readonly rows: Rows;
	/** The figure's own options, e.g. its scale. */
	readonly options?: Options;
	/** Model, projector, M, image, dtype, backend. */
	readonly provenance: string;
	/** Method and settings, a phrase; absent where the figure's own words say it all. */
	readonly method?: string;
	/** The set of images that it is taken over, where it is taken over one. */
	readonly set?: RecordedSet;
}

/** Settings that count from 0, with what they count. */
const countedThings = { word: 'word', layer: 'layer', head: 'head', lens: 'layer', level: 'depth' } as const;
export type Counts = { readonly [Name in keyof typeof countedThings]?: number };

/** What is said of a setting that counts further than there is anything, a sentence; undefined where there is none. */
export function beyond<Measured>(
	{ counts }: Pick<FigureStudy<Measured>, 'counts'>,
	measured: Measured,
	choices: Partial<Choices>
): string | undefined {
	for (const [name, count] of Object.entries(counts?.(measured) ?? {})) {
		const chosen = choices[name as keyof Counts];
		if (chosen === undefined || chosen < count) continue;
		const thing = countedThings[name as keyof Counts];
		return count === 1
			? `There is no ${thing} ${chosen}; there is ${thing} 0 only.`
			: `There is no ${thing} ${chosen}; there are ${thing}s 0 to ${count - 1}.`;
	}
	return undefined;
}

/** How a figure is made: what costs time, and what is only read off it. */
export interface FigureStudy<Measured = unknown, Rows = unknown, Options extends object = object> {
	/** Path of the page that shows the figure. */
	readonly page: string;
	readonly needs: readonly Need[];
	/** Settings it takes. */
	readonly choices: readonly ChoiceName[];
	/** How many there are of what settings count from 0, such as words of the answer. `show` takes the nearest of what there is. */
	counts?(measured: Measured): Counts;
	/** It takes many runs of the model, such as times do: made only when somebody asks for it. */
	readonly slow?: true;
	/** Whether the model can make it, e.g. whether the projector samples anywhere; a sentence when it cannot. */
	readonly obstacle?: (work: Work) => string | undefined;
	/** @throws InputError when something is missing or the projector cannot do it; as `Answerer` */
	measure(work: Work, choices: Choices, control: Control): Promise<Measured>;
	/** Pure; made again whenever a choice changes that is not measured anew. @throws InputError for a choice that is none here */
	show(measured: Measured, choices: Choices): FigureItem<Rows, Options>;
}

/** A figure with its numbers. @throws as `FigureStudy.measure` and `show`; InputError for a setting beyond what there is */
export async function makeItem<Measured, Rows>(
	study: FigureStudy<Measured, Rows>,
	work: Work,
	choices: Choices,
	control: Control = {}
): Promise<FigureItem<Rows>> {
	const obstacle = study.obstacle?.(work);
	if (obstacle !== undefined) throw new InputError(obstacle);
	control.signal?.throwIfAborted();
	const measured = await study.measure(work, choices, control);
	control.signal?.throwIfAborted();
	const problem = beyond(study, measured, choices);
	if (problem !== undefined) throw new InputError(problem);
	return study.show(measured, choices);
}

/** The first thing that the figure needs and that nothing stands for here; undefined when it can be made. */
export function missing(study: Pick<FigureStudy, 'needs'>, work: Work): Need | undefined {
	const { runs = [] } = work;
	const there: Readonly<Record<Need, boolean>> = {
		model: work.model !== undefined,
		image: work.subject !== undefined,
		question: true,
		columns: work.columns !== undefined,
		images: true,
		scene: work.scene !== undefined,
		run: runs.length > 0,
		runs: runs.length > 1,
		series: work.series !== undefined,
		comparison: work.comparison !== undefined
	};
	return study.needs.find((need) => !there[need]);
}

/**
 * The figure with what is selected in others, as far as that is a choice of it; a token or word that is none here is left out.
 * @throws as `FigureStudy.show`
 */
export function showAt<Rows>(
	study: Pick<FigureStudy<unknown, Rows>, 'choices' | 'counts' | 'show'>,
	measured: unknown,
	{ token, word }: Partial<Pick<Choices, 'token' | 'word'>>
): { readonly item: FigureItem<Rows>; readonly choices: Choices } {
	const chosen = {
		...standardChoices,
		...(study.choices.includes('token') && { token }),
		...(study.choices.includes('word') && { word })
	};
	if (beyond(study, measured, chosen) !== undefined)
		return { item: study.show(measured, standardChoices), choices: standardChoices };
	try {
		return { item: study.show(measured, chosen), choices: chosen };
	} catch (error) {
		if (!(error instanceof InputError)) throw error;
		return { item: study.show(measured, standardChoices), choices: standardChoices };
	}
}

/** A part of the work that the figure cannot do without. @throws InputError when it is not there */
export function required<T>(part: T | undefined, what: Need): T {
	if (part === undefined) throw new InputError(`Missing for this figure: ${needs[what]}.`);
	return part;
}

/** The chosen token, or the one in the middle. @param grid of the patches @throws InputError when there is no such token */
export function tokenOf({ token }: Pick<Choices, 'token'>, tokens: number, grid?: GridShape): number {
	if (token === undefined) return middleToken(tokens, grid);
	if (token >= tokens)
		throw new InputError(`There is no token ${token}; there are tokens 0 to ${tokens - 1}.`);
	return token;
}
