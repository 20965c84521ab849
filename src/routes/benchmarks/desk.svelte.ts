import { sentence } from '$lib/bytes/sentence.ts';
import { SideClient } from '../../workers/side/client.ts';
import type { Benchmark, Example } from '$lib/benchmarks/benchmark.ts';
import { benchmarks, findBenchmark } from '$lib/benchmarks/registry.ts';
import { isReady } from '$lib/model/image/prepare.ts';
import { squashTo } from '$lib/benchmarks/run/prepare.ts';
import { transparencyOf } from '$lib/model/image/transparency.ts';
import { cleaned, writeAbout, type RunAbout } from '$lib/benchmarks/run/about.ts';
import { openRun, readRun, type RunRecord } from '$lib/benchmarks/run/record.ts';
import { reportRun } from '$lib/benchmarks/run/report.ts';
import { unique } from '$lib/study/run-scores.ts';
import type { Series } from '$lib/study/series-file.ts';
import { hashExamples, nothingAsked, runBenchmark, type RunProgress } from '$lib/study/run.ts';
import { scoreRun, type ScoredRun } from '$lib/benchmarks/run/scored.ts';
import {
	identify,
	targetName,
	tokensChosen,
	tokensOf,
	type TargetChoice,
	type TokensChoice
} from '$lib/benchmarks/run/target.ts';
import { wordingOf, type RunWording, type WordingChoice } from '$lib/benchmarks/run/wording.ts';
import type { SourceFolder } from '$lib/checkpoint/source.ts';
import { InputError } from '$lib/tensor/errors.ts';
import { titleOf } from '$lib/workbench/words/projectors.ts';
import type { Session } from '$lib/workbench/session/session.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import { builtInData, chosenData } from './data.ts';
import { DeskMemory, type BegunRuns } from './kept-choice.ts';
import { byId, readAll, withRuns, type ExamplesById } from './lists.ts';
import { Rescoring } from './rescoring.ts';
import { versions } from './versions.ts';

export type DeskStatus = 'idle' | 'reading' | 'running' | 'stopped' | 'done' | 'failed';

/** What the desk needs of the side worker's client. */
export type DeskSide = Pick<SideClient, 'prepare' | 'folder' | 'list' | 'remove' | 'dispose'>;

/**
 * Benchmarks of this page: what is run, what was run, and what was brought from elsewhere. A run goes on while other pages are looked
 * at; every answer is kept in the browser's storage before the next one begins.
 */
export class BenchmarkDesk {
	benchmark = $state.raw<Benchmark>(benchmarks[0]!);
	/** Official files, where the benchmark needs some. */
	data = $state.raw<SourceFolder | undefined>();
	/** M chosen for each projector; none: not run. */
	chosen = $state.raw<Readonly<Record<string, readonly number[]>>>({});
	/** Only the first so many examples; all when undefined. */
	limit = $state<number | undefined>(200);
	/** In whose words a model is asked that has published words of its own. */
	words = $state<WordingChoice>('own');

	status = $state<DeskStatus>('idle');
	progress = $state.raw<RunProgress | undefined>();
	error = $state<string | undefined>();
	/** Runs kept in this browser, which a new one with the same name would have to replace. */
	conflict = $state.raw<readonly string[]>([]);
	/** Runs of this benchmark: kept here, going on, or imported. */
	runs = $state.raw<readonly ScoredRun[]>([]);
	/** What of the runs could not be read. */
	unread = $state.raw<readonly string[]>([]);
	/** Examples by id, as far as the data is here. */
	examples = $state.raw<ExamplesById>(byId([]));
	/** A series of checkpoints that was opened. */
	series = $state.raw<Series | undefined>();
	/** Answers asked last of each run, by its id, as far as it was begun in this browser. */
	asked = $state.raw<Readonly<Record<string, number>>>({});
	#begun = $state.raw<BegunRuns | undefined>();

	readonly session: Session;
	readonly #base: string;
	readonly #side: DeskSide;
	readonly #memory: DeskMemory | undefined;
	#abort: AbortController | undefined;
	#read:
		| {
				readonly benchmark: Benchmark;
				readonly data: SourceFolder | undefined;
				readonly list: Promise<Example[]>;
		  }
		| undefined;

