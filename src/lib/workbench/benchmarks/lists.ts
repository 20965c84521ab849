import type { Benchmark, Example } from '../../benchmarks/benchmark.ts';
import type { ScoredRun } from '../../benchmarks/run/scored.ts';
import type { SourceFolder } from '../../checkpoint/source.ts';

export type ExamplesById = ReadonlyMap<number, Example>;

export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

export const byId = (examples: readonly Example[]): ExamplesById =>
	new Map(examples.map((example) => [example.id, example]));

/** Runs with those of the same id replaced in their places, new ones at the end. */
export function withRuns(runs: readonly ScoredRun[], fresh: readonly ScoredRun[]): ScoredRun[] {
	const left = new Map(fresh.map((run) => [run.id, run]));
	const kept = runs.map((run) => {
		const now = left.get(run.id);
		left.delete(run.id);
		return now ?? run;
	});
	return [...kept, ...left.values()];
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
