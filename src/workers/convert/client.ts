import { proxy, wrap, type Remote } from 'comlink';
import type { ModelManifest } from '../../lib/model/manifest.ts';
import type { ModelLocation } from '../../lib/browser/model-source.ts';
import type {
	CheckpointInput,
	CheckpointSummary,
	ConvertRequest,
	ConvertResult,
	ConvertWorkerApi,
	DamagedFile,
	JobProgress,
	RepairSource,
	SelfTestRow
} from './api.ts';
import { revive } from '../revive.ts';
import { watchWorker } from '../worker-life.ts';

export interface JobOptions {
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: JobProgress) => void;
}

/**
 * The page's side of the conversion worker. Each job has a worker of its own, which ends with it, so that several can be in
 * work and none keeps memory. Aborting lets a worker end its file tidily; one that does not answer is ended.
 */
export class ConvertClient {
	readonly #startWorker: () => Worker;

	/** @param startWorker For tests; `convert.worker.ts` otherwise. */
	constructor(startWorker = startConvertWorker) {
		this.#startWorker = startWorker;
	}

	/** What a checkpoint would become. @throws InputError when it cannot be converted */
	inspect(input: CheckpointInput): Promise<CheckpointSummary> {
		return this.#job({}, (api) => api.inspect(input));
	}

	/** @throws InputError when it cannot be done; AbortError when aborted. What was finished is gone on with the next time. */
	convert(request: ConvertRequest, options: JobOptions = {}): Promise<ConvertResult> {
		return this.#job(options, (api, report) => api.convert(request, report));
	}

	/** @throws as `convert` */
	download(
		request: { readonly url: string; readonly name: string },
		options: JobOptions = {}
	): Promise<ModelManifest> {
		return this.#job(options, (api, report) => api.download(request, report));
	}

	/** Files of a stored model that are not what its manifest says. @throws as `convert` */
	verify(name: string, options: JobOptions = {}): Promise<readonly DamagedFile[]> {
		return this.#job(options, (api, report) => api.verify(name, report));
	}

	/** Makes the damaged files of a stored model again. @returns their paths @throws as `convert` */
	repair(name: string, source: RepairSource, options: JobOptions = {}): Promise<readonly string[]> {
		return this.#job(options, (api, report) => api.repair(name, source, report));
	}

	/** Every sub-model on WebGPU against WASM. @throws as `convert` */
	selfTest(location: ModelLocation, options: JobOptions = {}): Promise<readonly SelfTestRow[]> {
		return this.#job(options, (api, report) => api.selfTest(location, report));
	}

	async #job<T>(
		{ signal, onProgress }: JobOptions,
		work: (api: Remote<ConvertWorkerApi>, report: (progress: JobProgress) => void) => Promise<T>
	): Promise<T> {
		signal?.throwIfAborted();
		const worker = this.#startWorker();
		const api = wrap<ConvertWorkerApi>(worker);
		const { promise: gone, reject } = Promise.withResolvers<never>();
		gone.catch(() => undefined);
		const { forget } = watchWorker(
			worker,
			(lock) => api.watch(lock),
			{ who: 'The converter', notStarted: '' },
			(why) => reject(new Error(`${why}; what was finished is kept, start it again to go on.`))
		);
		const cancel = () => {
			void api.cancel().catch(() => undefined);
			setTimeout(() => worker.terminate(), CANCEL_PATIENCE_MS);
		};
		signal?.addEventListener('abort', cancel, { once: true });
		try {
			const report = proxy((progress: JobProgress) => onProgress?.(progress));
			return await Promise.race([work(api, report), gone]);
		} catch (thrown) {
			if (signal?.aborted) throw signal.reason;
			throw revive(thrown);
		} finally {
			signal?.removeEventListener('abort', cancel);
			forget();
			worker.terminate();
		}
	}
}

const CANCEL_PATIENCE_MS = 5000;

function startConvertWorker(): Worker {
	return new Worker(new URL('./entry.worker.ts', import.meta.url), { type: 'module', name: 'convert' });
}
