import { sha256Hasher } from '../../lib/kernels/sha256.ts';
import { serveThread, type ThreadFolders } from '../../lib/model/convert/thread-work.ts';
import type { ThreadTask } from '../../lib/model/convert/thread-messages.ts';
import { openModelFolder } from '../../lib/model/runtime/model-folder.ts';
import { inputFolder, openInput } from './checkpoint-input.ts';
import type { FromThread, ThreadSetup, ToThread } from './threads.ts';
import { holdAsThread } from '../../lib/browser/model-locks.ts';
import { opfsDirectory, opfsSink, OPFS_MODELS } from '../../lib/browser/opfs.ts';
import { repairSink } from './repair.ts';
import { holdForLife } from '../../lib/browser/locks.ts';

/** Makes this worker a thread of a conversion, as `openConversionThreads` starts it. */
export function serveConversion(): void {
	const answer = (message: FromThread) => postMessage(message);
	let take: ((task: ThreadTask) => void) | undefined;
	addEventListener('message', ({ data }: MessageEvent<ToThread>) => {
		if ('kind' in data) {
			take?.(data);
			return;
		}
		const { setup, lock } = data;
		take = serveThread({ choices: setup, open: () => open(setup), createHash: sha256Hasher, answer });
		holdForLife(lock).then(() => answer({ watched: true }), reportError);
	});
}

async function open({ checkpoint: input, model, repair }: ThreadSetup): Promise<ThreadFolders> {
	await holdAsThread(model);
	const { checkpoint, resolve } = await openInput(await inputFolder(input));
	const sink = opfsSink(model, (await opfsDirectory([OPFS_MODELS, model]))!);
	if (!repair) return { checkpoint, resolve, sink };
	const { manifest } = await openModelFolder(sink.folder);
	return { checkpoint, resolve, sink: repairSink(sink, manifest, repair, checkpoint) };
}
