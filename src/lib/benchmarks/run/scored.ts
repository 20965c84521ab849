import type { Estimate } from '../../analysis/statistics.ts';
import type { Benchmark, Report, Result } from '../benchmark.ts';
import { identified } from '../compare.ts';
import { headlineInterval } from '../interval.ts';
import type { RunAbout } from './about.ts';
import type { RunManifest, Skipped } from './record.ts';
import { countAnswers, type AnswerCounts } from '../answers.ts';
import { scoreRepeats } from '../repeats.ts';
import type { ImportSource } from '../imported.ts';
import { skippedNotes } from './report.ts';
import { wordingNote } from './wording.ts';

/** Answers of one model to one benchmark, scored; measured here or brought from elsewhere. */
export interface ScoredRun {
	/** Names the run on this page. */
	readonly id: string;
	readonly origin: 'measured' | 'imported';
	readonly benchmark: Benchmark;
	/** E.g. "c-abs, M = 36", or the name under which it was imported. */
	readonly title: string;
	/** Projector's name, '' when it is not known. */
	readonly projector: string;
	/** M, when it is known. */
	readonly tokens?: number;
	/** Of a measured run. */
	readonly manifest?: RunManifest;
	/** What its owner says of it. */
	readonly about?: RunAbout;
	/** Of an imported one. */
	readonly source?: ImportSource;
	/** Examples of the benchmark, when it is known how many there are. */
	readonly examples?: number;
	readonly results: readonly Result[];
	readonly report: Report;
	/** Answers that say nothing. */
	readonly counts: AnswerCounts;
	/** Of the headline score. */
	readonly interval?: Estimate;
}

/** Scores a measured run. */
export function scoreRun(
	id: string,
	benchmark: Benchmark,
	manifest: RunManifest,
	results: Iterable<Result>,
	skipped: Iterable<Skipped> = [],
	about?: RunAbout
): ScoredRun {
	const { model, projector, tokens, data, wording } = manifest.identity;
	return {
		...scored(benchmark, results, [
			...wordingNote(wording),
			...skippedNotes([...skipped]),
			...(about?.problem === undefined ? [] : [about.problem])
		]),
		...(about && { about }),
		...{ id, manifest, projector, tokens, origin: 'measured', examples: data.examples },
		title: `${model.name}, ${projector}, M = ${tokens}${wording ? ', own words' : ''}`
	};
}

/** Scores results that were brought from elsewhere. */
export function scoreImported(
	name: string,
	benchmark: Benchmark,
	results: readonly Result[],
	about: {
		readonly projector?: string;
		readonly tokens?: number;
		readonly source?: ImportSource;
		readonly notes?: readonly string[];
	} = {}
): ScoredRun {
	return {
		...scored(benchmark, results, about.notes),
		...(about.source && { source: about.source }),
		...{ id: `imported/${benchmark.name}/${name}`, origin: 'imported', title: name },
		projector: about.projector ?? '',
		...(about.tokens !== undefined && { tokens: about.tokens })
	};
}

function scored(benchmark: Benchmark, results: Iterable<Result>, notes: readonly string[] = []) {
	const ordered = [...results].sort((a, b) => a.id - b.id);
	const found = identified(benchmark, scoreRepeats(benchmark, ordered), ordered);
	const report = { ...found, notes: [...notes, ...found.notes] };
	const interval = headlineInterval(report);
	const counts = countAnswers(report.outcomes);
	return { benchmark, results: ordered, report, counts, ...(interval && { interval }) };
}
