import type { Data, OutputFile, Report, Result } from './benchmark.ts';

/** Report of a benchmark that only a judge can score: the answers, in the judge's format. */
export function judgedReport(
	benchmark: string,
	results: readonly Result<Data>[],
	categoriesOf: (data: Data) => readonly string[],
	files: readonly OutputFile[],
	judge: string
): Report {
	const counts = Map.groupBy(results, ({ data }) => categoriesOf(data).join(', '));
	return {
		benchmark,
		scores: [],
		tables: [
			{
				title: 'Answers',
				columns: ['Category', 'Answers'],
				rows: [...[...counts].map(([name, of]) => [name, of.length]), ['Total', results.length]]
			}
		],
		outcomes: [],
		units: [],
		combine: 'mean',
		files,
		notes: [`${judge} scores these answers; there is no score without it.`]
	};
}
