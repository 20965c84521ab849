import type { Benchmark, Example } from '$lib/benchmarks/benchmark.ts';
import type { ScoredRun } from '$lib/benchmarks/run/scored.ts';
import type { SourceFolder } from '$lib/checkpoint/source.ts';
import type { Kinds } from '$lib/study/run-scores.ts';

export type ExamplesById = ReadonlyMap<number, Example>;

export const byId = (examples: readonly Example[]): ExamplesById =>
	new Map(examples.map((example) => [example.id, example]));

/** Runs with those of the same id replaced in their places, new ones at the end. */
export function withRuns(runs: readonly ScoredRun[], fresh: readonly ScoredRun[]): ScoredRun[] {
	const left = new Map(fresh.map((run) => [run.id, run]));
	const kept = runs.map((run) => {
		const now = left.get(run.id);
		left.delete(run.id);
		// One that goes on is scored anew, and what is said of it stays.
		return now ? { ...(run.about && { about: run.about }), ...now } : run;
	});
	return [...kept, ...left.values()];
}

/** Runs by kind and M; those of other tools last. */
export function inOrder(
	runs: readonly ScoredRun[],
	{ kinds, kindOf }: Pick<Kinds, 'kinds' | 'kindOf'>
): ScoredRun[] {
	const rank = ({ origin, projector }: ScoredRun) => {
		const at = kinds.indexOf(kindOf(projector));
		return origin === 'measured' && at >= 0 ? at : kinds.length;
	};
	return runs.toSorted((a, b) => rank(a) - rank(b) || (a.tokens ?? 0) - (b.tokens ?? 0));
}

/** Ids of the runs that say most at first: of each kind the one nearest to M, and what was brought from elsewhere. */
export function typicalRuns(
	runs: readonly ScoredRun[],
	M: number,
	{ kindOf }: Pick<Kinds, 'kindOf'>
): string[] {
	const away = ({ tokens = M }: ScoredRun) => Math.abs(tokens - M);
	const measured = Map.groupBy(
		runs.filter(({ origin }) => origin === 'measured'),
		({ projector }) => kindOf(projector)
	);
	return [
		...[...measured.values()].map((of) => of.reduce((best, run) => (away(run) < away(best) ? run : best))),
		...runs.filter(({ origin }) => origin !== 'measured')
	].map(({ id }) => id);
}

/** All examples of a benchmark. @throws InputError naming the file and line that cannot be used */
export async function readAll(benchmark: Benchmark, source: SourceFolder): Promise<Example[]> {
	const examples: Example[] = [];
	for await (const example of benchmark.examples(source)) {
		examples.push(example);
		// Thousands of them: the page must be able to draw in between.
		if (examples.length % 500 === 0) await new Promise((resolve) => setTimeout(resolve));
	}
	return examples;
}
