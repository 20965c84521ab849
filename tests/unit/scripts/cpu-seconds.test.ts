import { describe, expect, it } from 'vitest';
import { Processes, readStat } from '../../../scripts/cpu-seconds.mjs';

/** Process `pid`, begun by `parent`, with CPU seconds of its own and of those that it waited for. */
const one = (pid: number, parent: number, own: number, waited = 0, start = pid) => ({
	...{ pid, parent, own, waited, start }
});

/** CPU seconds of what process 10 began, after looks at the machine. */
function secondsAfter(...looks: readonly (readonly ReturnType<typeof one>[])[]): number {
	const check = new Processes();
	check.add(10);
	for (const all of looks) check.look(all);
	return check.seconds;
}

describe('CPU seconds of a check', () => {
	it('are read whatever the program is called', () => {
		const stat =
			'4711 (a) b) c) S 10 4711 4711 0 -1 4194560 1 2 3 4 150 50 700 25 20 0 1 0 123456 1000000 200 1';
		expect(readStat(stat)).toEqual({ pid: 4711, parent: 10, start: 123456, own: 2, waited: 7.25 });
	});

	it('are of what it started and of what that started, and of nothing else', () => {
		const others = [one(1, 0, 50, 1000), one(2, 1, 9)];
		expect(secondsAfter([...others, one(12, 11, 4), one(11, 10, 2), one(10, 1, 1)])).toBe(7);
	});

	it('stay when a process ends, whether it is waited for or not', () => {
		const begin = [one(10, 1, 1), one(11, 10, 2), one(12, 11, 4)];
		expect(secondsAfter(begin, [one(10, 1, 1)])).toBe(7);
		// What was waited for counts to its end, half a second after the last look.
		expect(secondsAfter(begin, [one(10, 1, 1), one(11, 10, 2, 4.5)])).toBe(7.5);
		expect(secondsAfter(begin, [one(10, 1, 1, 7)])).toBe(8);
	});

	it('are of those that outlive what started them, too', () => {
		const begin = [one(10, 1, 1), one(11, 10, 2), one(12, 11, 4)];
		expect(secondsAfter(begin, [one(10, 1, 1), one(12, 1, 6)])).toBe(9);
	});

	it('are not of a stranger whose number was one of its own', () => {
		const begin = [one(10, 1, 1), one(11, 10, 2)];
		expect(secondsAfter(begin, [one(10, 1, 1)], [one(10, 1, 1), one(11, 1, 30, 0, 99)])).toBe(3);
	});
});
