import { published, type PublishedBenchmark } from '$lib/benchmarks/published.ts';
import type { Benchmark } from '$lib/benchmarks/benchmark.ts';
import type { ScoredRun } from '$lib/benchmarks/run/scored.ts';
import type { AccuracyPoint, AccuracyRows } from '$lib/viz/accuracy-curve.ts';
import type { BenchmarkDesk } from './desk.svelte.ts';

/** Column of the published tables that scores the same thing. */
const column: Readonly<Record<string, PublishedBenchmark>> = {
	mmbench: 'MMB',
	mme: 'MME',
	seed: 'SEED-I',
	llavabench: 'LLaVA-W',
	sqa: 'SQA',
	mmvet: 'MM-Vet',
	mmmu: 'MMMU',
	pope: 'POPE'
};

/** Published rows of a benchmark. */
export function publishedPoints({ name }: Benchmark): AccuracyPoint[] {
	const field = column[name];
	if (!field) return [];
	return published.zoo.flatMap((row) => {
		const value = row[field];
		return value === undefined
			? []
			: [
					{
						series: row.model.replace('Honeybee-', ''),
						projector: row.projector,
						origin: 'published' as const,
						tokens: row.visual_tokens,
						value
					}
				];
	});
}

/** Headline scores of runs by M; runs without an M or a score are left out. */
export function runPoints(
	runs: readonly ScoredRun[],
	kindOf: (projector: string) => string
): AccuracyPoint[] {
	return runs.flatMap((run) => {
		const value = run.report.scores[0]?.value;
		if (run.tokens === undefined || value === undefined || Number.isNaN(value)) return [];
		const { interval } = run;
		return [
			{
				series: run.origin === 'measured' ? kindOf(run.projector) : run.title,
				projector: kindOf(run.projector),
				origin: run.origin,
				tokens: run.tokens,
				value,
				answers: run.results.length,
				...(interval && { low: interval.low, high: interval.high })
			}
		];
	});
}

/** What the headline score of a benchmark is called, with its unit. */
export function scoreName(benchmark: Benchmark, runs: readonly ScoredRun[]): string {
	const score = runs.find(({ report }) => report.scores.length > 0)?.report.scores[0];
	if (!score) return benchmark.title;
	const unit = score.unit === '%' ? ' (%)' : score.unit === 'points' ? ' (points)' : '';
	return `${benchmark.title}, ${score.name}${unit}`;
}

const inPercent = (runs: readonly ScoredRun[]) =>
	runs.length > 0 && runs.every(({ report }) => (report.scores[0]?.unit ?? '%') === '%');

export function accuracyRows(
	benchmark: Benchmark,
	runs: readonly ScoredRun[],
	training: readonly AccuracyPoint[],
	{ kinds, kindOf }: Pick<BenchmarkDesk, 'kinds' | 'kindOf'>
): AccuracyRows {
	return {
		points: [...runPoints(runs, kindOf), ...training, ...publishedPoints(benchmark)],
		// The model's own record is headed by the same score as runs are (`trainedHeadlines`).
		score:
			runs.length === 0 && training.length > 0
				? `${benchmark.title}, short answers (%)`
				: scoreName(benchmark, runs),
		...((inPercent(runs) || (runs.length === 0 && training.length > 0)) && { most: 100 }),
		projectors: kinds
	};
}
