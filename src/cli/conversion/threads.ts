import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ConversionThreads } from '../../lib/model/convert/threads.ts';
import type { DTypePreset } from '../../lib/model/manifest.ts';
import type { Closable } from '../io/disk.ts';
import { errorOf, type ThreadFailure } from '../io/thread-failure.ts';
import type { CheckpointLocation } from './input.ts';

/** What a thread needs to make the plan of the conversion. */
export interface ThreadSetup {
	readonly location: CheckpointLocation;
	/** Folder that is written. */
	readonly sink: string;
	readonly dtype: DTypePreset;
	readonly projectorName?: string | undefined;
	readonly languageLimit?: number | undefined;
}

export type ThreadTask =
	| { readonly kind: 'encode'; readonly call: number; readonly path: string; readonly write: boolean }
	| { readonly kind: 'hash'; readonly call: number; readonly path: string }
	| { readonly kind: 'cancel' };

/** Bytes done since the last answer, or the end. */
export type ThreadAnswer =
	| { readonly call: number; readonly bytes: number }
	| { readonly call: number; readonly sha256: string }
	| ({ readonly call: number } & ThreadFailure);

/** More threads would make the memory, of a tensor each, more than the time is worth. */
const MOST_THREADS = 4;

/** One thread, which does one thing at a time. */
class Thread {
	readonly #worker: Worker;
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

	constructor(setup: ThreadSetup) {
		const source = import.meta.url.endsWith('.ts');
		const url = new URL(source ? './worker.ts' : './convert-worker.js', import.meta.url);
		this.#worker = new Worker(url, { workerData: setup });
		this.#worker.on('message', (answer: ThreadAnswer) => this.#hear(answer));
		this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
		this.#worker.on('exit', () => this.#end(new Error('A thread of the conversion has ended.')));
	}

	run(task: ThreadTask, onBytes: (bytes: number) => void): Promise<string> {
		return new Promise((resolve, reject) => {
			if (this.#gone) {
				reject(this.#gone);
				return;
			}
			this.#task = { onBytes, resolve, reject };
			this.#worker.postMessage(task);
		});
	}

	cancel(): void {
		this.#worker.postMessage({ kind: 'cancel' } satisfies ThreadTask);
	}

	async close(): Promise<void> {
		await this.#worker.terminate();
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

/** Starts threads for a conversion; `close` ends them. */
export function openConversionThreads(
	setup: ThreadSetup,
	// One more than there are cores: some wait for the disk.
	count = Math.min(MOST_THREADS, availableParallelism() + 1)
): ConversionThreads & Closable {
	const threads = Array.from({ length: count }, () => new Thread(setup));
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
