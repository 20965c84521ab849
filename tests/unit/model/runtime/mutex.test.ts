import { describe, expect, it } from 'vitest';
import { Mutex, type Turn } from '../../../../src/lib/model/runtime/mutex.ts';

/** Lets every promise that can settle now settle. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Tasks that note when they begin and take a while. */
function tasks(mutex: Mutex): {
	readonly log: string[];
	readonly run: (name: string, when: Turn, signal?: AbortSignal) => Promise<void>;
} {
	const log: string[] = [];
	return {
		log,
		async run(name, when, signal) {
			const release = await mutex.acquire(when, signal);
			log.push(`${name} begins`);
			await settle();
			log.push(`${name} ends`);
			release();
		}
	};
}
const begun = (log: readonly string[]) =>
	log.filter((line) => line.endsWith('begins')).map((line) => line.split(' ')[0]);

describe('Mutex', () => {
	it('lets one task in at a time, in the order they came', async () => {
		const { log, run } = tasks(new Mutex());
		await Promise.all([run('a', 'now'), run('b', 'now'), run('c', 'now')]);
		expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
	});

	it('lets what can wait come after everything else', async () => {
		const { log, run } = tasks(new Mutex());
		await Promise.all([
			run('map 1', 'later'),
			run('map 2', 'later'),
			run('question', 'now'),
			run('map 3', 'later'),
			run('another', 'now')
		]);
		expect(log.filter((line) => line.endsWith('begins'))).toEqual([
			'map 1 begins',
			'question begins',
			'another begins',
			'map 2 begins',
			'map 3 begins'
		]);
	});

	it.each(['now', 'later'] as const)('is left while waiting (%s), and those behind move up', async (when) => {
		const { log, run } = tasks(new Mutex());
		const stop = new AbortController();
		const why = new Error('not wanted any more');
		const first = run('first', when);
		const stopped = run('stopped', when, stop.signal);
		const behind = run('behind', when, new AbortController().signal);
		stop.abort(why);
		await expect(stopped).rejects.toBe(why);
		// At once, not when its turn would have come.
		expect(log).toEqual(['first begins']);
		await Promise.all([first, behind]);
		expect(begun(log)).toEqual(['first', 'behind']);
		// And it is free again.
		await run('last', when);
		expect(begun(log)).toEqual(['first', 'behind', 'last']);
	});

	it('is not entered with a signal that is aborted already', async () => {
		const mutex = new Mutex();
		const why = new Error('too late');
		await expect(mutex.acquire('now', AbortSignal.abort(why))).rejects.toBe(why);
		(await mutex.acquire())();
	});

	it('stays with a task whose signal is aborted during its turn', async () => {
		const mutex = new Mutex();
		const stop = new AbortController();
		let entered = false;
		const release = await mutex.acquire('now', new AbortController().signal);
		const second = mutex.acquire('now', stop.signal);
		release();
		const end = await second;
		stop.abort();
		const third = mutex.acquire().then(() => (entered = true));
		await settle();
		expect(entered).toBe(false);
		end();
		end();
		await third;
		expect(entered).toBe(true);
	});
});
