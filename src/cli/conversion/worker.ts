/** Runs in a thread of its own, started by `threads.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveThread } from '../../lib/model/convert/thread-work.ts';
import { sha256 } from '../io/hash.ts';
import { openFolderSink } from '../io/sink.ts';
import { openCheckpointAt } from './input.ts';
import type { ThreadSetup } from './threads.ts';

const { location, sink, ...choices } = workerData as ThreadSetup;

const take = serveThread({
	choices,
	open: async () => ({
		...(await openCheckpointAt(location, { blocking: true })),
		sink: await openFolderSink(sink, { blocking: true })
	}),
	createHash: sha256,
	answer: (message) => parentPort!.postMessage(message)
});
parentPort?.on('message', take);
