import { categoryScores, type CategoryScore } from '$lib/benchmarks/breakdown.ts';
import { pairedDifference } from '$lib/benchmarks/compare.ts';
import type { ScoredRun } from '$lib/benchmarks/run/scored.ts';
import type { DifferencesRows } from '$lib/viz/paired-differences.ts';
import { titleOf } from '$lib/workbench/words/projectors.ts';
import type { BreakdownRows } from '$lib/viz/score-breakdown.ts';
import type { BenchmarkDesk } from './desk.svelte.ts';
import type { TrainedScore } from '$lib/benchmarks/evaluation.ts';
import { scoreName } from './curves.ts';
import { unique } from './lists.ts';

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
export const shortTitle = (run: ScoredRun): string =>
	run.origin === 'measured' && run.tokens !== undefined
		? `${titleOf(run.projector)}, M = ${run.tokens}`
		: run.title;

/**
 * Categories of some runs, the best first by the mean over the runs; `trained` scores stand beside as hollow dots.
 * @param trained with kinds for projectors
 */
export function breakdownRows(
	runs: readonly ScoredRun[],
	level: number,
	trained: readonly TrainedScore[],
	{ kinds, kindOf }: Pick<BenchmarkDesk, 'kinds' | 'kindOf'>
): BreakdownRows {
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
					.map(({ value, low, high, answers }) => ({ series, value, low, high, answers }))
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
				...{ name: shortTitle(run), projector: kindOf(run.projector), hollow: run.origin !== 'measured' }
			})),
			...alongside.map(({ name, projector }) => ({ name, projector, hollow: true }))
		],
		categories: categories.sort((a, b) => mean(b) - mean(a)),
		score: runs[0] ? scoreName(runs[0].benchmark, runs) : '',
		projectors: kinds
	};
}

/** Whether examples of one id are the same question in both; tables of other tools may be in another order. */
function sameExamples(a: ScoredRun, b: ScoredRun): boolean {
	const truths = new Map(a.results.map(({ id, data }) => [id, data['answer']]));
	return b.results.every(({ id, data }) => !truths.has(id) || truths.get(id) === data['answer']);
}

/** Differences of two runs by category and over all, the largest first; none when their examples are not the same. */
export function differenceRows(a: ScoredRun, b: ScoredRun, level: number): DifferencesRows {
	if (!sameExamples(a, b)) return { a: shortTitle(a), b: shortTitle(b), rows: [] };
	const categories = [...new Set(a.report.outcomes.flatMap((outcome) => outcome.categories[level] ?? []))];
	const rows = [undefined, ...categories].flatMap((category) => {
		const difference = pairedDifference(a.report, b.report, category === undefined ? {} : { category });
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
		a: shortTitle(a),
		b: shortTitle(b),
		rows: whole ? [whole, ...parts.sort((left, right) => right.value - left.value)] : []
	};
}
