import { proxy, wrap } from 'comlink';
import type { Control } from '../../lib/study/control.ts';
import { revive } from '../revive.ts';
import { watchWorker } from '../worker-life.ts';
import type { JobProgress } from './api.ts';
import type { ConvertWorker } from './worker.ts';

/** Methods of the worker that are jobs. */
type JobName = Exclude<keyof ConvertWorker, 'watch' | 'cancel'>;
type JobRequest = { readonly [N in JobName]: Parameters<ConvertWorker[N]>[0] };
type JobResult = { readonly [N in JobName]: Awaited<ReturnType<ConvertWorker[N]>> };
type Jobs = {
	[N in JobName]: (
		request: JobRequest[N],
		onProgress: (progress: JobProgress) => void
	) => Promise<JobResult[N]>;
};

/** How a job is followed and stopped. */
export interface JobControl extends Pick<Control, 'signal'> {
	readonly onProgress?: (progress: JobProgress) => void;
}

/**
 * The page's side of the conversion worker. Each job has a worker of its own, which ends with it, so that several can be in
 * work and none keeps memory. Aborting lets a worker end its file tidily; one that does not answer is ended.
 * What each job does, and what it throws, stands at the method of `ConvertWorker`; aborted, it rejects with the signal's reason.
 */
export class ConvertClient {
	readonly #startWorker: () => Worker;

	readonly inspect = this.#job('inspect');
	readonly convert = this.#job('convert');
	readonly download = this.#job('download');
	readonly verify = this.#job('verify');
	readonly repair = this.#job('repair');
	readonly selfCheck = this.#job('selfCheck');

	/** @param startWorker For tests; `entry.worker.ts` otherwise. */
	constructor(startWorker = startConvertWorker) {
		this.#startWorker = startWorker;
	}

	#job<N extends JobName>(name: N): (request: JobRequest[N], control?: JobControl) => Promise<JobResult[N]> {
		return (request, control) => this.#run(name, request, control);
	}

	async #run<N extends JobName>(
		name: N,
		request: JobRequest[N],
		{ signal, onProgress }: JobControl = {}
	): Promise<JobResult[N]> {
		signal?.throwIfAborted();
		const worker = this.#startWorker();
		const api = wrap<ConvertWorker>(worker);
		const jobs: Jobs = api;
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
			return await Promise.race([jobs[name](request, report), gone]);
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
