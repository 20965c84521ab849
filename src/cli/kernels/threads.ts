import { Worker } from 'node:worker_threads';
import type { KernelThread, ThreadSetup } from '../../lib/model/decoder/kernels.ts';

/**
 * Starts a thread of the decoder's kernels. It waits for work without keeping the process, which ends as if it were not there.
 * @param failed called when it ends by itself later
 * @param onWorker is given what it is
 * @throws Error when it cannot be started
 */
export function startKernelThread(
	setup: ThreadSetup,
	failed: () => void,
	onWorker: (worker: Worker) => void = () => undefined
): Promise<KernelThread> {
	const source = import.meta.url.endsWith('.ts');
	const url = new URL(source ? './worker.ts' : './kernel-worker.js', import.meta.url);
	return new Promise((resolve, reject) => {
		const refuse = (reason: string) => {
			failed();
			reject(new Error(`A thread of the decoder could not be started: ${reason}`));
		};
		const worker = new Worker(url, { workerData: setup });
		onWorker(worker);
		worker.once('message', () => {
			worker.unref();
			resolve({ end: () => void worker.terminate() });
		});
		worker.on('error', (error) => refuse(error instanceof Error ? error.message : String(error)));
		worker.once('exit', () => refuse('it has ended.'));
	});
}
