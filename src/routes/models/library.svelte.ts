import { sentence } from '$lib/bytes/sentence.ts';
import { SvelteMap } from 'svelte/reactivity';
import { ConvertClient, type JobControl } from '../../workers/convert/client.ts';
import type { JobProgress, RepairSource } from '../../workers/convert/api.ts';
import type { StorageSpace } from '$lib/browser/stored-models.ts';
import type { StoredModel } from '$lib/browser/stored-models.ts';
import { deleteStoredModel, keepStorage, storageSpace, storedModels } from '$lib/browser/stored-models.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import { plural } from '$lib/workbench/words/format.ts';

export type JobStatus = 'running' | 'done' | 'stopped' | 'failed';

/** Work on a model that goes on while other pages are looked at. */
export class Job {
	readonly id: number;
	/** E.g. "Converting C-7B-M144". */
	readonly title: string;
	/** The stored model it works on. */
	readonly model: string;
	status = $state<JobStatus>('running');
	progress = $state.raw<JobProgress | undefined>();
	/** What came of it, a sentence. */
	outcome = $state('');
	/** Bytes per second of late. */
	rate = $state(0);
	readonly #abort = new AbortController();
	#sample = { at: 0, done: 0, stage: '' };

	constructor(id: number, title: string, model: string) {
		this.id = id;
		this.title = title;
		this.model = model;
	}

	get signal(): AbortSignal {
		return this.#abort.signal;
	}

	/** Seconds left at the present rate; undefined while that is not known. */
	get secondsLeft(): number | undefined {
		const { progress, rate } = this;
		return progress && progress.total > 0 && rate > 0 ? (progress.total - progress.done) / rate : undefined;
	}

	stop(): void {
		this.#abort.abort();
	}

	report(progress: JobProgress, now: number): void {
		this.progress = progress;
		const { at, done, stage } = this.#sample;
		if (stage !== progress.stage) this.#sample = { at: now, done: progress.done, stage: progress.stage };
		else if (now - at > 2000) {
			this.rate = ((progress.done - done) / (now - at)) * 1000;
			this.#sample = { at: now, done: progress.done, stage };
		}
	}
}

/** How a job is told about its progress, and stopped. */
export function jobControl(job: Job): JobControl & { readonly signal: AbortSignal } {
	return { signal: job.signal, onProgress: (progress) => job.report(progress, performance.now()) };
}

export interface LibraryParts {
	readonly client: ConvertClient;
	/** Told when models came or went. */
	readonly onChange: () => Promise<void>;
}

/** The models in this browser and the work on them. Outlives the page that shows it. */
export class Library {
	/** Undefined until it has been read. */
	models = $state.raw<readonly StoredModel[] | undefined>();
	/** Undefined where the browser gives the page no storage, and until it is known. */
	space = $state.raw<StorageSpace | undefined>();
	/** Whether `models` and `space` have been read. */
	known = $state(false);
	jobs = $state.raw<readonly Job[]>([]);
	error = $state<string | undefined>();
	/** Models with damaged files, as found by the last verification. */
	damaged = $state.raw<readonly string[]>([]);
	/** Where models of this visit were converted from: as long as the page is open their files can be read again. */
	readonly #sources = new SvelteMap<string, RepairSource>();
	#nextId = 1;
	readonly #parts: LibraryParts;

	constructor(parts: LibraryParts) {
		this.#parts = parts;
	}

	get client(): ConvertClient {
		return this.#parts.client;
	}

	/** Bytes that can still be written. */
	get room(): number | undefined {
		return this.space && Math.max(0, this.space.quota - this.space.usage);
	}

	async refresh(): Promise<void> {
		try {
			[this.models, this.space] = await Promise.all([storedModels(), storageSpace()]);
			this.error = undefined;
		} catch (error) {
			this.models ??= [];
			this.error = sentence(error);
		}
		this.known = true;
	}

	/** The work in progress on a model. */
	running(model: string): Job | undefined {
		return this.jobs.find((job) => job.model === model && job.status === 'running');
	}

	/**
	 * Runs work as a job of the list. @param work gives the sentence to end with
	 * @returns whether it was done
	 */
	async run(title: string, model: string, work: (job: Job) => Promise<string>): Promise<boolean> {
		const job = new Job(this.#nextId++, title, model);
		this.jobs = [job, ...this.jobs.filter((old) => old.status === 'running' || old.model !== model)];
		try {
			job.outcome = await work(job);
			job.status = 'done';
		} catch (error) {
			job.status = job.signal.aborted ? 'stopped' : 'failed';
			job.outcome = job.signal.aborted
				? 'Stopped. What was finished is kept; start it again to go on.'
				: sentence(error);
		}
		await this.refresh();
		await this.#parts.onChange();
		return job.status === 'done';
	}

	/** Remembers what a model is converted from. */
	madeFrom(model: string, source: RepairSource): void {
		this.#sources.set(model, source);
	}

	/** Where the damaged files of a model can come from without asking. */
	sourceOf({ name, address }: StoredModel): RepairSource | undefined {
		return address === undefined ? this.#sources.get(name) : { kind: 'server' };
	}

	/** Reads every file of a model. */
	verify(model: string): Promise<boolean> {
		return this.run(`Verifying ${model}`, model, async (job) => {
			const damaged = await this.client.verify(model, jobControl(job));
			this.#mark(model, damaged.length > 0);
			if (damaged.length === 0) return 'Every file is as its manifest says.';
			const named = damaged.map(({ path, problem }) => `${path} (${problem})`).join(', ');
			throw new Error(`${plural(damaged.length, 'file')} damaged: ${named}.`);
		});
	}

	/** Makes the damaged files of a model again, and only those. */
	repair(model: string, source: RepairSource): Promise<boolean> {
		return this.run(`Repairing ${model}`, model, async (job) => {
			const repaired = await this.client.repair({ name: model, source }, jobControl(job));
			this.#mark(model, false);
			return repaired.length === 0 ? 'No file is damaged.' : `Made again: ${repaired.join(', ')}.`;
		});
	}

	#mark(model: string, damaged: boolean): void {
		const others = this.damaged.filter((name) => name !== model);
		this.damaged = damaged ? [...others, model] : others;
	}

	forget(job: Job): void {
		this.jobs = this.jobs.filter((other) => other !== job);
	}

	async delete(model: string): Promise<void> {
		try {
			await deleteStoredModel(model);
			this.error = undefined;
		} catch (error) {
			this.error = sentence(error);
			return;
		}
		this.jobs = this.jobs.filter((job) => job.model !== model);
		this.#mark(model, false);
		await this.refresh();
		await this.#parts.onChange();
	}

	/** Asks the browser not to clear the models on its own. */
	async keep(): Promise<void> {
		if (!(await keepStorage()))
			this.error =
				'The browser did not agree to keep the models; it may after this page has been used more, or is bookmarked.';
		await this.refresh();
	}
}

/** The work goes on while other pages are looked at. */
export const getLibrary = pageState(
	({ session }) => new Library({ client: new ConvertClient(), onChange: () => session.models.relist() })
);
