import { Worker } from 'node:worker_threads';
import type { KernelThread, ThreadSetup } from '../../src/workers/model/decoder/kernels.ts';

/** What `thread.worker.ts` does, where Node has no workers of the web. */
const thread = `
const { parentPort } = require('node:worker_threads');
parentPort.once('message', async ({ module, memory, serve }) => {
	const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
	parentPort.postMessage('ready');
	exports.serve(...serve);
});
`;

/** A thread of the decoder's kernels, in Node. */
export function startNodeThread(setup: ThreadSetup): Promise<KernelThread> {
	const worker = new Worker(thread, { eval: true });
	return new Promise((resolve, reject) => {
		worker.once('message', () => resolve({ end: () => void worker.terminate() }));
		worker.once('error', reject);
		worker.postMessage(setup);
	});
}
