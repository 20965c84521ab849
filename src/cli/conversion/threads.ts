import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ThreadAnswer } from '../../lib/model/convert/thread-messages.ts';
import { startThreads, threadCount, type ThreadPool } from '../../lib/model/convert/thread-pool.ts';
import type { PlanChoices } from '../../lib/model/convert/thread-work.ts';
import type { CheckpointLocation } from './input.ts';

/** What a thread needs to make the plan of the conversion. */
export interface ThreadSetup extends PlanChoices {
	readonly location: CheckpointLocation;
	/** Folder that is written. */
	readonly sink: string;
}

/** Starts threads for a conversion; `close` ends them. */
export function openConversionThreads(
	setup: ThreadSetup,
	count = threadCount(availableParallelism())
): ThreadPool {
	const source = import.meta.url.endsWith('.ts');
	const url = new URL(source ? './worker.ts' : './convert-worker.js', import.meta.url);
	return startThreads(count, ({ ready, answered, ended }) => {
		const worker = new Worker(url, { workerData: setup });
		worker.on('online', ready);
		worker.on('message', (answer: ThreadAnswer) => answered(answer));
		worker.on('error', (error) => ended(error instanceof Error ? error : new Error(String(error))));
		worker.on('exit', () => ended(new Error('A thread of the conversion has ended.')));
		return {
			post: (task) => worker.postMessage(task),
			close: async () => void (await worker.terminate())
		};
	});
}
