import { proxy, wrap, type Remote } from 'comlink';
import type { Control } from '../../lib/study/control.ts';
import type { LocalityMaps } from '../../lib/model/probes/locality.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type {
	AnswerEvent,
	AnswerProbe,
	AnswerRequest,
	AnswerScores,
	CallId,
	HoneybeeWorkerApi,
	Influence,
	InfluenceRequest,
	LensGrid,
	LensRequest,
	LoadedModel,
	LoadRequest,
	LocalityRequest,
	OnProbeProgress,
	Progress,
	Trace,
	TraceRequest,
	WorkerState
} from './api.ts';
import { EventQueue } from './event-queue.ts';
import { revive } from '../revive.ts';
import { watchWorker } from '../worker-life.ts';

const words = { who: "The model's worker", notStarted: '; reload the page' };

type Listener = (state: WorkerState) => void;
type FailureReason = Extract<WorkerState, { status: 'failed' }>['reason'];

/** A worker and everything that ends with it. */
interface Running {
	readonly worker: Worker;
	readonly api: Remote<HoneybeeWorkerApi>;
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
export class HoneybeeClient {
	#state: WorkerState = { status: 'idle' };
	readonly #listeners = new Set<Listener>();
	#running: Running | undefined;
	#request: LoadRequest | undefined;
	readonly #startWorker: () => Worker;
	#nextCall: CallId = 1;
	readonly #answers = new Set<CallId>();

	/** @param startWorker For tests; `honeybee.worker.ts` otherwise. */
	constructor(startWorker = startHoneybeeWorker) {
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
	 * token. @throws InputError for a request that cannot be answered (the model stays usable); any other error means
	 * that the worker was given up and `state` is `failed`.
	 */
	async *answer(request: AnswerRequest, { signal }: Control = {}): AsyncGenerator<AnswerEvent, void, void> {
		const running = this.#ready();
		const events = new EventQueue<AnswerEvent>();
		const call = this.#nextCall++;
		const cancel = () => void running.api.cancel(call).catch(() => undefined);
		signal?.addEventListener('abort', cancel, { once: true });
		this.#answers.add(call);
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
			this.#answers.delete(call);
			signal?.removeEventListener('abort', cancel);
			if (!finished) cancel();
		}
	}

	/** Activations of one image. @throws AbortError when aborted, else as `answer`. */
	trace(request: TraceRequest, options?: Control): Promise<Trace> {
		return this.#call((api, call) => api.trace(call, request), options);
	}

	/** Locality maps of one image, by output: float32 [token, patch]. @throws AbortError when aborted, else as `answer`. */
	locality(request: LocalityRequest, options?: Control): Promise<LocalityMaps> {
		return this.#call((api, call, report) => api.locality(call, request, report), options);
	}

	/** Forced decoding of an answer, its own or another model's. @throws AbortError when aborted, else as `answer`. */
	score(request: AnswerProbe, options?: Control): Promise<AnswerScores> {
		return this.#call((api, call) => api.score(call, request), options);
	}

	/** How much each visual token bears on each token of an answer. @throws AbortError when aborted, else as `answer`. */
	influence(request: InfluenceRequest, options?: Control): Promise<Influence> {
		return this.#call((api, call, report) => api.influence(call, request, report), options);
	}

	/** Logit lens on the visual tokens. @throws AbortError when aborted, else as `answer`. */
	lens(request: LensRequest, options?: Control): Promise<LensGrid> {
		return this.#call((api, call, report) => api.lens(call, request, report), options);
	}

	/** Stops the answers in work, which then end with `stop_reason: 'cancelled'`; probes have their signals. */
	async cancel(): Promise<void> {
		const running = this.#running;
		if (!running) return;
		const cancelled = [...this.#answers].map((call) => running.api.cancel(call));
		await Promise.race([Promise.all(cancelled), running.gone]).catch(() => undefined);
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

	/** One call of the worker, which ends with the worker and, alone among those in work, with its signal. */
	async #call<T>(
		start: (api: Remote<HoneybeeWorkerApi>, call: CallId, report: OnProbeProgress) => Promise<T>,
		{ signal, onProgress }: Control = {}
	): Promise<T> {
		const running = this.#ready();
		signal?.throwIfAborted();
		const call = this.#nextCall++;
		const cancel = () => void running.api.cancel(call).catch(() => undefined);
		signal?.addEventListener('abort', cancel, { once: true });
		const report = proxy((progress: Progress) => onProgress?.(progress));
		try {
			return await Promise.race([start(running.api, call, report), running.gone]);
		} catch (thrown) {
			if (signal?.aborted) throw signal.reason;
			throw this.#judge(running, thrown);
		} finally {
			signal?.removeEventListener('abort', cancel);
		}
	}

	#start(): Running {
		const worker = this.#startWorker();
		const api = wrap<HoneybeeWorkerApi>(worker);
		const { promise: gone, reject: end } = Promise.withResolvers<never>();
		gone.catch(() => undefined);
		const started = this.#watch(worker, api);
		const running: Running = { worker, api, gone, end, started };
		this.#running = running;
		return running;
	}

	/** Reports the end of this worker, in whatever way it comes. @returns settles once the worker answers and is watched */
	#watch(worker: Worker, api: Remote<HoneybeeWorkerApi>): Promise<void> {
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

	/** An unusable request leaves the model as it was; after any other error the worker is not trusted any more. */
	#judge(running: Running, thrown: unknown): Error {
		const error = revive(thrown);
		if (!(error instanceof InputError) && this.#running === running) this.#fail('crash', error.message);
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

function startHoneybeeWorker(): Worker {
	return new Worker(new URL('./entry.worker.ts', import.meta.url), { type: 'module', name: 'honeybee' });
}

/** A client for the page; nothing is started before its first `load`. */
export function createHoneybeeClient(): HoneybeeClient {
	return new HoneybeeClient();
}
