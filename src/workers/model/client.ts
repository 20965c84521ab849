import { proxy, wrap, type Remote } from 'comlink';
import { BackendError } from '../../lib/model/runtime/backend.ts';
import type { AnswerEvent, AnswerRequest } from '../../lib/model/runtime/types.ts';
import type { Answerer, ProbeName, ProbeRequest, ProbeResult } from '../../lib/study/answerer.ts';
import type { Control, Progress } from '../../lib/study/control.ts';
import { ProbeMethods } from '../../lib/study/probe-methods.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import { revive } from '../revive.ts';
import { watchWorker } from '../worker-life.ts';
import type { CallId, LoadedModel, LoadRequest, WorkerState } from './api.ts';
import { EventQueue } from './event-queue.ts';
import type { ModelWorker } from './worker.ts';

const words = { who: "The model's worker", notStarted: '; reload the page' };

type Listener = (state: WorkerState) => void;
type FailureReason = Extract<WorkerState, { status: 'failed' }>['reason'];

/** A worker and everything that ends with it. */
interface Running {
	readonly worker: Worker;
	readonly api: Remote<ModelWorker>;
	/** Rejects when the worker is gone; every call is raced against it, so that none waits for ever. */
	readonly gone: Promise<never>;
	readonly end: (error: Error) => void;
	/** Settles once the worker answers and is watched. */
	readonly started: Promise<void>;
}

/**
 * The page's side of the model worker, and the only place that starts one. The worker is started at the first `load`;
 * each load has a fresh one, because WebAssembly memory is never given back.
 */
export class ModelClient extends ProbeMethods implements Answerer {
	#state: WorkerState = { status: 'idle' };
	readonly #listeners = new Set<Listener>();
	#running: Running | undefined;
	#request: LoadRequest | undefined;
	readonly #startWorker: () => Worker;
	#nextCall: CallId = 1;

	/** @param startWorker For tests; `entry.worker.ts` otherwise. */
	constructor(startWorker = startModelWorker) {
		super();
		this.#startWorker = startWorker;
	}

	get state(): WorkerState {
		return this.#state;
	}

