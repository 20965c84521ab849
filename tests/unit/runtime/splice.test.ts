import { describe, expect, it } from 'vitest';
import { mediaRuns, splice } from '../../../src/lib/model/runtime/splice.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

describe('media runs', () => {
	it('start where a negative id differs from its left neighbour', () => {
		expect(mediaRuns([1, -1, -1, 5, -1, -1, 6], 2, 2)).toEqual([
			{ start: 1, image: 0 },
			{ start: 4, image: 1 }
		]);
		expect(mediaRuns([1, 2], 0, 2)).toEqual([]);
	});

	it('refuses images that stand next to each other', () => {
		expect(() => mediaRuns([1, -1, -1, -1, -1, 6], 2, 2)).toThrow(InputError);
		expect(() => mediaRuns([1, -1, -1, -1, -1, 6], 2, 2)).toThrow('next to each other');
	});

	it.each([
		[[1, -1, -1, 6], 2],
		[[1, 6], 1],
		[[1, -1, -1, 6], 0]
	])('refuses %j for %i images', (ids, images) => {
		expect(() => mediaRuns(ids, images, 2)).toThrow(InputError);
	});
});

it('overwrites the rows of image tokens, from any position on', () => {
	const runs = mediaRuns([1, -1, -1, 5, -1, -1], 2, 2);
	const visual = new Map([
		[0, Float32Array.of(10, 11, 12, 13)],
		[1, Float32Array.of(20, 21, 22, 23)]
	]);
	const whole = new Float32Array(12);
	splice(whole, 2, 0, runs, visual, 2);
	expect([...whole]).toEqual([0, 0, 10, 11, 12, 13, 0, 0, 20, 21, 22, 23]);
	const part = new Float32Array(6);
	splice(part, 2, 2, runs, visual, 2);
	expect([...part]).toEqual([12, 13, 0, 0, 20, 21]);
	expect(() => splice(new Float32Array(12), 2, 0, runs, new Map([[0, Float32Array.of(1)]]), 2)).toThrow();
});
