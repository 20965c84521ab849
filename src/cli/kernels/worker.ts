/** A thread of the decoder's kernels, started by `threads.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadSetup } from '../../lib/model/decoder/kernels.ts';
import { serveKernels } from '../../lib/model/decoder/thread.ts';

await serveKernels(workerData as ThreadSetup, () => parentPort!.postMessage('ready'));
