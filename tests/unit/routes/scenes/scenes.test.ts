import { readFileSync } from 'node:fs';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import type { Field } from '../../../../src/lib/analysis/equivariance.ts';
import {
	Atlas,
	type AtlasIndex,
	generateScene,
	questions,
	renderScene
} from '../../../../src/lib/scenes/index.ts';
import { Asking, credit } from '../../../../src/routes/scenes/asking.ts';
import {
	add,
	beyondTraining,
	compose,
	type Composition,
	freePlace,
	hit,
	isTrainedSize,
	moveTo,
	overlap,
	pullCorner,
	remove,
	reorder,
	resize,
	spriteOf
} from '../../../../src/routes/scenes/composition.ts';
import { SceneEditor } from '../../../../src/routes/scenes/editor.svelte.ts';
import { abandon, begin, edit, redo, undo } from '../../../../src/routes/scenes/history.ts';
import { Latest } from '../../../../src/routes/scenes/latest.svelte.ts';
import { placements } from '../../../../src/routes/scenes/path.ts';
import { sceneFile } from '../../../../src/routes/scenes/picture.ts';
import { stepError, type SweepPlan, sweepKey } from '../../../../src/routes/scenes/run-sweep.ts';
import { answerRows, positionRows, sweepRows } from '../../../../src/routes/scenes/sweep-rows.ts';
import { settle } from '../../workbench/fakes.ts';

const index = JSON.parse(readFileSync('static/scenes/atlas.json', 'utf8')) as AtlasIndex;
const sheet = decode(readFileSync('static/scenes/atlas.png'));
const atlas = new Atlas(index, {
	...{ width: sheet.width, height: sheet.height },
	data: new Uint8ClampedArray(sheet.data)
});
const asking = new Asking(index);

/** A cat of 20 px in the upper left corner and a dog of 28 px at (60, 50). */
function two(): Composition {
	const empty: Composition = { split: 'test', seed: 0, background: 0, objects: [] };
	const { added: _cat, ...one } = add(empty, { cls: 0, style: 0, size: 20, x: 2, y: 3 });
	const { added: _dog, ...both } = add(one, { cls: 1, style: 1, size: 28, x: 60, y: 50 });
	return both;
}
const cat = 0;
const dog = 1;

describe('composition', () => {
	it('keeps sprites inside the image, on whole pixels', () => {
		expect(spriteOf(moveTo(two(), cat, -5, 90.4), cat)).toMatchObject({ x: 0, y: 76 });
		expect(spriteOf(moveTo(two(), cat, 10.6, 3.2), cat)).toMatchObject({ x: 11, y: 3 });
		const scene = two();
		expect(moveTo(scene, cat, 2.3, 3), 'no edit when nothing changes').toBe(scene);
	});

	it('resizes around the middle and says what is large', () => {
		expect(spriteOf(resize(two(), dog, 20), dog)).toMatchObject({ size: 20, x: 64, y: 54, large: false });
		expect(spriteOf(resize(two(), dog, 200), dog)).toMatchObject({ size: 64, large: true });
		expect([19, 20, 23, 24, 27, 28, 32, 33].map(isTrainedSize)).toEqual([
			false,
			true,
			true,
			false,
			false,
			true,
			true,
			false
		]);
	});

	it('pulls a corner and leaves the opposite one', () => {
		const scene = two();
		const from = spriteOf(scene, dog)!;
		expect(spriteOf(pullCorner(scene, from, 'top-left', 54, 50), dog)).toMatchObject({
			x: 54,
			y: 44,
			size: 34
		});
		expect(spriteOf(pullCorner(scene, from, 'bottom-right', 300, 300), dog)).toMatchObject({
			x: 60,
			y: 50,
			size: 36
		});
	});

	it('adds, removes and reorders', () => {
		const scene = two();
		expect(reorder(scene, cat, 1).objects.map(({ id }) => id)).toEqual([dog, cat]);
		expect(reorder(scene, cat, -1)).toBe(scene);
		expect(remove(scene, cat).objects.map(({ id }) => id)).toEqual([dog]);
		const { added, ...more } = add(remove(scene, cat), {
			cls: 2,
			style: 0,
			size: 22,
			...freePlace(scene, 22)
		});
		expect(added).toBe(2);
		expect(more.objects.slice(0, -1).some((other) => overlap(other, more.objects.at(-1)!))).toBe(false);
	});

	it('finds the topmost opaque sprite under a pixel', () => {
		const over = moveTo(two(), cat, 62, 52);
		const onTop = reorder(over, cat, 1);
		expect(hit(over, 70, 60)?.id).toBe(dog);
		expect(hit(onTop, 70, 60)?.id).toBe(cat);
		expect(hit(onTop, 1, 90)).toBeUndefined();
		// The cat's square corner is transparent: what lies below is meant.
		expect(atlas.sprite(0, 0, 20)[3][19 * 20 + 19]).toBe(0);
		const alphaBelow = atlas.sprite(1, 1, 28)[3][(71 - 50) * 28 + (81 - 60)];
		expect(alphaBelow).toBeGreaterThan(0);
		expect(hit(onTop, 81, 71, atlas)?.id).toBe(dog);
		expect(hit(onTop, 81, 71)?.id).toBe(cat);
	});

	it('names what training never shows', () => {
		expect(beyondTraining(compose(generateScene(12, 'test')), ['a', 'b', 'c'])).toEqual([]);
		const { added: _added, ...odd } = add(two(), { cls: 3, style: 2, size: 40, x: 10, y: 5 });
		expect(beyondTraining(odd, ['Noto', 'Twemoji', 'Fluent'])).toEqual([
			'style Fluent',
			'40 px (20 to 23 and 28 to 32)',
			'overlapping objects',
			'an object on the border of two ninths of the image'
		]);
	});

	it('gives the bytes of the generator’s scene', () => {
		const scene = generateScene(5, 'test');
		const { data } = decode(sceneFile(compose(scene), atlas));
		expect([...data]).toEqual([...renderScene(scene, atlas).data]);
	});
});

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

