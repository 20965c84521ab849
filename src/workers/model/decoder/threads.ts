import type { KernelThread, ThreadSetup } from '../../../lib/model/decoder/kernels.ts';

/** Starts a thread below the model's worker. @param failed called when it ends by an error later @throws Error when it cannot be started */
export function startKernelThread(setup: ThreadSetup, failed: () => void): Promise<KernelThread> {
	const worker = new Worker(new URL('./thread.worker.ts', import.meta.url), {
		type: 'module',
		name: 'decoder-thread'
	});
	return new Promise((resolve, reject) => {
		worker.addEventListener('message', () => resolve({ end: () => worker.terminate() }), { once: true });
		worker.addEventListener('error', (event) => {
			event.preventDefault();
			worker.terminate();
			failed();
			reject(new Error(`A thread of the decoder could not be started: ${event.message}`));
		});
		worker.postMessage(setup);
	});
}
