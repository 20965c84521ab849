import { clusteredShare } from '../analysis/shares.ts';
import type { Estimate } from '../analysis/statistics.ts';
import { countAnswers, isAlarming, type AnswerCounts } from './answers.ts';
import type { Report } from './benchmark.ts';
import { categoryInterval } from './interval.ts';

/** Score of one category, in the unit of the benchmark's headline. */
export interface CategoryScore extends Estimate {
	readonly category: string;
	/** Questions in it. */
	readonly answers: number;
	/** Answers that say nothing. */
	readonly counts: AnswerCounts;
}

/** How many levels of categories a report has; level 0 is the coarsest. */
export function categoryLevels({ outcomes }: Report): number {
	return outcomes.reduce((most, { categories }) => Math.max(most, categories.length), 0);
}

/**
 * Scores of all categories of one level, in their order of appearance. Answers that belong to no unit (long ones, which the headline leaves
 * out) stand for themselves, in percent.
 */
export function categoryScores(report: Report, level: number): CategoryScore[] {
	const groups = Map.groupBy(
		report.outcomes.filter(({ categories }) => categories.length > level),
		({ categories }) => categories[level]!
	);
	return [...groups].map(([category, outcomes]) => ({
		category,
		answers: outcomes.length,
		counts: countAnswers(outcomes),
		...(categoryInterval(report, category) ?? percentOf(outcomes))
	}));
}

/** Categories of the finest level of which more than a few per cent of the answers say nothing. */
export function alarmingCategories(report: Report): { category: string; counts: AnswerCounts }[] {
	return categoryScores(report, categoryLevels(report) - 1).filter(({ counts }) => isAlarming(counts));
}

function percentOf(outcomes: Report['outcomes']): Estimate {
	const share = clusteredShare(outcomes.map(({ credit }) => ({ sum: credit, count: 1 })));
	return { ...share, value: 100 * share.value, low: 100 * share.low, high: 100 * share.high };
}
