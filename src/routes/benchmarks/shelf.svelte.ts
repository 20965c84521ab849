import { sentence } from '$lib/bytes/sentence.ts';
import type { RunAbout } from '$lib/benchmarks/run/about.ts';
import type { ScoredRun } from '$lib/benchmarks/run/scored.ts';
import { unique } from '$lib/study/run-scores.ts';
import type { BenchmarkDesk } from './desk.svelte.ts';
import { withRuns } from './lists.ts';

/** All runs of this browser, of every benchmark: looked through, named, chosen into figures. */
export class RunShelf {
	/** Kept here, of every benchmark; undefined until they were read. */
	kept = $state.raw<readonly ScoredRun[] | undefined>();
	unread = $state.raw<readonly string[]>([]);
	error = $state<string | undefined>();
	/** Words that a shown run has, in its name, notes, tags, model or projector. */
	filter = $state('');
	/** Name of the one benchmark that is shown; all when empty. */
	benchmark = $state('');
	readonly #desk: BenchmarkDesk;

	constructor(desk: BenchmarkDesk) {
		this.#desk = desk;
	}

	/** Kept ones, and those of the page's benchmark that are only here: going on, or imported. */
	readonly all = $derived.by((): readonly ScoredRun[] => {
		return withRuns(this.kept ?? [], this.#desk.runs).toSorted(byBenchmark);
	});
	/** Benchmarks that there are runs of. */
	readonly benchmarks = $derived.by(() => unique(this.all.map(({ benchmark }) => benchmark)));
	readonly shown = $derived.by(() => {
		const words = this.filter.toLowerCase().split(/\s+/).filter(Boolean);
		return this.all.filter(
			(run) =>
				(this.benchmark === '' || run.benchmark.name === this.benchmark) &&
				words.every((word) => textOf(run).includes(word))
		);
	});

	/** Reads them all. */
	async load(): Promise<void> {
		const { found, unread } = await this.#desk.readRuns();
		this.kept = found;
		this.unread = unread;
	}

	/** Keeps what is said of a run. */
	async describe(run: ScoredRun, change: RunAbout): Promise<void> {
		this.error = undefined;
		try {
			const described = await this.#desk.describe(run, { ...run.about, ...change });
			this.kept = this.kept?.map((one) => (one.id === run.id ? described : one));
		} catch (error) {
			this.error = `What you wrote of the run was not kept: ${sentence(error)}`;
		}
	}

	async remove(run: ScoredRun): Promise<void> {
		await this.#desk.remove(run.id);
		await this.load();
	}
}

/** By benchmark, the latest first, then by what they are called. */
function byBenchmark(a: ScoredRun, b: ScoredRun): number {
	const day = ({ manifest }: ScoredRun) => manifest?.created.slice(0, 10) ?? '';
	return (
		a.benchmark.title.localeCompare(b.benchmark.title, 'en') ||
		day(b).localeCompare(day(a)) ||
		a.title.localeCompare(b.title, 'en', { numeric: true })
	);
}

/** All that is said of a run, to be searched. */
function textOf({ about = {}, title, benchmark, manifest }: ScoredRun): string {
	const { name = '', notes = '', tags = [] } = about;
	return [name, notes, ...tags, title, benchmark.title, manifest?.created ?? ''].join(' ').toLowerCase();
}

/** Tags as they are written, between commas. */
export const tagsOf = (words: string): string[] => words.split(',').map((tag) => tag.trim());
