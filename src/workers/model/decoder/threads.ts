import type { KernelThread, ThreadSetup } from './kernels.ts';

/** Starts a thread below the model's worker. @throws Error when it cannot be */
export function startKernelThread(setup: ThreadSetup): Promise<KernelThread> {
	const worker = new Worker(new URL('./thread.worker.ts', import.meta.url), {
		type: 'module',
		name: 'decoder-thread'
	});
	return new Promise((resolve, reject) => {
		worker.addEventListener('message', () => resolve({ end: () => worker.terminate() }), { once: true });
		worker.addEventListener('error', ({ message }) => {
			worker.terminate();
			reject(new Error(`A thread of the decoder could not be started: ${message}`));
		});
		worker.postMessage(setup);
	});
}