describe('questions with a known answer', () => {
	it('are all that training asks, with the same answers', () => {
		const every = new Map(asking.every().map((question) => [question.text, question]));
		expect(every.size).toBe(asking.every().length);
		let asked = 0;
		for (let seed = 0; seed < 150; seed++)
			for (const split of ['train', 'test', 'style', 'size'] as const) {
				const scene = generateScene(seed, split);
				for (const round of [0, 1])
					for (const { question, answer, task } of questions(scene, index, round)) {
						const known = every.get(question);
						expect(known?.task, question).toBe(task);
						expect(known?.truth(scene), `${split} ${seed}: ${question}`).toMatchObject({ answer });
						if (split !== 'size') expect(known?.truth(scene)).not.toHaveProperty('beyond');
						asked++;
					}
			}
		expect(asked).toBeGreaterThan(8000);
	});

	it('follow a move', () => {
		const where = asking.localisation(0);
		const related = asking.relation(0, 1, 0, 0);
		expect(where.truth(two())).toEqual({ answer: 'top left' });
		expect(related.truth(two())).toEqual({ answer: 'yes' });
		const moved = moveTo(two(), cat, 76, 76);
		expect(where.truth(moved)).toEqual({ answer: 'bottom right' });
		expect(related.truth(moved)).toEqual({ answer: 'no' });
		expect(where.truth(moveTo(two(), cat, 23, 3))).toMatchObject({
			...{ answer: 'top center', beyond: expect.stringContaining('3 px') }
		});
		expect(asking.attribute(0).truth(resize(two(), cat, 30))).toEqual({ answer: 'large' });
	});

	it('say when there is no true answer', () => {
		expect(asking.localisation(0).truth(remove(two(), cat))).toEqual({ none: 'There is no cat.' });
		const { added: _added, ...cats } = add(two(), { cls: 0, style: 0, size: 20, x: 70, y: 0 });
		expect(asking.localisation(0).truth(cats)).toEqual({ none: 'There are 2 cats.' });
		expect(asking.counting(0).truth(cats)).toEqual({ answer: '2' });
		expect(asking.identity(6).truth(two())).toHaveProperty('none');
		expect(asking.caption().truth({ ...two(), objects: [] })).toHaveProperty('none');
		expect(asking.position(0, 0, 0).truth(moveTo(two(), cat, 38, 3))).toHaveProperty('none');
	});

	it('are suggested only with an answer', () => {
		for (let seed = 0; seed < 40; seed++) {
			const scene = generateScene(seed, 'test');
			const suggested = asking.suggestions(scene, scene.objects[0]);
			expect(suggested.length).toBeGreaterThan(3);
			for (const question of suggested) expect(question.truth(scene)).toHaveProperty('answer');
		}
	});

	it('are marked as the benchmark marks them', () => {
		expect(credit('localisation', ' top left', 'top left')).toBe(1);
		expect(credit('localisation', 'top', 'top left')).toBe(0);
		expect(credit('referring', '[0.00,0.00,0.50,0.50]', '[0.00,0.00,0.50,0.40]')).toBe(1);
		expect(credit('referring', '[0.00,0.00,0.50,0.50]', '[0.50,0.50,1.00,1.00]')).toBe(0);
	});
});

