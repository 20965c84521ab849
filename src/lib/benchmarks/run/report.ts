import { quantiles } from '../../analysis/statistics.ts';
import type { StageTimings } from '../../model/runtime/types.ts';
import type { Benchmark, Report } from '../benchmark.ts';
import { countAnswers, type AnswerCounts } from '../answers.ts';
import { headlineInterval } from '../interval.ts';
import type { RunManifest, RunRecord, RunResult, Skipped } from './record.ts';
import type { RunStorage } from './storage.ts';
import { wordingNote } from './wording.ts';

/** Milliseconds: median and quartiles. */
export interface Spread {
	readonly median: number;
	readonly q1: number;
	readonly q3: number;
	readonly n: number;
}

/** `report.json` of a run. */
export interface RunReport extends Omit<Report, 'files'> {
	readonly manifest: RunManifest;
	readonly answers: number;
	/** Of them those that say nothing. */
	readonly counts: AnswerCounts;
	/** 95 %; absent without a score. */
	readonly interval?: { readonly low: number; readonly high: number; readonly level: number };
	/** Per stage over the answers that computed it whole; decode is per token. Absent where there is none. */
	readonly latency_ms: Partial<Record<keyof StageTimings | 'decode_per_token', Spread>>;
	readonly files: readonly string[];
}

/** Scores what a run has so far and writes the report and the files for judges. */
export async function reportRun(
	benchmark: Benchmark,
	record: RunRecord,
	storage: RunStorage
): Promise<RunReport> {
	const results = [...record.results.values()].sort((a, b) => a.id - b.id);
	const { files, ...report } = benchmark.score(results);
	const interval = headlineInterval({ ...report, files });
	const whole: RunReport = {
		...report,
		notes: [
			...wordingNote(record.manifest.identity.wording),
			...countNotes(benchmark, record),
			...skippedNotes([...record.skipped.values()]),
			...report.notes
		],
		manifest: record.manifest,
		answers: results.length,
		counts: countAnswers(report.outcomes),
		...(interval && { interval: { low: interval.low, high: interval.high, level: interval.level } }),
		latency_ms: latency(results),
		files: files.map(({ path }) => path)
	};
	for (const { path, content } of files) await storage.write(path, content);
	await storage.write('report.json', `${JSON.stringify(whole, null, '\t')}\n`);
	return whole;
}

function countNotes({ officialCount, title }: Benchmark, { results, manifest }: RunRecord): string[] {
	const { examples } = manifest.identity.data;
	if (results.size < examples)
		return [`${results.size} of ${examples} examples were answered; the scores are not those of the whole.`];
	return officialCount !== undefined && examples !== officialCount
		? [
				`The data has ${examples} examples, the official ${title} ${officialCount}; the scores are not comparable with published ones.`
			]
		: [];
}

/** Most reasons that a note gives. */
const REASONS = 3;

/** Says which examples could not be asked, and why. */
export function skippedNotes(skipped: readonly Skipped[]): string[] {
	if (skipped.length === 0) return [];
	const told = skipped.slice(0, REASONS).map(({ id, reason }) => `example ${id}: ${reason}`);
	const more = skipped.length - told.length;
	const one = skipped.length === 1;
	return [
		`${skipped.length} ${one ? 'example' : 'examples'} could not be asked and ${one ? 'is' : 'are'} left out of the score: ${told.join(' ')}${more > 0 ? ` And ${more} more, which not-asked.jsonl names.` : ''}`
	];
}

function latency(results: readonly RunResult[]): RunReport['latency_ms'] {
	const values = {
		vision: results
			.filter(({ timings_ms }) => timings_ms.vision > 0)
			.map(({ timings_ms }) => timings_ms.vision),
		projector: results
			.filter(({ timings_ms, cached_positions }) => timings_ms.vision > 0 && cached_positions === 0)
			.map(({ timings_ms }) => timings_ms.projector),
		prefill: results
			.filter(({ cached_positions }) => cached_positions === 0)
			.map(({ timings_ms }) => timings_ms.prefill),
		// The first token comes out of the prefill.
		decode_per_token: results
			.filter(({ new_tokens }) => new_tokens > 1)
			.map(({ timings_ms, new_tokens }) => timings_ms.decode / (new_tokens - 1))
	};
	return Object.fromEntries(
		Object.entries(values)
			.filter(([, of]) => of.length > 0)
			.map(([stage, of]) => {
				const [q1, median, q3] = quantiles(of, [0.25, 0.5, 0.75]);
				return [stage, { median: median!, q1: q1!, q3: q3!, n: of.length }];
			})
	);
}