	/** @param memory where the choice outlives the page; without it, it does not */
	constructor(session: Session, base: string, side: DeskSide = new SideClient(), memory?: DeskMemory) {
		this.session = session;
		this.#base = base;
		this.#side = side;
		this.#memory = memory;
		if (memory === undefined) return;
		const { choice } = memory;
		if (choice) {
			this.benchmark = findBenchmark(choice.benchmark);
			this.limit = choice.limit;
			this.chosen = choice.chosen;
			this.words = choice.words ?? 'own';
		}
		this.#begun = memory.begun;
		this.asked = memory.asked;
		$effect(() => {
			const { benchmark, limit, chosen, words } = this;
			memory.choice = { benchmark: benchmark.name, ...(limit !== undefined && { limit }), chosen, words };
		});
	}

	/** Runs that were begun, of this benchmark and the model of now, and lack answers: how many, and how many answers there are of those asked. */
	get unfinished(): { readonly runs: number; readonly answers: number; readonly asked: number } | undefined {
		const begun = this.#begun;
		const { loaded } = this.session.models;
		if (
			this.busy ||
			!begun ||
			begun.benchmark !== this.benchmark.name ||
			begun.model !== loaded?.manifest.name
		)
			return undefined;
		if (begun.backend !== loaded.backend.backend) return undefined;
		const answers = begun.targets.map((target) => {
			const id = this.#folderOf(target, begun);
			return Math.min(begun.asked, this.runs.find((run) => run.id === id)?.results.length ?? 0);
		});
		const open = answers.filter((given) => given < begun.asked).length;
		return open === 0
			? undefined
			: {
					runs: open,
					answers: answers.reduce((sum, given) => sum + given, 0),
					asked: begun.asked * begun.targets.length
				};
	}

	/** Chooses the unfinished runs again and goes on with them. */
	async goOn(): Promise<void> {
		const begun = this.#begun;
		if (this.busy || !begun) return;
		const chosen: Record<string, number[]> = Object.fromEntries(
			this.session.models.projectorNames.map((name) => [name, []])
		);
		for (const { projector, tokens } of begun.targets) (chosen[projector] ??= []).push(tokens);
		this.chosen = chosen;
		this.limit = begun.asked;
		this.words = begun.words ?? 'honeybee';
		await this.start();
	}