describe('paths', () => {
	const object = { x: 40, y: 10, size: 20 };

	it('run through the whole image in equal steps', () => {
		const row = placements('row', object, 8);
		expect(row.map(({ x }) => x)).toEqual([2, 10, 18, 26, 34, 42, 50, 58, 66, 74]);
		expect(row.every(({ y, size }) => y === 10 && size === 20)).toBe(true);
		expect(row[0]!.position).toBe(12);
		expect(placements('column', object, 16).map(({ x, y }) => [x, y])).toEqual(
			[6, 22, 38, 54, 70].map((y) => [40, y])
		);
		expect(placements('diagonal', object, 16).every(({ x, y }) => x === y)).toBe(true);
	});

	it('change the size around the middle', () => {
		const sizes = placements('size', object, 8);
		expect(sizes.map(({ size }) => size)).toEqual([12, 20, 28, 36, 44]);
		expect(sizes.map(({ x, y }) => [x, y])).toEqual([
			[44, 14],
			[40, 10],
			[36, 6],
			[32, 2],
			[28, 0]
		]);
	});

	it('fill a grid from edge to edge', () => {
		const cells = placements('everywhere', object, 3);
		expect(cells.map(({ x, y }) => [x, y])).toEqual(
			[0, 38, 76].flatMap((y) => [0, 38, 76].map((x) => [x, y]))
		);
	});

	it('sample a drawn line at equal ways', () => {
		const drawn = [
			{ x: 20, y: 20 },
			{ x: 50, y: 20 },
			{ x: 50, y: 60 }
		];
		const path = placements('drawn', object, 20, drawn);
		expect(path.map(({ x, y, position }) => [x + 10, y + 10, position])).toEqual([
			[20, 20, 0],
			[40, 20, 20],
			[50, 30, 40],
			[50, 50, 60]
		]);
		// Beyond the edge all places are the same one.
		expect(
			placements('drawn', object, 5, [
				{ x: -40, y: 30 },
				{ x: 0, y: 30 }
			]).length
		).toBe(1);
		expect(placements('drawn', object, 5, [])).toEqual([]);
	});
});

describe('sweep', () => {
	const field = (at: number): Field => ({
		...{ side: 12, channels: 1 },
		data: Float32Array.from({ length: 144 }, (_, i) => Number(i === at))
	});
	const scene = two();
	const plan: SweepPlan = {
		...{ model: 'm|fp32|wasm', scene, object: cat, kind: 'row' },
		steps: placements('row', spriteOf(scene, cat)!, 8).slice(0, 3),
		questions: [asking.localisation(0)],
		subjects: [{ projector: 'linear', title: 'Linear', M: 144 }]
	};
	const answer = { question: 'Where is the cat?', answer: 'top left', truth: 'top left' };
	const result = {
		plan,
		cells: [
			{
				projector: 'linear',
				step: 0,
				answers: [{ ...answer, credit: 1, logProbability: -1 }],
				trace: field(13)
			},
			// One patch to the right, as the object.
			{
				projector: 'linear',
				step: 1,
				answers: [{ ...answer, credit: 0, logProbability: -3 }],
				trace: field(14)
			},
			// Stayed where it was.
			{
				projector: 'linear',
				step: 2,
				answers: [{ ...answer, credit: undefined, truth: undefined, logProbability: undefined }],
				trace: field(14)
			}
		]
	};

	it('measures how the trace follows, by hand', () => {
		const error = (step: number, reference: 'before' | 'first') =>
			stepError(result, 'linear', step, reference);
		expect(error(0, 'before')).toBeUndefined();
		expect(error(0, 'first')).toMatchObject({ moved: 0, stayed: 0 });
		expect(error(1, 'before')!.moved).toBe(0);
		// |a − b|² = 2, ½(1 + 1) = 1
		expect(error(1, 'before')!.stayed).toBeCloseTo(Math.SQRT2, 9);
		expect(error(2, 'before')!.moved).toBeCloseTo(Math.SQRT2, 9);
		expect(error(2, 'before')!.stayed).toBe(0);
		expect(error(2, 'first')!.moved).toBeCloseTo(Math.SQRT2, 9);
		expect(stepError(result, 'mlp', 1, 'before')).toBeUndefined();
	});

	it('becomes rows of figures', () => {
		expect(sweepRows(result, 'accuracy', ['linear']).points.map(({ value }) => value)).toEqual([1, 0]);
		expect(sweepRows(result, 'logProbability', ['linear']).points).toMatchObject([
			{ position: 12, value: -1 },
			{ position: 20, value: -3 }
		]);
		expect(sweepRows(result, 'moved', ['linear']).points.map(({ position }) => position)).toEqual([20, 28]);
		expect(answerRows(result, ['linear']).lines[0]!.cells.map((cell) => cell?.credit)).toEqual([
			1,
			0,
			undefined
		]);
		const square = {
			...result,
			plan: { ...plan, steps: placements('everywhere', { x: 0, y: 0, size: 20 }, 3) }
		};
		expect([...positionRows(square).panels[0]!.credit]).toEqual([1, 0, ...Array<number>(7).fill(NaN)]);
	});

	it('is known by what it depends on', () => {
		const key = sweepKey(plan);
		expect(
			sweepKey({ ...plan, scene: moveTo(scene, cat, 50, 3) }),
			'the steps say where the object goes'
		).toBe(key);
		expect(sweepKey({ ...plan, scene: moveTo(scene, dog, 50, 3) })).not.toBe(key);
		expect(sweepKey({ ...plan, subjects: [] })).not.toBe(key);
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

	it('measures also what takes longer than its window', async () => {
		let now = 0;
		const slow = new Latest<number, number>(
			async (input) => {
				now += 4000;
				return input;
			},
			() => now
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
			() => now
		);
		latest.submit(1);
		await settle();
		expect(latest.perSecond).toBeCloseTo(10, 9);
		expect(latest.took).toBe(100);
		expect(latest.error).toBe('No model.');
		expect(latest.result?.input).toBe(2);
	});
});
