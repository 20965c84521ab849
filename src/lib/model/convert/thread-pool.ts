import { errorOf } from '../../tensor/thread-failure.ts';
import type { ThreadAnswer, ThreadTask } from './thread-messages.ts';
import type { ConversionThreads } from './threads.ts';

/** Bytes of a checkpoint from which starting threads takes less time than they save. */
export const WORTH_THREADS = 64e6;

/** More threads would make the memory, of a tensor each, more than the time is worth. */
const MOST_THREADS = 4;

/** Threads for a machine: as many as it has cores. One more makes the same plan once more, which takes more than is gained while another waits for the disk. */
export function threadCount(cores: number): number {
	return Math.min(MOST_THREADS, cores);
}

/** A thread that was started, whatever it is made of; `serveThread` answers at its other end. */
export interface ThreadPort {
	post(task: ThreadTask): void;
	close(): void | Promise<void>;
}

/** What a thread that was started tells. */
export interface ThreadEvents {
	/** It takes tasks, and its end would be noticed. */
	readonly ready: () => void;
	readonly answered: (answer: ThreadAnswer) => void;
	/** It answers no more. */
	readonly ended: (error: Error) => void;
}

export type StartThread = (events: ThreadEvents) => ThreadPort;

/** One thread, which does one thing at a time. */
class Thread {
	readonly #port: ThreadPort;
	#task:
		| {
				readonly onBytes: (bytes: number) => void;
				readonly resolve: (digest: string) => void;
				readonly reject: (error: unknown) => void;
				/** What `onBytes` threw: the reason why the work ends. */
				reason?: unknown;
		  }
		| undefined;
	#gone: Error | undefined;

	constructor(start: StartThread, ready: (thread: Thread) => void, ended: (error: Error) => void) {
		this.#port = start({
			ready: () => ready(this),
			answered: (answer) => this.#settle(answer),
			ended: (error) => {
				this.#end(error);
				ended(error);
			}
		});
	}

	run(task: ThreadTask, onBytes: (bytes: number) => void): Promise<string> {
		return new Promise((resolve, reject) => {
			if (this.#gone) {
				reject(this.#gone);
				return;
			}
			this.#task = { onBytes, resolve, reject };
			this.#port.post(task);
		});
	}

	cancel(): void {
		this.#port.post({ kind: 'cancel' });
	}

	async close(): Promise<void> {
		await this.#port.close();
		this.#end(new Error('The threads of the conversion were ended.'));
	}

	#settle(answer: ThreadAnswer): void {
		const task = this.#task;
		if (!task) return;
		if ('bytes' in answer) {
			if ('reason' in task) return;
			try {
				task.onBytes(answer.bytes);
			} catch (error) {
				// The promise is settled when the thread has cleaned up.
				task.reason = error;
				this.cancel();
			}
			return;
		}
		this.#task = undefined;
		// Work that was finished before it heard is kept.
		if ('sha256' in answer) task.resolve(answer.sha256);
		else if ('reason' in task) task.reject(task.reason);
		else task.reject(errorOf(answer));
	}

	#end(error: Error): void {
		this.#gone ??= error;
		this.#task?.reject(this.#gone);
		this.#task = undefined;
	}
}

export interface ThreadPool extends ConversionThreads {
	/** Ends the threads, whatever they do. */
	close(): Promise<void>;
}

/**
 * Starts threads for a conversion; `close` ends them. Work waits for a thread that is ready and idle. Once one has ended unasked,
 * no more work is taken.
 */
export function startThreads(count: number, start: StartThread): ThreadPool {
	const idle: Thread[] = [];
	let waiting: { readonly take: (thread: Thread) => void; readonly refuse: (error: Error) => void }[] = [];
	let gone: Error | undefined;
	let calls = 0;
	const free = (thread: Thread) => {
		const next = waiting.shift();
		if (next) next.take(thread);
		else idle.push(thread);
	};
	const refuseWaiting = (error: Error) => {
		for (const { refuse } of waiting) refuse(error);
		waiting = [];
	};
	const ended = (error: Error) => {
		gone ??= error;
		refuseWaiting(gone);
	};
	const threads = Array.from({ length: count }, () => new Thread(start, free, ended));
	const run = async (task: (call: number) => ThreadTask, onBytes: (bytes: number) => void) => {
		if (gone) throw gone;
		const thread =
			idle.pop() ?? (await new Promise<Thread>((take, refuse) => waiting.push({ take, refuse })));
		try {
			return await thread.run(task(calls++), onBytes);
		} finally {
			free(thread);
		}
	};
	return {
		count,
		encode: (path, write, onBytes) => run((call) => ({ kind: 'encode', call, path, write }), onBytes),
		hash: (path, onBytes) => run((call) => ({ kind: 'hash', call, path }), onBytes),
		cancel() {
			for (const thread of threads) thread.cancel();
			refuseWaiting(new Error('The conversion was stopped.'));
		},
		async close() {
			ended(new Error('The threads of the conversion were ended.'));
			await Promise.all(threads.map((thread) => thread.close()));
		}
	};
}
