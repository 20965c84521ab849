import type { BreakdownRows, DifferencesRows } from '../analysis/score-rows.ts';
import { countWords, isAlarming } from '../benchmarks/answers.ts';
import { categoryLevels, categoryScores, type CategoryScore } from '../benchmarks/breakdown.ts';
import { pairedDifference } from '../benchmarks/compare.ts';
import type { TrainedScore } from '../benchmarks/evaluation.ts';
import type { ScoredRun } from '../benchmarks/run/scored.ts';
import { InputError } from '../tensor/errors.ts';
import type { Choices } from './choices.ts';
import { required, type FigureStudy } from './figure-study.ts';
import { knownRuns, runsProvenance, scoreName, unique, type Kinds, type KnownRuns } from './run-scores.ts';

/** Scores of a run's categories, computed once. */
const kept = new WeakMap<ScoredRun, Map<number, CategoryScore[]>>();

function scoresOf(run: ScoredRun, level: number): CategoryScore[] {
	const levels = kept.get(run) ?? new Map<number, CategoryScore[]>();
	kept.set(run, levels);
	const scores = levels.get(level) ?? categoryScores(run.report, level);
	levels.set(level, scores);
	return scores;
}

/** The name of a run where all are of one model. */
export const shortTitle = (run: ScoredRun, { kindOf, titleOf }: Kinds): string =>
	run.about?.name ??
	(run.origin === 'measured' && run.tokens !== undefined
		? `${titleOf(kindOf(run.projector))}, M = ${run.tokens}${run.manifest?.identity.wording ? ', own words' : ''}`
		: run.title);

/**
 * Categories of some runs, the best first by the mean over the runs; `trained` scores stand beside as hollow dots.
 * @param trained with kinds for projectors
 */
export function breakdownRows(
	runs: readonly ScoredRun[],
	level: number,
	trained: readonly TrainedScore[],
	of: Kinds
): BreakdownRows {
	const { kinds, kindOf, titleOf } = of;
	const keyOf = (kind: string, tokens: number | undefined) => `${kind} ${tokens}`;
	const byTarget = Map.groupBy(trained, ({ projector, tokens }) => keyOf(projector, tokens));
	const alongside = unique(runs.map((run) => keyOf(kindOf(run.projector), run.tokens))).flatMap((key) => {
		const scores = byTarget.get(key);
		const [first] = scores ?? [];
		if (!scores || !first) return [];
		const { projector, tokens } = first;
		return [{ name: `${titleOf(projector)}, M = ${tokens}, in training`, projector, scores }];
	});
	const names = [...new Set(runs.flatMap((run) => scoresOf(run, level).map(({ category }) => category)))];
	const categories = names.map((name) => ({
		name,
		scores: [
			...runs.flatMap((run, series) =>
				scoresOf(run, level)
					.filter(({ category }) => category === name)
					.map(({ value, low, high, answers, counts }) => ({ series, value, low, high, answers, counts }))
			),
			...alongside.flatMap(({ scores }, i) =>
				scores
					.filter(({ task }) => task === name)
					.map(({ accuracy, low = accuracy, high = accuracy, n = 0 }) => ({
						...{ series: runs.length + i, value: 100 * accuracy },
						...{ low: 100 * low, high: 100 * high, answers: n }
					}))
			)
		]
	}));
	const mean = ({ scores }: (typeof categories)[number]) =>
		scores.reduce((sum, { value }) => sum + value, 0) / scores.length;
	return {
		series: [
			...runs.map((run) => ({
				...{ name: shortTitle(run, of), projector: kindOf(run.projector), hollow: run.origin !== 'measured' }
			})),
			...alongside.map(({ name, projector }) => ({ name, projector, hollow: true }))
		],
		categories: categories.sort((a, b) => mean(b) - mean(a)),
		warnings: runs.flatMap((run) =>
			scoresOf(run, level)
				.filter(({ counts }) => isAlarming(counts))
				.map(({ category, counts }) => `${category}, ${shortTitle(run, of)}: ${countWords(counts)}.`)
		),
		score: runs[0] ? scoreName(runs[0].benchmark, runs) : '',
		projectors: kinds
	};
}

/** Differences of two runs by category and over all, the largest first, on the questions that both answered; none without such. */
export function differenceRows(a: ScoredRun, b: ScoredRun, level: number, of: Kinds): DifferencesRows {
	const names = { a: shortTitle(a, of), b: shortTitle(b, of) };
	const categories = [...new Set(a.report.outcomes.flatMap((outcome) => outcome.categories[level] ?? []))];
	const rows = [undefined, ...categories].flatMap((category) => {
		const difference = pairedDifference(a.report, b.report, category);
		if (!difference) return [];
		const { value, low, high, p, examples, mcnemar } = difference;
		return [
			{
				...{ category: category ?? 'all answers', value, low, high, p, examples },
				...{ onlyA: mcnemar.onlyA, onlyB: mcnemar.onlyB, mcnemar: mcnemar.exact }
			}
		];
	});
	const [whole, ...parts] = rows;
	return {
		...names,
		rows: whole ? [whole, ...parts.sort((left, right) => right.value - left.value)] : []
	};
}

/** The level asked for, or the deepest there is. */
const levelOf = (runs: readonly ScoredRun[], { level }: Pick<Choices, 'level'>) =>
	Math.min(level, levelsOf(runs) - 1);

const levelsOf = (runs: readonly ScoredRun[]) =>
	Math.max(1, ...runs.map(({ report }) => categoryLevels(report)));

const byCategory: FigureStudy<KnownRuns, BreakdownRows> = {
	page: 'benchmarks',
	needs: ['run'],
	choices: ['level'],
	counts: ({ runs }) => ({ level: levelsOf(runs) }),
	measure: (work) => Promise.resolve(knownRuns(work)),
	show: ({ runs, kinds }, choices) => ({
		rows: breakdownRows(runs, levelOf(runs, choices), [], kinds),
		provenance: runsProvenance(runs)
	})
};

export const scoreBreakdownStudy = byCategory;
export const radarStudy = byCategory;

export const pairedDifferencesStudy: FigureStudy<KnownRuns, DifferencesRows> = {
	page: 'benchmarks',
	needs: ['runs'],
	choices: ['level'],
	counts: ({ runs }) => ({ level: levelsOf(runs) }),
	measure: (work) => Promise.resolve(knownRuns(work)),
	show({ runs, kinds }, choices) {
		const [a, b] = [required(runs[0], 'runs'), required(runs[1], 'runs')];
		const rows = differenceRows(a, b, levelOf([a, b], choices), kinds);
		if (rows.rows.length === 0)
			throw new InputError(
				`The runs ${a.title} and ${b.title} do not answer the same questions; choose two of one benchmark.`
			);
		return { rows, provenance: runsProvenance([a, b]) };
	}
};
