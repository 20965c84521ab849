import { Worker } from 'node:worker_threads';
import type { KernelThread, ThreadSetup } from '../../src/lib/model/decoder/kernels.ts';

/** What `thread.worker.ts` does, where Node has no workers of the web. */
const thread = `
const { parentPort } = require('node:worker_threads');
parentPort.once('message', async ({ module, memory, serve, failed, arrived }) => {
	const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
	parentPort.postMessage('ready');
	try {
		exports.serve(...serve);
	} catch (error) {
		const words = new Int32Array(memory.buffer);
		Atomics.store(words, failed, 1);
		Atomics.notify(words, arrived);
		throw error;
	}
});
`;

/** A thread of the decoder's kernels, in Node. @param onWorker is given what it is */
export function startNodeThread(
	setup: ThreadSetup,
	failed: () => void,
	onWorker: (worker: Worker) => void = () => undefined
): Promise<KernelThread> {
	const worker = new Worker(thread, { eval: true });
	onWorker(worker);
	return new Promise((resolve, reject) => {
		worker.once('message', () => resolve({ end: () => void worker.terminate() }));
		worker.once('error', (error: Error) => {
			failed();
			reject(error);
		});
		worker.postMessage(setup);
	});
}
