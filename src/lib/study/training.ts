import type { LearningRows, LocalityAccuracyRows, TrainedTokensRows } from '../analysis/training-rows.ts';
import { localityMeasures } from '../analysis/locality.ts';
import { projectorStyles } from '../model/projectors/registry.ts';
import { InputError } from '../tensor/errors.ts';
import type { Choices } from './choices.ts';
import {
	localityOfRuns,
	type Compared,
	type ComparedRun,
	type LocalityOfRuns,
	type TrainingComparison
} from './comparison-file.ts';
import { required, type FigureStudy } from './figure-study.ts';
import { unique } from './run-scores.ts';

/** Runs that differ in one thing. */
interface Group {
	readonly id: string;
	readonly title: string;
	readonly runs: readonly ComparedRun[];
	/** What the runs differ in. */
	readonly nameOf: (run: ComparedRun) => string;
	readonly compared: Compared;
	/** Steps and scenes of each run. */
	readonly length: TrainingComparison['length'];
}

const RECIPE = 'recipe';
/** Of the paper's parts, the one that compares data instead of projectors. */
const isRecipe = ({ part }: ComparedRun) => part === RECIPE;
const LONGER = 'longer';
const isLonger = ({ part }: ComparedRun) => part === LONGER;
/** Compares projectors, at the length that all of these have. */
const isStandard = (run: ComparedRun) => !isRecipe(run) && !isLonger(run);
const projectorOf = ({ projector }: ComparedRun) => projector;
const titleOf = (name: string) => projectorStyles[name]?.title ?? name;
const percent = (share: number) => 100 * share;

/** Projectors at each M, the M with most runs first; those tuned for longer; then the variants of the recipe. */
export function groupsOf({ runs, tokens, recipe, longer, length }: TrainingComparison): readonly Group[] {
	const byM = Object.entries(tokens).map(([m, compared]): Group => {
		const own = runs.filter((run) => isStandard(run) && run.tokens === Number(m));
		return { id: m, title: `M = ${m}`, runs: own, nameOf: projectorOf, compared, length };
	});
	const groups = byM.sort((a, b) => b.runs.length - a.runs.length);
	if (longer) {
		const own = runs.filter(isLonger);
		const steps = longer.length['tune'];
		const title = `${own[0] ? `M = ${own[0].tokens}, ` : ''}${steps} steps of tuning`;
		groups.push({
			...{ id: LONGER, title, runs: own },
			nameOf: projectorOf,
			compared: longer,
			length: longer.length
		});
	}
	if (recipe) {
		const own = runs.filter(isRecipe);
		const title = own[0] ? `Data recipe, ${titleOf(own[0].projector)}, M = ${own[0].tokens}` : 'Data recipe';
		groups.push({
			...{ id: RECIPE, title, runs: own },
			nameOf: ({ variant }) => variant,
			compared: recipe,
			length
		});
	}
	return groups;
}

function groupOf(comparison: TrainingComparison, { group }: Pick<Choices, 'group'>): Group {
	const groups = groupsOf(comparison);
	const found = group === undefined ? groups[0] : groups.find(({ id }) => id === group);
	if (!found)
		throw new InputError(
			groups.length === 0
				? 'No seed of the comparison has a run of every projector yet; finish the runs of one seed.'
				: `The comparison has no group "${group}"; it has ${groups.map(({ id }) => id).join(', ')}.`
		);
	return found;
}

/** The tasks of a comparison, `mean` last. */
export function tasksOf({ runs }: TrainingComparison): readonly string[] {
	return unique(runs.flatMap(({ accuracy }) => Object.keys(accuracy).filter((task) => task !== MEAN))).concat(
		MEAN
	);
}
const MEAN = 'mean';

function taskOf(comparison: TrainingComparison, { task = MEAN }: Pick<Choices, 'task'>): string {
	const tasks = tasksOf(comparison);
	if (!tasks.includes(task))
		throw new InputError(`The comparison has no task "${task}"; it has ${tasks.join(', ')}.`);
	return task;
}

const taskWords = (task: string) => (task === MEAN ? 'mean over tasks' : task);

function seedsOf(runs: readonly ComparedRun[]): string {
	const seeds = unique(runs.map(({ seed }) => seed)).sort((a, b) => a - b);
	return `seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')}`;
}

function provenance(
	{ scenes, trained_on, length: usual }: TrainingComparison,
	runs: readonly ComparedRun[],
	length = usual
): string {
	const on = trained_on === undefined ? '' : ` on ${trained_on}`;
	return `${runs.length} run${runs.length === 1 ? '' : 's'} of training${on}, ${seedsOf(runs)} · ${length['align']} + ${length['tune']} steps each · held-out scenes ${scenes}`;
}

/** Which runs did not meet the criterion: what was trained, and its seeds. */
function convergence(runs: readonly ComparedRun[]): string {
	const severalM = unique(runs.map(({ tokens }) => tokens)).length > 1;
	const short = Map.groupBy(
		runs.filter((run) => !run.criterion.converged),
		(run) =>
			`${isRecipe(run) ? run.variant : titleOf(run.projector)}${severalM ? ` at M = ${run.tokens}` : ''}`
	);
	const named = [...short].map(([name, of]) => `${name} with ${seedsOf(of)}`);
	const met = named.length === 0 ? 'all runs met' : `${named.join('; ')} did not meet`;
	return `${met} the criterion of convergence that was written before the first run`;
}

