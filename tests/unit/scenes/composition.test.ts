import { describe, expect, it } from 'vitest';
import {
	add,
	beyondTraining,
	compose,
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
} from '../../../src/lib/scenes/composition.ts';
import { generateScene, questions } from '../../../src/lib/scenes/index.ts';
import { placements } from '../../../src/lib/scenes/path.ts';
import { asking, atlas, cat, dog, index, two } from '../../support/scenes.ts';

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
