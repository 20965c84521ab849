import { expect, it } from 'vitest';
import { EventQueue } from '../../../../src/workers/model/event-queue.ts';

it('gives values in order, whether they come before or after they are awaited', async () => {
	const queue = new EventQueue<number>();
	queue.push(1);
	queue.push(2);
	expect([await queue.next(), await queue.next()]).toEqual([1, 2]);
	const waiting = queue.next();
	queue.push(3);
	expect(await waiting).toBe(3);
});

it('fails who waits, and later ones after what is queued', async () => {
	const queue = new EventQueue<number>();
	const waiting = queue.next();
	queue.fail(new Error('gone'));
	await expect(waiting).rejects.toThrow('gone');
	queue.push(1);
	expect(await queue.next()).toBe(1);
	await expect(queue.next()).rejects.toThrow('gone');
});
