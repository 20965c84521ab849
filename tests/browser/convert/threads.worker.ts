import { expose } from 'comlink';
import type { ThreadChoice } from '../../../src/workers/convert/threads.ts';
import { ConvertWorker } from '../../../src/workers/convert/worker.ts';

/** What a test does to a thread: ends it without a word, or has an error of its own thrown in it. */
export type ToThreads =
	| { readonly end: number }
	| { readonly fail: number }
	/** The storage is full for each thread after so many bytes. Sent before the work begins. */
	| { readonly room: number };

/** The conversion worker with three threads, however small the checkpoint, which a test can harm. */
const threads: Worker[] = [];
let room: number | undefined;
const choice: ThreadChoice = {
	count: () => 3,
	start() {
		const thread = new Worker(new URL('./harmed-thread.worker.ts', import.meta.url), { type: 'module' });
		if (room !== undefined) thread.postMessage({ kind: 'room', room });
		threads.push(thread);
		return thread;
	}
};

addEventListener('message', ({ data }: MessageEvent<ToThreads | { readonly type: string }>) => {
	if ('room' in data) room = data.room;
	if ('end' in data) threads[data.end]!.postMessage({ kind: 'end' });
	if ('fail' in data) threads[data.fail]!.postMessage({ kind: 'fail' });
});

expose(new ConvertWorker(choice));