	#folderOf(
		target: TargetChoice,
		{ benchmark, model, backend, words }: Omit<BegunRuns, 'targets' | 'asked'>
	): string {
		return `${benchmark}/${model}/${targetName(target)}${words === 'own' ? '-own-words' : ''}-${backend}`;
	}

	/** The published words of the model for this benchmark; undefined where there are none. */
	get ownWording(): RunWording | undefined {
		const { manifest } = this.session.models;
		return manifest && wordingOf(this.benchmark, manifest);
	}

	get busy(): boolean {
		return this.status === 'reading' || this.status === 'running';
	}

	/** Data of the benchmark, or undefined when it must be chosen first. */
	get source(): SourceFolder | undefined {
		return builtInData(this.benchmark, this.#base) ?? this.data;
	}

	get targets(): TargetChoice[] {
		const { manifest } = this.session.models;
		if (!manifest) return [];
		return Object.keys(manifest.projectors).flatMap((projector) =>
			this.choiceOf(projector)
				.filter((M) => tokensOf(manifest, projector).includes(M))
				.map((tokens) => ({ projector, tokens }))
		);
	}

	/** The kind of a projector: those of one kind differ in M only, and stand in one series. */
	readonly kindOf = (projector: string): string =>
		this.session.models.manifest?.projectors[projector]?.family ?? projector;

	/** What a kind is called in figures. */
	readonly titleOf = titleOf;

	/** All kinds of the model, in its order. */
	get kinds(): string[] {
		return unique(this.session.models.projectorNames.map(this.kindOf));
	}

	/** M chosen for a projector; its own until something else is chosen. */
	choiceOf(projector: string): readonly number[] {
		const entry = this.session.models.manifest?.projectors[projector];
		return this.chosen[projector] ?? (entry ? [entry.num_query_tokens] : []);
	}

	toggle(projector: string, tokens: number): void {
		const now = this.choiceOf(projector);
		this.chosen = {
			...this.chosen,
			[projector]: now.includes(tokens) ? now.filter((M) => M !== tokens) : [...now, tokens]
		};
	}

	/** Chooses every projector, at the M that the choice means for it. */
	chooseEvery(choice: TokensChoice): void {
		const { manifest } = this.session.models;
		if (!manifest) return;
		this.chosen = Object.fromEntries(
			Object.keys(manifest.projectors).map((name) => [name, tokensChosen(manifest, name, choice)])
		);
	}

	async choose(name: string): Promise<void> {
		if (this.busy) return;
		this.benchmark = findBenchmark(name);
		this.data = undefined;
		this.status = 'idle';
		this.progress = this.error = undefined;
		this.conflict = [];
		this.examples = byId([]);
		await this.recall();
	}

	/** Takes official files. */
	async take(files: readonly File[]): Promise<void> {
		this.error = undefined;
		try {
			this.data = chosenData(files);
			await this.list();
		} catch (error) {
			this.data = undefined;
			this.#fail(error);
		}
	}

	/** Runs of this benchmark that the browser keeps. */
	async recall(): Promise<void> {
		const { benchmark } = this;
		const { found, unread } = await this.readRuns(benchmark);
		if (this.benchmark !== benchmark) return;
		this.unread = unread;
		const kept = this.runs.filter(
			(run) => run.benchmark === benchmark && !found.some(({ id }) => id === run.id)
		);
		this.runs = [...found, ...kept];
	}

	/** Runs that the browser keeps, of one benchmark or of all, and what of them cannot be read. */
	async readRuns(benchmark?: Benchmark): Promise<{ readonly found: ScoredRun[]; readonly unread: string[] }> {
		const unread: string[] = [];
		const found: ScoredRun[] = [];
		try {
			const folders = (await this.#side.list())
				.filter(
					(path) =>
						(benchmark === undefined || path.startsWith(`${benchmark.name}/`)) &&
						path.endsWith('/manifest.json')
				)
				.map((path) => path.slice(0, path.lastIndexOf('/')));
			for (const folder of folders) {
				try {
					const run = await readRun(this.#side.folder(folder), findBenchmark);
					if (run && run.results.length > 0)
						found.push(scoreRun(folder, run.benchmark, run.manifest, run.results, run.skipped, run.about));
				} catch (error) {
					unread.push(sentence(error));
				}
			}
		} catch (error) {
			unread.push(`Runs kept in this browser cannot be read: ${sentence(error)}`);
		}
		return { found, unread };
	}

	/**
	 * Keeps what its owner says of a run, beside its results; of an imported one as long as that is here.
	 * @returns the run with it
	 * @throws where the browser keeps nothing, or no more
	 */
	async describe(run: ScoredRun, about: RunAbout): Promise<ScoredRun> {
		const said = cleaned(about);
		if (run.origin === 'measured') {
			const folder = this.#side.folder(run.id);
			await writeAbout(folder, said);
		}
		const described = { ...run, about: said };
		this.runs = this.runs.map((one) => (one.id === run.id ? { ...one, about: said } : one));
		return described;
	}

	/** The benchmark's examples, read once. */
	async list(): Promise<Example[]> {
		const { benchmark, source } = this;
		if (!source) throw new InputError(`Choose the files of ${benchmark.title} first.`);
		if (this.#read?.benchmark !== benchmark || this.#read.data !== this.data)
			this.#read = { benchmark, data: this.data, list: readAll(benchmark, source) };
		const reading = this.#read;
		reading.list.catch(() => {
			if (this.#read === reading) this.#read = undefined;
		});
		const examples = await reading.list;
		if (this.benchmark === benchmark) this.examples = byId(examples);
		return examples;
	}

	/** Runs what is chosen, going on with what is kept of it. */
	async start(): Promise<void> {
		const { benchmark, session, targets: choices } = this;
		const { loaded } = session.models;
		if (this.busy || !loaded || choices.length === 0) return;
		const abort = new AbortController();
		this.#abort = abort;
		this.status = 'reading';
		this.error = this.progress = undefined;
		this.conflict = [];
		const folders: string[] = [];
		try {
			const examples = await this.list();
			const data = await hashExamples(benchmark, examples);
			const { manifest, backend } = loaded;
			const wording = this.words === 'own' ? wordingOf(benchmark, manifest) : undefined;
			const asked = Math.min(examples.length, this.limit ?? examples.length);
			const begun = {
				...{ benchmark: benchmark.name, model: manifest.name, backend: backend.backend },
				...{ targets: choices, asked },
				words: wording ? ('own' as const) : ('honeybee' as const)
			};
			const targets: (TargetChoice & { readonly record: RunRecord; readonly folder: string })[] = [];
			for (const choice of choices) {
				const folder = this.#folderOf(choice, begun);
				const identity = identify(benchmark, manifest, {
					...choice,
					...{ data, versions, backend: backend.backend },
					...(wording && { wording: wording.recorded })
				});
				folders.push(folder);
				try {
					const record = await openRun(this.#side.folder(folder), identity, benchmark, { resume: true });
					targets.push({ ...choice, record, folder });
				} catch (error) {
					if (error instanceof InputError) this.conflict = [...this.conflict, folder];
					throw error;
				}
			}
			this.status = 'running';
			this.#keep(begun);
			this.asked = { ...this.asked, ...Object.fromEntries(folders.map((folder) => [folder, asked])) };
			if (this.#memory) this.#memory.asked = this.asked;
			const scoring = new Rescoring(() =>
				this.#show(targets.map(({ folder, record }) => live(folder, benchmark, record)))
			);
			const whole = await runBenchmark({
				benchmark,
				targets,
				...(wording && { wording }),
				examples: examples.slice(0, this.limit),
				model: session.client,
				prepare: async (image, name) =>
					isReady(image, squashTo(manifest))
						? image
						: this.#side.prepare(image, name, squashTo(manifest), transparencyOf(manifest.image)),
				signal: abort.signal,
				onProgress: (progress) => {
					this.progress = progress;
					scoring.due();
				}
			}).finally(() => scoring.stop());
			const nothing = nothingAsked(
				benchmark,
				targets.map(({ record }) => record)
			);
			if (nothing) throw nothing;
			for (const { record, folder } of targets)
				if (record.results.size > 0) await reportRun(benchmark, record, this.#side.folder(folder));
			this.#show(targets.map(({ folder, record }) => live(folder, benchmark, record)));
			if (whole) this.#keep(undefined);
			this.status = whole ? 'done' : 'stopped';
		} catch (error) {
			this.#fail(error);
			// The storage speaks of files; a reader knows runs.
			folders.forEach((folder, at) => {
				const { projector, tokens } = choices[at]!;
				const title = titleOf(this.kindOf(projector));
				this.error = this.error?.replace(
					`${folder}/results.jsonl`,
					`The run of the ${title}, M = ${tokens}, on ${benchmark.title}`
				);
			});
			await this.recall();
		} finally {
			for (const folder of folders) await this.#side.folder(folder).close();
			if (this.#abort === abort) this.#abort = undefined;
		}
	}

	/** Ends the run after the answers kept so far. */
	stop(): void {
		this.#abort?.abort();
	}

	/** Removes a run, from the browser's storage too. */
	async remove(id: string): Promise<void> {
		if (this.busy) return;
		try {
			if (!id.startsWith('imported/')) await this.#side.remove(id);
		} catch (error) {
			this.#fail(error);
			return;
		}
		this.runs = this.runs.filter((run) => run.id !== id);
		this.conflict = this.conflict.filter((folder) => folder !== id);
		if (this.conflict.length === 0 && this.status === 'failed') {
			this.status = 'idle';
			this.error = undefined;
		}
	}

	/** Puts imported runs beside the others. */
	add(runs: readonly ScoredRun[]): void {
		this.#show(runs);
	}

	dispose(): void {
		this.stop();
		this.#side.dispose();
	}

	/** Replaces runs of the same id, in their places. */
	#show(runs: readonly ScoredRun[]): void {
		this.runs = withRuns(
			this.runs,
			runs.filter(({ results }) => results.length > 0)
		);
	}

	#keep(begun: BegunRuns | undefined): void {
		this.#begun = begun;
		if (this.#memory) this.#memory.begun = begun;
	}

	#fail(error: unknown): void {
		this.status = 'failed';
		this.error = sentence(error);
	}
}

const live = (folder: string, benchmark: Benchmark, record: RunRecord) =>
	scoreRun(folder, benchmark, record.manifest, record.results.values(), record.skipped.values());

/** A run goes on while other pages are looked at. */
export const getDesk = pageState(
	({ session, base, memory }) => new BenchmarkDesk(session, base, new SideClient(), new DeskMemory(memory)),
	(desk) => desk.dispose()
);
