import { describe, expect, it } from 'vitest';
import {
	attentionDistances,
	attentionOf,
	attentionToClass,
	uniformDistance
} from '../../../src/lib/analysis/tower-attention.ts';

/** 2 × 2 patches behind a class token: positions class, a b / c d. */
const at = { heads: 2, classTokens: 1, side: 2 };
const rows = (row: (query: number) => number[]) => [0, 1, 2, 3, 4].flatMap(row);
const weights = Float32Array.from([
	// Every position to itself.
	...rows((query) => [0, 1, 2, 3, 4].map((key) => Number(key === query))),
	// Half to the class token, half to a.
	...rows(() => [0.5, 0.5, 0, 0, 0])
]);

describe('attention inside the vision tower', () => {
	it('has a mean distance, over patches alone', () => {
		const [itself, toA] = attentionDistances(weights, at);
		expect(itself).toBe(0);
		// From a, b, c and d to a: 0, 1, 1, √2.
		expect(toA).toBeCloseTo((2 + Math.SQRT2) / 4, 6);
	});

	it('that is the same everywhere has the mean distance of all pairs', () => {
		const same = new Float32Array(25).fill(0.2);
		expect(attentionDistances(same, { ...at, heads: 1 })[0]).toBeCloseTo(uniformDistance(2), 6);
		let sum = 0;
		for (let a = 0; a < 36; a++)
			for (let b = 0; b < 36; b++)
				sum += Math.hypot(Math.floor(a / 6) - Math.floor(b / 6), (a % 6) - (b % 6));
		expect(uniformDistance(6)).toBeCloseTo(sum / 36 ** 2, 10);
	});

	it('goes to the class token by a share', () => {
		expect([...attentionToClass(weights, at)]).toEqual([0, 0.5]);
		expect([
			...attentionToClass(new Float32Array(16).fill(0.25), { heads: 1, classTokens: 0, side: 2 })
		]).toEqual([0]);
	});

	it('is read from a patch or from the class token', () => {
		expect([...attentionOf(weights, at, 2)]).toEqual([0, 0, 1, 0, 0.5, 0, 0, 0]);
		expect([...attentionOf(weights, at, undefined)]).toEqual([0, 0, 0, 0, 0.5, 0, 0, 0]);
	});
});
