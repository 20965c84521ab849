import { errorOf } from '../../tensor/thread-failure.ts';
import type { ThreadAnswer, ThreadTask } from './thread-messages.ts';
import type { ConversionThreads } from './threads.ts';

/** Bytes of a checkpoint from which starting threads takes less time than they save. */
export const WORTH_THREADS = 64e6;

/** More threads would make the memory, of a tensor each, more than the time is worth. */
const MOST_THREADS = 4;

/** Threads for a machine: one more than there are cores, as some wait for the disk. */
export function threadCount(cores: number): number {
	return Math.min(MOST_THREADS, cores + 1);
}

/** A thread that was started, whatever it is made of; `serveThread` answers at its other end. */
export interface ThreadPort {
	post(task: ThreadTask): void;
	close(): void | Promise<void>;
}

/**
 * Starts a thread.
 * @param hear is told what it answers
 * @param ended is told once it can answer no more
 */
export type StartThread = (hear: (answer: ThreadAnswer) => void, ended: (error: Error) => void) => ThreadPort;

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

	constructor(start: StartThread) {
		this.#port = start(
			(answer) => this.#hear(answer),
			(error) => this.#end(error)
		);
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

	#hear(answer: ThreadAnswer): void {
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

/** Starts threads for a conversion; `close` ends them. */
export function startThreads(count: number, start: StartThread): ThreadPool {
	const threads = Array.from({ length: count }, () => new Thread(start));
	const idle = [...threads];
	let calls = 0;
	const run = async (task: (call: number) => ThreadTask, onBytes: (bytes: number) => void) => {
		const thread = idle.pop();
		if (!thread) throw new Error(`There are ${count} threads, all at work.`);
		try {
			return await thread.run(task(calls++), onBytes);
		} finally {
			idle.push(thread);
		}
	};
	return {
		count,
		encode: (path, write, onBytes) => run((call) => ({ kind: 'encode', call, path, write }), onBytes),
		hash: (path, onBytes) => run((call) => ({ kind: 'hash', call, path }), onBytes),
		cancel() {
			for (const thread of threads) thread.cancel();
		},
		async close() {
			await Promise.all(threads.map((thread) => thread.close()));
		}
	};
}
