import { describe, expect, it } from 'vitest';
import type { ThreadAnswer, ThreadTask } from '../../../../src/lib/model/convert/thread-messages.ts';
import { startThreads, type StartThread } from '../../../../src/lib/model/convert/thread-pool.ts';
import { runJobs } from '../../../../src/lib/model/convert/threads.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';

const nothing = () => undefined;
/** All that follows from what happened has happened. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** Threads that do nothing but note what they are told. @param slow they are not ready by themselves */
async function puppets(count: number, slow = false) {
	const threads: {
		readonly told: ThreadTask[];
		readonly ready: () => void;
		readonly answered: (answer: ThreadAnswer) => void;
		readonly ended: (error: Error) => void;
		closed: boolean;
	}[] = [];
	const start: StartThread = ({ ready, answered, ended }) => {
		const thread = { told: [] as ThreadTask[], ready, answered, ended, closed: false };
		threads.push(thread);
		if (!slow) queueMicrotask(ready);
		return { post: (task) => void thread.told.push(task), close: () => void (thread.closed = true) };
	};
	/** The thread that has been given the work on a file. */
	const at = (path: string) => {
		const thread = threads.find(({ told }) => told.some((task) => 'path' in task && task.path === path))!;
		const call = thread.told.flatMap((task) => ('path' in task && task.path === path ? task.call : []))[0]!;
		return { ...thread, call };
	};
	const pool = startThreads(count, start);
	await settled();
	return { threads, pool, at };
}

const outcome = (promise: Promise<unknown>) =>
	promise.then(
		(value) => ({ value }),
		(error: unknown) => ({ error })
	);

describe('threads of a conversion', () => {
	it('do one thing at a time, and more than there are threads waits', async () => {
		const { threads, pool, at } = await puppets(2);
		const first = pool.encode('a', true, nothing);
		const second = pool.hash('b', nothing);
		const third = pool.encode('c', false, nothing);
		await settled();
		expect(threads.map(({ told }) => told.length)).toEqual([1, 1]);
		at('a').answered({ call: at('a').call, sha256: 'of a' });
		expect(await first).toBe('of a');
		await settled();
		expect(threads.map(({ told }) => told.length).sort((a, b) => a - b)).toEqual([1, 2]);
		at('c').answered({ call: at('c').call, sha256: 'of c' });
		at('b').answered({ call: at('b').call, sha256: 'of b' });
		expect(await Promise.all([second, third])).toEqual(['of b', 'of c']);
	});

	it('that are told to stop settle when the thread has cleaned up, with the reason', async () => {
		const { pool, at } = await puppets(1);
		const reason = new DOMException('stop', 'AbortError');
		let over = false;
		const work = outcome(
			pool.encode('a', true, () => {
				throw reason;
			})
		).finally(() => (over = true));
		const { answered, told, call } = at('a');
		answered({ call, bytes: 10 });
		expect(told.at(-1)).toEqual({ kind: 'cancel' });
		answered({ call, bytes: 10 });
		expect(told).toHaveLength(2);
		await settled();
		expect(over).toBe(false);
		answered({ call, message: 'aborted', input: false });
		expect(await work).toEqual({ error: reason });
	});

	it('give errors back as what they were', async () => {
		const { pool, at } = await puppets(1);
		const work = outcome(pool.hash('a', nothing));
		at('a').answered({ call: at('a').call, message: 'The disk is full; free some.', input: true });
		expect(await work).toEqual({ error: new InputError('The disk is full; free some.') });
	});

	it('of which one dies end the conversion: at once, or when it is asked the next time', async () => {
		const { threads, pool, at } = await puppets(2);
		const done: string[] = [];
		const job = (path: string) => async () => void done.push(await pool.encode(path, true, nothing));
		const all = outcome(runJobs(['a', 'b', 'c', 'd'].map(job), pool.count, () => pool.cancel()));
		at('a').ended(new Error('gone'));
		await settled();
		// The other one is told to stop, and waited for.
		const { told, answered, call } = at('b');
		expect(told.at(-1)).toEqual({ kind: 'cancel' });
		answered({ call, message: 'aborted', input: false });
		expect(await all).toEqual({ error: new Error('gone') });
		expect(done).toEqual([]);
		// Nothing more is given out.
		expect(threads.map((thread) => thread.told.length)).toEqual([2, 2]);
		await expect(pool.hash('e', nothing)).rejects.toThrow('gone');
	});

	it('get work once they are ready, and one that never is keeps nothing from the others', async () => {
		const { threads, pool, at } = await puppets(2, true);
		const work = ['a', 'b'].map((path) => pool.hash(path, nothing));
		await settled();
		expect(threads.map(({ told }) => told.length)).toEqual([0, 0]);
		threads[1]!.ready();
		await settled();
		at('a').answered({ call: at('a').call, sha256: 'of a' });
		await settled();
		at('b').answered({ call: at('b').call, sha256: 'of b' });
		expect(await Promise.all(work)).toEqual(['of a', 'of b']);
		expect(threads.map(({ told }) => told.length)).toEqual([0, 2]);
	});

	it('of which one cannot be started refuse what waits for it', async () => {
		const { threads, pool } = await puppets(1, true);
		const work = outcome(pool.hash('a', nothing));
		threads[0]!.ended(new Error('not started'));
		expect(await work).toEqual({ error: new Error('not started') });
	});

	it('that are closed settle what was asked of them', async () => {
		const { threads, pool } = await puppets(2);
		const work = outcome(pool.hash('a', nothing));
		await pool.close();
		expect(threads.every(({ closed }) => closed)).toBe(true);
		expect(await work).toEqual({ error: new Error('The threads of the conversion were ended.') });
		await expect(pool.hash('b', nothing)).rejects.toThrow('were ended');
	});
});
