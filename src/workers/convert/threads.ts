import type { ThreadAnswer, ThreadTask } from '../../lib/model/convert/thread-messages.ts';
import {
	startThreads,
	threadCount,
	WORTH_THREADS,
	type ThreadPool
} from '../../lib/model/convert/thread-pool.ts';
import type { PlanChoices } from '../../lib/model/convert/thread-work.ts';
import type { CheckpointInput } from './api.ts';
import { watchWorker } from '../worker-life.ts';

/** What a thread needs to make the plan of the conversion. */
export interface ThreadSetup extends PlanChoices {
	/** Can be opened as it is: no compressed archive. */
	readonly checkpoint: CheckpointInput;
	/** The model in the browser's storage that is written. */
	readonly model: string;
	/** Files that are made again; nothing else is written then. */
	readonly repair?: ReadonlySet<string>;
}

/** First the setup with a lock to hold for life, then tasks. */
export type ToThread = { readonly setup: ThreadSetup; readonly lock: string } | ThreadTask;
export type FromThread = { readonly watched: true } | ThreadAnswer;

/** How a conversion gets its threads. */
export interface ThreadChoice {
	/** @param size bytes of weights @returns how many threads share the work; 0 for none but the conversion's own */
	count(size: number): number;
	start(): Worker;
}

export const usualThreads: ThreadChoice = {
	count: (size) => (size < WORTH_THREADS ? 0 : threadCount(navigator.hardwareConcurrency)),
	start: () =>
		new Worker(new URL('./thread.worker.ts', import.meta.url), {
			type: 'module',
			name: 'conversion-thread'
		})
};

/** Starts threads for a conversion, below its worker; `close` ends them, as the end of that worker does. */
export function openConversionThreads(
	count: number,
	start: ThreadChoice['start'],
	setup: ThreadSetup
): ThreadPool {
	return startThreads(count, ({ ready, answered, ended }) => {
		const worker = start();
		const post = (message: ToThread) => worker.postMessage(message);
		const watched = Promise.withResolvers<void>();
		worker.addEventListener('message', ({ data }: MessageEvent<FromThread>) =>
			'watched' in data ? watched.resolve() : answered(data)
		);
		const { started, forget } = watchWorker(
			worker,
			(lock) => {
				post({ setup, lock });
				return watched.promise;
			},
			{ who: 'A thread of the conversion', notStarted: '' },
			(why) => ended(new Error(`${why}; what was finished is kept, start it again to go on.`))
		);
		void started.then(ready, () => undefined);
		return {
			post,
			close() {
				forget();
				worker.terminate();
			}
		};
	});
}
