import type { RunRow, RunTableRows } from '../analysis/run-rows.ts';
import type { ScoredRun } from '../benchmarks/run/scored.ts';
import { required, type FigureStudy } from './figure-study.ts';
import { kindsOfRuns, runsProvenance, unique, type Kinds } from './run-scores.ts';

/** Runs of any benchmarks as rows. */
export function runRows(runs: readonly ScoredRun[], { kinds, kindOf, titleOf }: Kinds): RunTableRows {
	return {
		// Runs may be of a model that is not at hand.
		projectors: unique([...kinds, ...runs.map(({ projector }) => kindOf(projector)).filter(Boolean)]),
		runs: runs.map((run): RunRow => {
			const { benchmark, manifest, projector, tokens, interval, about, origin } = run;
			const [headline] = run.report.scores;
			const kind = kindOf(projector);
			return {
				name: about?.name ?? (manifest ? `${titleOf(kind)}, M = ${tokens}` : run.title),
				model: manifest?.identity.model.name ?? '',
				...{ projector, kind, origin },
				...(tokens !== undefined && { tokens }),
				benchmark: benchmark.title,
				...(headline &&
					!Number.isNaN(headline.value) && {
						score: { name: headline.name, unit: headline.unit, value: headline.value }
					}),
				...(interval && { low: interval.low, high: interval.high }),
				n: run.results.length,
				date: manifest?.created.slice(0, 10) ?? '',
				tags: about?.tags ?? [],
				notes: about?.notes ?? ''
			};
		})
	};
}

export const runTableStudy = {
	page: 'benchmarks',
	needs: ['run'],
	choices: [],
	measure: (work) => {
		const runs = required(work.runs, 'run');
		return Promise.resolve({ runs, kinds: kindsOfRuns(runs, work.model?.manifest) });
	},
	show: ({ runs, kinds }) => ({ rows: runRows(runs, kinds), provenance: runsProvenance(runs) })
} satisfies FigureStudy<{ readonly runs: readonly ScoredRun[]; readonly kinds: Kinds }>;
