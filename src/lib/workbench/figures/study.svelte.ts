import { Lru } from '../../bytes/lru.ts';
import type { Control, Progress } from '../../study/control.ts';
import { sentence } from '../../bytes/sentence.ts';

export type StudyStatus = 'idle' | 'running' | 'done' | 'stopped' | 'failed';

/** Something like the value that is there sooner. */
export interface FirstLook<T> {
	/** Names it among the results, as `run`'s key does. */
	readonly key: string;
	readonly compute: (control: Control) => Promise<T>;
}

/**
 * One computation that a page shows, made again whenever its key changes. Results are kept by key, so that going back is a re-draw;
 * the value of the key before stays until the new one is there (`value` with `stale` true), so that nothing jumps.
 */
export class Study<T> {
	status = $state<StudyStatus>('idle');
	progress = $state.raw<Progress | undefined>();
	value = $state.raw<T | undefined>();
	/** Key of `value`. */
	valueKey = $state.raw<string | undefined>();
	/** Key asked for last. */
	key = $state.raw<string | undefined>();
	error = $state.raw<string | undefined>();
	/** Milliseconds the value took. */
	took = $state.raw<number | undefined>();

	/** Key that `value` is a first look for. */
	#lookFor = $state.raw<string | undefined>();

	readonly #kept: Lru<string, { readonly value: T; readonly took: number }>;
	#abort: AbortController | undefined;

	/** @param limit results kept, the oldest go first */
	constructor(limit = 24) {
		this.#kept = new Lru(limit);
	}

	/** `value` belongs to an earlier key. */
	get stale(): boolean {
		return this.value !== undefined && !this.isOf(this.key);
	}

	/** `value` is a first look. */
	get isFirstLook(): boolean {
		return this.#lookFor !== undefined;
	}

	/** Whether `value` is what `key` names, or a first look at it. */
	isOf(key: string | undefined): boolean {
		return this.valueKey === key || (this.#lookFor !== undefined && this.#lookFor === key);
	}

	/**
	 * Shows the result for `key`: the kept one, or what `compute` gives. A computation for another key is stopped.
	 * @param first computed and shown before, where the result is not there
	 * @returns the result; undefined when it was stopped or failed (`error` says why)
	 */
	async run(
		key: string,
		compute: (control: Control) => Promise<T>,
		first?: FirstLook<T>
	): Promise<T | undefined> {
		const kept = this.#kept.get(key);
		if (kept) {
			this.#abort?.abort();
			this.#abort = undefined;
			this.show(key, kept.value, kept.took);
			return kept.value;
		}
		if (this.key === key && this.status === 'running' && !this.#abort?.signal.aborted) return undefined;
		this.#abort?.abort();
		const abort = new AbortController();
		this.#abort = abort;
		this.key = key;
		this.status = 'running';
		this.progress = undefined;
		this.error = undefined;
		let started = performance.now();
		try {
			const control: Control = {
				signal: abort.signal,
				onProgress: (progress) => {
					if (this.#abort === abort) this.progress = progress;
				}
			};
			if (first) {
				const look = this.#kept.get(first.key)?.value ?? (await first.compute(control));
				if (this.#abort !== abort) return undefined;
				this.value = look;
				this.valueKey = first.key;
				this.#lookFor = key;
				started = performance.now();
			}
			const value = await compute(control);
			if (this.#abort !== abort) return undefined;
			const took = performance.now() - started;
			this.show(key, value, took);
			return value;
		} catch (error) {
			if (this.#abort !== abort) return undefined;
			this.status = abort.signal.aborted ? 'stopped' : 'failed';
			this.error = abort.signal.aborted ? undefined : sentence(error);
			return undefined;
		} finally {
			if (this.#abort === abort) this.#abort = undefined;
		}
	}

	/** Stops the computation in work; the value shown stays. */
	cancel(): void {
		this.#abort?.abort();
	}

	/** Forgets everything, e.g. when another model is loaded. */
	clear(): void {
		this.#abort?.abort();
		this.#abort = undefined;
		this.#kept.clear();
		this.status = 'idle';
		this.#lookFor = undefined;
		this.key = this.valueKey = this.value = this.progress = this.error = this.took = undefined;
	}

	/** Shows a result that was computed before, or elsewhere. @param took milliseconds */
	show(key: string, value: T, took: number): void {
		this.#kept.set(key, { value, took });
		this.key = key;
		this.valueKey = key;
		this.#lookFor = undefined;
		this.value = value;
		this.took = took;
		this.status = 'done';
		this.progress = undefined;
		this.error = undefined;
	}
}
