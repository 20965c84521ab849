import type { LocalityMaps } from '../../lib/model/probes/locality.ts';
import { HoneybeeModel } from '../../lib/model/runtime/model.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import type {
	AnswerEvent,
	AnswerProbe,
	AnswerRequest,
	AnswerScores,
	Influence,
	LensGrid,
	LensRequest,
	LoadProgress,
	LocalityRequest,
	Trace,
	TraceRequest
} from '../../lib/model/runtime/types.ts';
import { InputError } from '../../lib/tensor/errors.ts';
import type {
	CallId,
	HoneybeeWorkerApi,
	InfluenceRequest,
	LoadedModel,
	LoadRequest,
	OnProbeProgress,
	WorkerFailure
} from './api.ts';
import { chooseBackend } from './choose-backend.ts';
import { decodeImage } from '../../lib/browser/decode-image.ts';
import { openModelSource } from '../../lib/browser/model-source.ts';
import { holdForLife } from '../../lib/browser/locks.ts';

/** The model worker: holds one model and does one thing at a time. */
export class HoneybeeWorker implements HoneybeeWorkerApi {
	#model: HoneybeeModel | undefined;
	#running = new Map<CallId, AbortController>();
	#onFailure: (failure: WorkerFailure) => void = () => undefined;
	/** Set once the device is lost or has reported an error; nothing that was computed from then on is handed out. */
	#failure: WorkerFailure | undefined;

	async watch(lock: string, onFailure: (failure: WorkerFailure) => void): Promise<void> {
		this.#onFailure = (failure) => {
			this.#failure ??= failure;
			onFailure(failure);
		};
		await holdForLife(lock);
	}

	async load(request: LoadRequest, onProgress: (progress: LoadProgress) => void): Promise<LoadedModel> {
		const started = performance.now();
		await this.dispose();
		if (!globalThis.crypto?.subtle)
			throw new InputError(
				'The browser lets only secure pages check and run a model; open this page by https or on localhost.'
			);
		onProgress({ stage: 'manifest', what: 'honeybee.json', loaded: 0, total: 0 });
		const folder = await openModelFolder(await openModelSource(request.location));
		const backend = await chooseBackend(request, folder.manifest, {
			onFailure: (failure) => this.#onFailure(failure),
			onSelfTest: () => onProgress({ stage: 'self-test', what: 'WebGPU', loaded: 0, total: 0 })
		});
		try {
			this.#model = await HoneybeeModel.load({
				backend,
				folder,
				decodeImage,
				...(request.projector !== undefined && { projector: request.projector }),
				onProgress
			});
		} catch (error) {
			await backend.dispose();
			throw error;
		}
		return {
			manifest: folder.manifest,
			backend: backend.info,
			load_ms: performance.now() - started
		};
	}

	async answer(call: CallId, request: AnswerRequest, onEvent: (event: AnswerEvent) => void): Promise<void> {
		const model = this.#loaded();
		await this.#abortable(call, async (signal) => {
			for await (const event of model.answer(request, { signal })) onEvent(this.#sound(event));
		});
	}

	async trace(call: CallId, request: TraceRequest): Promise<Trace> {
		return this.#abortable(call, (signal) => this.#loaded().trace(request, { signal }));
	}

	async locality(call: CallId, request: LocalityRequest, onProgress: OnProbeProgress): Promise<LocalityMaps> {
		return this.#abortable(call, (signal) => this.#loaded().locality(request, { signal, onProgress }));
	}

	async score(call: CallId, request: AnswerProbe): Promise<AnswerScores> {
		return this.#abortable(call, (signal) => this.#loaded().score(request, { signal }));
	}

	async influence(call: CallId, request: InfluenceRequest, onProgress: OnProbeProgress): Promise<Influence> {
		return this.#abortable(call, (signal) => this.#loaded().influence(request, { signal, onProgress }));
	}

	async lens(call: CallId, request: LensRequest, onProgress: OnProbeProgress): Promise<LensGrid> {
		return this.#abortable(call, (signal) => this.#loaded().lens(request, { signal, onProgress }));
	}

	async cancel(call?: CallId): Promise<void> {
		for (const [id, abort] of this.#running) if (call === undefined || id === call) abort.abort();
	}

	async dispose(): Promise<void> {
		await this.cancel();
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
		if (this.#failure) throw new Error(this.#failure.message);
		return result;
	}

	#loaded(): HoneybeeModel {
		if (!this.#model) throw new InputError('No model is loaded; load one first.');
		return this.#model;
	}
}