	/** Calls back at every change of `state`; returns the function that ends it. */
	subscribe(listener: Listener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** Loads a model; the one before it is dropped. @throws InputError when the model folder cannot be used. */
	async load(request: LoadRequest): Promise<LoadedModel> {
		this.#request = request;
		this.#stop('Another model is being loaded.');
		this.#set({ status: 'loading', progress: { stage: 'manifest', what: 'worker', loaded: 0, total: 0 } });
		const running = this.#start();
		try {
			const loading = running.started.then(() =>
				running.api.load(
					request,
					proxy((progress) => {
						if (this.#running === running && this.#state.status === 'loading')
							this.#set({ status: 'loading', progress });
					})
				)
			);
			const model = await Promise.race([loading, running.gone]);
			this.#set({ status: 'ready', model });
			return model;
		} catch (thrown) {
			const error = revive(thrown);
			if (this.#running === running)
				this.#fail(error instanceof InputError ? 'input' : 'load', error.message);
			throw error;
		}
	}

	/**
	 * Events of one answer, the last of them `done`. Leaving the loop early, or aborting, stops generation at the next
	 * token. @throws InputError for a request that cannot be answered; BackendError when what computes has failed: the worker
	 * was given up then and `state` is `failed`. After any other error the model is as usable as before.
	 */
	async *answer(request: AnswerRequest, { signal }: Control = {}): AsyncGenerator<AnswerEvent, void, void> {
		const running = this.#ready();
		const events = new EventQueue<AnswerEvent>();
		const call = this.#nextCall++;
		const cancel = () => void running.api.cancel(call).catch(() => undefined);
		signal?.addEventListener('abort', cancel, { once: true });
		let finished = false;
		try {
			running.gone.catch((error: Error) => events.fail(error));
			running.api
				.answer(
					call,
					request,
					proxy((event) => events.push(event))
				)
				.catch((error: unknown) => events.fail(revive(error)));
			if (signal?.aborted) cancel();
			while (!finished) {
				const event = await events.next();
				finished = event.type === 'done';
				yield event;
			}
		} catch (thrown) {
			finished = true;
			throw this.#judge(running, thrown);
		} finally {
			signal?.removeEventListener('abort', cancel);
			if (!finished) cancel();
		}
	}

	/** One probe by its name, as its method does it. @throws the signal's reason when aborted, else as `answer`. */
	async probe<N extends ProbeName>(
		name: N,
		request: ProbeRequest[N],
		{ signal, onProgress }: Control = {}
	): Promise<ProbeResult[N]> {
		const running = this.#ready();
		signal?.throwIfAborted();
		const call = this.#nextCall++;
		const cancel = () => void running.api.cancel(call).catch(() => undefined);
		signal?.addEventListener('abort', cancel, { once: true });
		const report = proxy((progress: Progress) => onProgress?.(progress));
		try {
			const result = await Promise.race([running.api.probe(call, name, request, report), running.gone]);
			// Comlink's types do not know that the result goes with the name.
			return result as ProbeResult[N];
		} catch (thrown) {
			const error = this.#judge(running, thrown);
			throw signal?.aborted ? signal.reason : error;
		} finally {
			signal?.removeEventListener('abort', cancel);
		}
	}

	/** Ends the worker, starts a new one and loads the last requested model again. */
	async restart(): Promise<LoadedModel | undefined> {
		if (this.#request) return this.load(this.#request);
		this.#stop('The model was restarted.');
		this.#set({ status: 'idle' });
		return undefined;
	}

	/** Ends the worker; a later `load` starts a new one. */
	dispose(): void {
		this.#stop('The model was unloaded.');
		this.#set({ status: 'idle' });
	}

	#start(): Running {
		const worker = this.#startWorker();
		const api = wrap<ModelWorker>(worker);
		const { promise: gone, reject: end } = Promise.withResolvers<never>();
		gone.catch(() => undefined);
		const started = this.#watch(worker, api);
		const running: Running = { worker, api, gone, end, started };
		this.#running = running;
		return running;
	}

	/** Reports the end of this worker, in whatever way it comes. @returns settles once the worker answers and is watched */
	#watch(worker: Worker, api: Remote<ModelWorker>): Promise<void> {
		const crashed = (message: string, reason: FailureReason = 'crash') => {
			if (this.#running?.worker === worker) this.#fail(reason, message);
		};
		const watch = (lock: string) =>
			api.watch(
				lock,
				proxy(({ message, reason }) => crashed(message, reason))
			);
		return watchWorker(worker, watch, words, (why) => crashed(`${why}.`)).started;
	}

	#ready(): Running {
		if (this.#state.status === 'ready' && this.#running) return this.#running;
		if (this.#state.status === 'failed') throw new Error(this.#state.message);
		throw new Error('No model is loaded yet; wait until it is ready.');
	}

	/** After a failure of what computes the worker is not trusted any more; any other error leaves the model as it was. */
	#judge(running: Running, thrown: unknown): Error {
		const error = revive(thrown);
		if (error instanceof BackendError && this.#running === running) this.#fail('crash', error.message);
		return error;
	}

	#fail(reason: FailureReason, message: string): void {
		this.#stop(message);
		this.#set({ status: 'failed', reason, message });
	}

	#stop(message: string): void {
		const running = this.#running;
		this.#running = undefined;
		running?.worker.terminate();
		running?.end(new Error(message));
	}

	#set(state: WorkerState): void {
		this.#state = state;
		for (const listener of [...this.#listeners]) listener(state);
	}
}

function startModelWorker(): Worker {
	return new Worker(new URL('./entry.worker.ts', import.meta.url), { type: 'module', name: 'honeybee' });
}
