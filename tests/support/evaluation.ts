import type { Report, Result } from '../../src/lib/benchmarks/benchmark.ts';
import type { TrainedScore } from '../../src/lib/benchmarks/evaluation.ts';

/** One task of one projector at one M: what a run gives and what the record of training says, in per cent. */
export interface Deviation {
	readonly task: string;
	/** Answers that the record counts. */
	readonly n: number;
	readonly here: number;
	readonly record: number;
}

/**
 * Scores of a run beside the record's. The record counts the first `n` answers of a task (boxes and captions were asked about fewer
 * scenes); so does this.
 * @param results by id
 * @returns undefined when the run has fewer answers than the record counts
 */
export function deviations(
	{ outcomes }: Pick<Report, 'outcomes'>,
	results: readonly Result[],
	record: readonly TrainedScore[]
): Deviation[] | undefined {
	const taskOf = new Map(results.map(({ id, data }) => [id, data['task']]));
	const rows = record.map(({ task, accuracy, n = 0 }) => {
		const counted = outcomes.filter(({ id }) => taskOf.get(id) === task).slice(0, n);
		const sum = counted.reduce((total, { credit }) => total + credit, 0);
		return { task, n, whole: counted.length === n, here: (100 * sum) / n, record: 100 * accuracy };
	});
	return rows.every(({ whole }) => whole)
		? rows.map(({ task, n, here, record: of }) => ({ task, n, here, record: of }))
		: undefined;
}
