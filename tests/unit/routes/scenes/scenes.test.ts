import { describe, expect, it, vi } from 'vitest';
import { overlap } from '../../../../src/lib/scenes/composition.ts';
import { generateScene } from '../../../../src/lib/scenes/index.ts';
import { SceneEditor } from '../../../../src/routes/scenes/editor.svelte.ts';
import { abandon, begin, edit, redo, undo } from '../../../../src/routes/scenes/history.ts';
import { Latest } from '../../../../src/routes/scenes/latest.svelte.ts';
import { atlas, cat, dog, two } from '../../../support/scenes.ts';
import { settle } from '../../workbench/fakes.ts';

describe('history', () => {
	it('goes back and forth, a gesture at once', () => {
		let history = begin(0);
		history = edit(history, 1);
		for (const value of [2, 3, 4]) history = edit(history, value, 'drag');
		history = edit(history, 5, 'other drag');
		expect(undo(history).present).toBe(4);
		expect(undo(undo(history)).present).toBe(1);
		expect(redo(undo(undo(history))).present).toBe(4);
		expect(edit(undo(history), 9).future).toEqual([]);
		expect(undo(begin(7)).present).toBe(7);
	});

	it('forgets a gesture that came to nothing', () => {
		const before = edit(begin(0), 1);
		const during = edit(edit(before, 2, 'drag'), 3, 'drag');
		expect(abandon(during, 'drag')).toEqual({ past: [0], present: 1, future: [] });
		expect(abandon(during, 'another')).toBe(during);
	});
});

describe('editor', () => {
	const editor = () => new SceneEditor(atlas, two());

	it('moves, resizes and deletes, undoable', () => {
		const it = editor();
		it.select(cat);
		for (let i = 0; i < 8; i++) it.nudge(1, 0);
		expect(it.sprite).toMatchObject({ x: 10, y: 3 });
		expect(it.said).toMatch(/^moved: cat, Noto, 20 px, at x 10, y 3, top left/);
		it.grow(1);
		it.delete();
		expect(it.scene.objects.map(({ id }) => id)).toEqual([dog]);
		expect(it.selected).toBe(dog);
		it.undo();
		it.undo();
		expect(it.scene.objects[0]).toMatchObject({ x: 10, size: 20 });
		it.undo();
		expect(it.scene.objects[0]).toMatchObject({ x: 2 });
		expect(it.canUndo).toBe(false);
		it.redo();
		expect(it.scene.objects[0]).toMatchObject({ x: 10 });
	});

	it('adds where there is room, or where it is told', () => {
		const it = editor();
		it.add(5, 2);
		expect(it.sprite).toMatchObject({ cls: 5, style: 2, size: 28 });
		expect(it.scene.objects.slice(0, 2).some((other) => overlap(other, it.sprite!))).toBe(false);
		it.add(6, 0, { x: 20, y: 80 });
		expect(it.sprite).toMatchObject({ x: 6, y: 66 });
		it.duplicate();
		expect(it.scene.objects.length).toBe(5);
		expect(it.sprite).toMatchObject({ cls: 6, size: 28 });
	});

	it('makes the scene of a seed', () => {
		const it = editor();
		it.generate(77);
		expect(it.scene.objects).toMatchObject(generateScene(77, 'test').objects);
		it.undo();
		expect(it.scene).toEqual(two());
	});
});

