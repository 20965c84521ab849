import { holdForLife } from '../../lib/browser/locks.ts';
import { BackendError } from '../../lib/model/runtime/backend.ts';
import type { HoneybeeModel } from '../../lib/model/runtime/model.ts';
import type { AnswerEvent, AnswerRequest, LoadProgress } from '../../lib/model/runtime/types.ts';
import type { ProbeName, ProbeRequest, ProbeResult, Probes } from '../../lib/study/answerer.ts';
import type { Progress } from '../../lib/study/control.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type { CallId, LoadedModel, LoadRequest, WorkerFailure } from './api.ts';
import { openModel } from './open-model.ts';

/**
 * The model worker: holds one model, before which everything waits in the model's own queue. `ModelClient` calls it through comlink;
 * what takes a `call` can be stopped alone by `cancel`.
 */
export class ModelWorker {
	readonly #open: typeof openModel;
	#model: HoneybeeModel | undefined;
	readonly #running = new Map<CallId, AbortController>();
	#onFailure: (failure: WorkerFailure) => void = () => undefined;
	/** Set once the device is lost or has reported an error; nothing that was computed from then on is handed out. */
	#failure: WorkerFailure | undefined;

	/** @param open For tests; other models than the browser's. */
	constructor(open = openModel) {
		this.#open = open;
	}

	/**
	 * Called once at the start. The worker takes the Web Lock `lock` and keeps it as long as it lives, so that its end
	 * is noticed however it comes; `onFailure` reports device loss and GPU errors.
	 */
	async watch(lock: string, onFailure: (failure: WorkerFailure) => void): Promise<void> {
		this.#onFailure = (failure) => {
			this.#failure ??= failure;
			onFailure(failure);
		};
		await holdForLife(lock);
	}

	/** @throws InputError when the model cannot be used here */
	async load(request: LoadRequest, onProgress: (progress: LoadProgress) => void): Promise<LoadedModel> {
		const started = performance.now();
		await this.dispose();
		const onFailure = (failure: WorkerFailure) => this.#onFailure(failure);
		const { model, manifest, backend } = await this.#open(request, { onProgress, onFailure });
		this.#model = model;
		return { manifest, backend, load_ms: performance.now() - started };
	}

	/** Calls back with events in order, the last of them `done`, cancelled or not; rejects when there will be none. */
	async answer(call: CallId, request: AnswerRequest, onEvent: (event: AnswerEvent) => void): Promise<void> {
		await this.#abortable(call, async (signal) => {
			for await (const event of this.#loaded().answer(request, { signal })) onEvent(this.#sound(event));
		});
	}

	/** Runs one probe; rejects with AbortError when it is cancelled. */
	async probe<N extends ProbeName>(
		call: CallId,
		name: N,
		request: ProbeRequest[N],
		onProgress: (progress: Progress) => void
	): Promise<ProbeResult[N]> {
		return this.#abortable(call, (signal) => {
			const model: Probes = this.#loaded();
			return model[name](request, { signal, onProgress });
		});
	}

	/** Stops one call at its next step, or before it has begun. */
	async cancel(call: CallId): Promise<void> {
		this.#running.get(call)?.abort();
	}

	async dispose(): Promise<void> {
		for (const abort of this.#running.values()) abort.abort();
		const model = this.#model;
		this.#model = undefined;
		await model?.dispose();
	}

	/** Work that `cancel` stops. */
	async #abortable<T>(call: CallId, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		const abort = new AbortController();
		this.#running.set(call, abort);
		try {
			return this.#sound(await work(abort.signal));
		} finally {
			this.#running.delete(call);
		}
	}

	/** A result, unless the device failed meanwhile: a kernel that was not run leaves zeros and says nothing. */
	#sound<T>(result: T): T {
		if (this.#failure) throw new BackendError(this.#failure.message);
		return result;
	}

	#loaded(): HoneybeeModel {
		if (!this.#model) throw new InputError('No model is loaded; load one first.');
		return this.#model;
	}
}
