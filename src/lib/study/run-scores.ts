import type { AccuracyPoint, AccuracyRows } from '../analysis/score-rows.ts';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import { countWords } from '../benchmarks/answers.ts';
import { sourceWords } from '../benchmarks/imported.ts';
import { published } from '../benchmarks/published.ts';
import type { ScoredRun } from '../benchmarks/run/scored.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { projectorStyles } from '../model/projectors/registry.ts';
import { InputError } from '../tensor/errors.ts';
import { required, type FigureStudy, type Work } from './figure-study.ts';

/** How projectors are told apart: those of one kind differ in M only, and stand in one series. */
export interface Kinds {
	/** In the model's order. */
	readonly kinds: readonly string[];
	readonly kindOf: (projector: string) => string;
	/** What a kind is called in figures. */
	readonly titleOf: (kind: string) => string;
}

/** The kinds of a model; the name of a projector that it does not have stays as it is. */
export function kindsOf({ projectors }: Pick<ModelManifest, 'projectors'>): Kinds {
	const kindOf = (name: string) =>
		Object.hasOwn(projectors, name) ? (projectors[name]!.family ?? name) : name;
	return {
		kinds: unique(Object.keys(projectors).map(kindOf)),
		kindOf,
		titleOf: (kind) => (Object.hasOwn(projectors, kind) ? projectors[kind]!.title : kind)
	};
}

export const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** Published rows of a benchmark. */
export function publishedPoints({ publishedAs: field }: Benchmark): AccuracyPoint[] {
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
				counts: run.counts,
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
	{ kinds, kindOf }: Pick<Kinds, 'kinds' | 'kindOf'>
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

/** The kinds of a model, or of runs alone where the model is not at hand: names that differ in M only are one kind. */
export function kindsOfRuns(runs: readonly ScoredRun[], manifest: ModelManifest | undefined): Kinds {
	if (manifest) return kindsOf(manifest);
	const kindOf = (name: string) => name.replace(/-m\d+$/, '');
	return {
		kinds: unique(runs.map(({ projector }) => kindOf(projector))),
		kindOf,
		titleOf: (kind) => projectorStyles[kind]?.title ?? kind
	};
}

/** Where the answers of runs come from, one line. */
export function runsProvenance(runs: readonly ScoredRun[]): string {
	const lines = runs.map(({ manifest, title, source }) => {
		if (source) return `imported: ${sourceWords(source)}`;
		if (!manifest) return `${title}, imported`;
		const { model, dtype, backend, wording, transparency } = manifest.identity;
		return [
			model.name,
			`${dtype} on ${backend}`,
			'batch 1, greedy',
			...(wording ? [`asked in the words of ${wording.whose} (${wording.source})`] : []),
			...(transparency ? ['transparent pictures on white'] : [])
		].join(' · ');
	});
	const unusable = runs.flatMap(({ counts, title }) => {
		const words = countWords(counts);
		return words === '' ? [] : [`${title}: ${words}`];
	});
	return unique([...lines, ...unusable]).join('; ');
}

/** Whether a model has computed none of the runs: their figures are not of it. @param model its name */
export const areElsewhere = (runs: readonly ScoredRun[], model: string | undefined): boolean =>
	!runs.some(({ manifest }) => manifest !== undefined && manifest.identity.model.name === model);

/** Runs with the kinds they are told apart by. */
export interface KnownRuns {
	readonly runs: readonly ScoredRun[];
	readonly kinds: Kinds;
}

/** @throws InputError when the runs are not of one benchmark */
export function knownRuns(work: Work): KnownRuns {
	const runs = required(work.runs, 'run');
	const titles = unique(runs.map(({ benchmark }) => benchmark.title));
	if (titles.length > 1)
		throw new InputError(`These are runs of ${titles.join(' and ')}; a figure shows those of one benchmark.`);
	return { runs, kinds: kindsOfRuns(runs, work.model?.manifest) };
}

export const accuracyCurveStudy: FigureStudy<KnownRuns, AccuracyRows> = {
	page: 'benchmarks',
	needs: ['run'],
	choices: [],
	measure: (work) => Promise.resolve(knownRuns(work)),
	show: ({ runs, kinds }) => ({
		rows: accuracyRows(required(runs[0], 'run').benchmark, runs, [], kinds),
		provenance: `${runsProvenance(runs)}; published: the model zoo of the paper’s repository`
	})
};