describe('latest', () => {
	it('works on one thing at a time, then on the newest', async () => {
		const gates: ((value: string) => void)[] = [];
		const seen: number[] = [];
		const latest = new Latest<number, string>((input) => {
			seen.push(input);
			return new Promise((resolve) => gates.push(resolve));
		});
		for (const input of [1, 2, 3, 4]) latest.submit(input);
		expect(seen).toEqual([1]);
		gates[0]!('one');
		await settle();
		expect(latest.result).toEqual({ input: 1, output: 'one' });
		expect(seen).toEqual([1, 4]);
		gates[1]!('four');
		await settle();
		expect(latest.result?.input).toBe(4);
		expect(latest.busy).toBe(false);
	});

	/** Work that goes on until it is aborted or the test ends it. */
	function endless(options: ConstructorParameters<typeof Latest<string, string>>[1] = {}) {
		const begun: { input: string; signal: AbortSignal; end: (value: string) => void }[] = [];
		const latest = new Latest<string, string>(
			(input, signal) =>
				new Promise((end, reject) => {
					begun.push({ input, signal, end });
					signal.addEventListener('abort', () => reject(signal.reason as Error));
				}),
			options
		);
		const inputs = () => begun.map(({ input }) => input);
		return { latest, begun, inputs };
	}

	it('gives up what is outdated by another question, unseen and without an error', async () => {
		const { latest, begun, inputs } = endless({ alike: (before, next) => before[0] === next[0] });
		latest.submit('a1');
		latest.submit('a2');
		expect(begun[0]!.signal.aborted, 'a moved scene lets the one before it come to its end').toBe(false);
		latest.submit('b1');
		expect(begun[0]!.signal.aborted).toBe(true);
		await settle();
		expect(inputs()).toEqual(['a1', 'b1']);
		expect([latest.result, latest.error, latest.took]).toEqual([undefined, undefined, undefined]);
		begun[1]!.end('B');
		await settle();
		expect(latest.result).toEqual({ input: 'b1', output: 'B' });
		expect(latest.busy).toBe(false);
	});

	it('gives up what takes too long while something newer waits', async () => {
		vi.useFakeTimers();
		try {
			const { latest, begun, inputs } = endless();
			latest.submit('1');
			await vi.advanceTimersByTimeAsync(5000);
			expect(begun[0]!.signal.aborted, 'nothing newer waits').toBe(false);
			latest.submit('2');
			await vi.advanceTimersByTimeAsync(1);
			expect(begun[0]!.signal.aborted).toBe(true);
			expect(inputs()).toEqual(['1', '2']);
			latest.submit('3');
			await vi.advanceTimersByTimeAsync(1990);
			expect(begun[1]!.signal.aborted).toBe(false);
			latest.submit('4');
			await vi.advanceTimersByTimeAsync(20);
			expect(inputs()).toEqual(['1', '2', '4']);
			begun[2]!.end('four');
			await vi.advanceTimersByTimeAsync(5000);
			expect(latest.result).toEqual({ input: '4', output: 'four' });
			expect(vi.getTimerCount()).toBe(0);
		} finally {
			vi.useRealTimers();
		}
	});

	it('gives up everything when it is stopped, and begins again after that', async () => {
		const { latest, begun, inputs } = endless();
		latest.submit('1');
		latest.submit('2');
		latest.stop();
		expect(begun[0]!.signal.aborted).toBe(true);
		await settle();
		expect(inputs()).toEqual(['1']);
		expect([latest.busy, latest.error]).toEqual([false, undefined]);
		latest.submit('3');
		expect(inputs()).toEqual(['1', '3']);
		latest.stop();
		latest.submit('4');
		await settle();
		expect(inputs()).toEqual(['1', '3', '4']);
	});

	it('measures also what takes longer than its window', async () => {
		let now = 0;
		const slow = new Latest<number, number>(
			async (input) => {
				now += 4000;
				return input;
			},
			{ now: () => now }
		);
		slow.submit(1);
		await settle();
		expect(slow.perSecond).toBeCloseTo(0.25, 9);
	});

	it('measures its rate and tells of errors', async () => {
		let now = 0;
		const latest = new Latest<number, number>(
			async (input) => {
				now += 100;
				if (input === 3) throw new Error('No model.');
				if (input < 3) latest.submit(input + 1);
				return input;
			},
			{ now: () => now }
		);
		latest.submit(1);
		await settle();
		expect(latest.perSecond).toBeCloseTo(10, 9);
		expect(latest.took).toBe(100);
		expect(latest.error).toBe('No model.');
		expect(latest.result?.input).toBe(2);
	});
});
