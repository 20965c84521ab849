import { describe, expect, it } from 'vitest';
import type { ThreadAnswer, ThreadTask } from '../../../src/lib/model/convert/thread-messages.ts';
import { startThreads, type StartThread } from '../../../src/lib/model/convert/thread-pool.ts';
import { runJobs } from '../../../src/lib/model/convert/threads.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

/** Threads that do nothing but note what they are told. */
function puppets() {
	const threads: {
		readonly told: ThreadTask[];
		readonly hear: (answer: ThreadAnswer) => void;
		readonly ended: (error: Error) => void;
		closed: boolean;
	}[] = [];
	const start: StartThread = (hear, ended) => {
		const thread = { told: [] as ThreadTask[], hear, ended, closed: false };
		threads.push(thread);
		return { post: (task) => void thread.told.push(task), close: () => void (thread.closed = true) };
	};
	/** The thread that has been given the work on a file. */
	const at = (path: string) => {
		const thread = threads.find(({ told }) => told.some((task) => 'path' in task && task.path === path))!;
		const call = thread.told.flatMap((task) => ('path' in task && task.path === path ? task.call : []))[0]!;
		return { ...thread, call };
	};
	return { threads, start, at };
}

const nothing = () => undefined;
const outcome = (promise: Promise<unknown>) =>
	promise.then(
		(value) => ({ value }),
		(error: unknown) => ({ error })
	);

describe('threads of a conversion', () => {
	it('do one thing at a time, and the pool refuses more than it has threads', async () => {
		const { threads, start, at } = puppets();
		const pool = startThreads(2, start);
		const first = pool.encode('a', true, nothing);
		const second = pool.hash('b', nothing);
		await expect(pool.hash('c', nothing)).rejects.toThrow('all at work');
		at('a').hear({ call: at('a').call, sha256: 'of a' });
		expect(await first).toBe('of a');
		const third = pool.encode('c', false, nothing);
		expect(threads.map(({ told }) => told.length).sort()).toEqual([1, 2]);
		at('c').hear({ call: at('c').call, sha256: 'of c' });
		at('b').hear({ call: at('b').call, sha256: 'of b' });
		expect(await Promise.all([second, third])).toEqual(['of b', 'of c']);
	});

	it('that are told to stop settle when the thread has cleaned up, with the reason', async () => {
		const { start, at } = puppets();
		const pool = startThreads(1, start);
		const reason = new DOMException('stop', 'AbortError');
		let settled = false;
		const work = outcome(
			pool.encode('a', true, () => {
				throw reason;
			})
		).finally(() => (settled = true));
		const { hear, told, call } = at('a');
		hear({ call, bytes: 10 });
		expect(told.at(-1)).toEqual({ kind: 'cancel' });
		hear({ call, bytes: 10 });
		expect(told).toHaveLength(2);
		await Promise.resolve();
		expect(settled).toBe(false);
		hear({ call, message: 'aborted', input: false });
		expect(await work).toEqual({ error: reason });
	});

	it('give errors back as what they were', async () => {
		const { start, at } = puppets();
		const pool = startThreads(1, start);
		const work = outcome(pool.hash('a', nothing));
		at('a').hear({ call: at('a').call, message: 'The disk is full; free some.', input: true });
		expect(await work).toEqual({ error: new InputError('The disk is full; free some.') });
	});

	it('of which one dies end the conversion: at once, or when it is asked the next time', async () => {
		const { threads, start, at } = puppets();
		const pool = startThreads(2, start);
		const done: string[] = [];
		const job = (path: string) => async () => void done.push(await pool.encode(path, true, nothing));
		const all = outcome(runJobs(['a', 'b', 'c', 'd'].map(job), pool.count, () => pool.cancel()));
		at('a').ended(new Error('gone'));
		await new Promise((resolve) => setTimeout(resolve));
		// The other one is told to stop, and waited for.
		const { told, hear, call } = at('b');
		expect(told.at(-1)).toEqual({ kind: 'cancel' });
		hear({ call, message: 'aborted', input: false });
		expect(await all).toEqual({ error: new Error('gone') });
		expect(done).toEqual([]);
		// Nothing more was given out; whatever comes to the dead one is refused.
		expect(threads.map((thread) => thread.told.length).sort()).toEqual([2, 2]);
		const asked = [outcome(pool.hash('e', nothing)), outcome(pool.hash('f', nothing))];
		expect(await Promise.race(asked)).toEqual({ error: new Error('gone') });
	});

	it('that are closed settle what was asked of them', async () => {
		const { threads, start } = puppets();
		const pool = startThreads(2, start);
		const work = outcome(pool.hash('a', nothing));
		await pool.close();
		expect(threads.every(({ closed }) => closed)).toBe(true);
		expect(await work).toEqual({ error: new Error('The threads of the conversion were ended.') });
		await expect(pool.hash('b', nothing)).rejects.toThrow('were ended');
	});
});