export const learningCurvesStudy = {
	page: 'recipe',
	needs: ['comparison'],
	choices: ['group', 'task'],
	measure: (work) => Promise.resolve(required(work.comparison, 'comparison')),
	show(comparison, choices) {
		const group = groupOf(comparison, choices);
		const task = taskOf(comparison, choices);
		const tuning = group.length['align'] ?? 0;
		const valueOf = (tasks: Readonly<Record<string, number>>) => {
			const values = task === MEAN ? Object.values(tasks) : tasks[task] === undefined ? [] : [tasks[task]];
			return percent(values.reduce((sum, value) => sum + value, 0) / values.length);
		};
		return {
			rows: {
				lines: group.runs.map((run) => ({
					...{ name: group.nameOf(run), seed: run.seed },
					points: run.curve.map(({ stage, step, tasks }) => ({
						...{ step: stage === 'align' ? step : tuning + step, value: valueOf(tasks) }
					}))
				})),
				...{ tuning, score: `Accuracy, ${taskWords(task)} (%)`, group: group.title }
			},
			provenance: `${group.title} · ${provenance(comparison, group.runs, group.length)}`,
			method: convergence(group.runs)
		};
	}
} satisfies FigureStudy<TrainingComparison, LearningRows>;

export const trainedAccuracyStudy = {
	page: 'recipe',
	needs: ['comparison'],
	choices: ['group'],
	measure: (work) => Promise.resolve(required(work.comparison, 'comparison')),
	show(comparison, choices) {
		const group = groupOf(comparison, choices);
		const { accuracy, seeds } = group.compared;
		const names = Object.keys(accuracy);
		const tasks = [...tasksOf(comparison)].reverse();
		const shown = group.runs.filter(({ seed }) => seeds.includes(seed));
		return {
			rows: {
				series: names.map((name) => ({ name: titleOf(name), projector: name, hollow: false })),
				categories: tasks.map((task) => ({
					name: taskWords(task),
					scores: names.flatMap((name, series) => {
						const found = accuracy[name]![task];
						if (!found) return [];
						const [low, high] = found.interval;
						return [
							{
								...{ series, value: percent(found.mean), low: percent(low), high: percent(high) },
								...{ answers: found.answers, each: found.seeds.map(percent) }
							}
						];
					})
				})),
				score: 'Accuracy (%)',
				projectors: names
			},
			provenance: `${group.title} · ${provenance(comparison, shown, group.length)}`,
			method: `intervals: ${comparison.intervals}; ${convergence(shown)}`
		};
	}
} satisfies FigureStudy<TrainingComparison>;

export const trainedTokensStudy = {
	page: 'recipe',
	needs: ['comparison'],
	choices: ['task'],
	measure: (work) => Promise.resolve(required(work.comparison, 'comparison')),
	show(comparison, choices) {
		const task = taskOf(comparison, choices);
		const points = Object.entries(comparison.tokens)
			.flatMap(([m, { accuracy, seeds }]) =>
				Object.entries(accuracy).flatMap(([projector, tasks]) => {
					const found = tasks[task];
					if (!found) return [];
					const [low, high] = found.interval;
					return [
						{
							...{ projector, tokens: Number(m), answers: found.answers },
							...{ value: percent(found.mean), low: percent(low), high: percent(high) },
							seeds: found.seeds.map((value, i) => ({ seed: seeds[i]!, value: percent(value) }))
						}
					];
				})
			)
			.sort((a, b) => a.tokens - b.tokens);
		const shown = comparison.runs.filter(
			(run) => isStandard(run) && comparison.tokens[run.tokens]?.seeds.includes(run.seed)
		);
		return {
			rows: {
				points,
				score: `Accuracy, ${taskWords(task)} (%)`,
				projectors: unique(points.map(({ projector }) => projector))
			},
			provenance: provenance(comparison, shown),
			method: `intervals: ${comparison.intervals}; ${convergence(shown)}`
		};
	}
} satisfies FigureStudy<TrainingComparison, TrainedTokensRows>;

const isMeasured = (trend: string): trend is LocalityOfRuns =>
	(localityOfRuns as readonly string[]).includes(trend);

export const localityAccuracyStudy = {
	page: 'recipe',
	needs: ['comparison'],
	choices: ['trend', 'task'],
	measure: (work) => Promise.resolve(required(work.comparison, 'comparison')),
	show(comparison, choices) {
		const { trend } = choices;
		if (!isMeasured(trend))
			throw new InputError(
				`The comparison holds no ${trend} of its runs; choose one of ${localityOfRuns.join(', ')}.`
			);
		const task = taskOf(comparison, { task: choices.task ?? SPATIAL });
		const runs = comparison.runs.filter(isStandard);
		const found = Object.entries(comparison.locality.rank_correlation).flatMap(([among, pairs]) => {
			const pair = pairs[`${trend} and ${task}`];
			return pair
				? [
						`${among === 'all' ? 'all runs' : among}: ρ = ${pair.rho.toFixed(2).replace('-', '−')}, p = ${pair.p.toPrecision(2)}, ${pair.runs} runs`
					]
				: [];
		});
		const correlated = found.length > 0 ? `; Spearman’s rank correlation, ${found.join('; ')}` : '';
		const { title, unit } = localityMeasures[trend];
		return {
			rows: {
				points: runs.map(({ id, projector, tokens, seed, locality, accuracy }) => ({
					...{ run: id, projector, tokens, seed },
					...{ locality: locality[trend], accuracy: percent(accuracy[task]!) }
				})),
				measure: `${title} (${unit})`,
				score: `Accuracy, ${taskWords(task)} (%)`,
				projectors: unique(runs.map(({ projector }) => projector))
			},
			provenance: provenance(comparison, runs),
			method: `locality by the Jacobian on ${comparison.length['locality_scenes']} held-out scenes${correlated}; ${convergence(runs)}`
		};
	}
} satisfies FigureStudy<TrainingComparison, LocalityAccuracyRows>;
/** The task that asks for places most plainly. */
const SPATIAL = 'localisation';
