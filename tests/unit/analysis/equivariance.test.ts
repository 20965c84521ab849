import { describe, expect, it } from 'vitest';
import {
	equivarianceError,
	fieldDifference,
	shiftField,
	type Field
} from '../../../src/lib/analysis/equivariance.ts';
import { readFixture } from './fixtures.ts';

const { equivariance: expected } = readFixture<{
	equivariance: {
		before: number[][];
		after: number[][];
		shift: [number, number];
		moved: number;
		stayed: number;
		compared: number;
	};
}>('analysis.json');

const field = (rows: number[][]): Field => ({
	side: Math.sqrt(rows.length),
	channels: rows[0]!.length,
	data: Float32Array.from(rows.flat())
});
const before = field(expected.before);
const after = field(expected.after);
const [x, y] = expected.shift;

describe('equivariance', () => {
	it('agrees with NumPy for a shift between cells', () => {
		const error = equivarianceError(before, after, { x, y });
		expect(error.moved).toBeCloseTo(expected.moved, 6);
		expect(error.stayed).toBeCloseTo(expected.stayed, 6);
		expect(error.compared).toBeCloseTo(expected.compared, 9);
	});

	it('is 0 for a trace that moves along, and for one that stays by the other measure', () => {
		const shift = { x: 2, y: -1 };
		expect(equivarianceError(before, shiftField(before, shift), shift).moved).toBe(0);
		expect(equivarianceError(before, before, shift).stayed).toBe(0);
		const opposite = { ...before, data: before.data.map((value) => -value) };
		expect(equivarianceError(before, opposite, { x: 0, y: 0 }).moved).toBeCloseTo(2, 6);
	});

	it('moves cells by the shift when the object stays inside', () => {
		const one: Field = { side: 5, channels: 1, data: new Float32Array(25) };
		one.data[6] = 2;
		const moved = shiftField(one, { x: 2, y: 1 });
		expect([...moved.data.entries()].filter(([, value]) => value !== 0)).toEqual([[13, 2]]);
	});

	it('knows when there is nothing to see', () => {
		const empty = fieldDifference(before, before);
		expect(equivarianceError(empty, empty, { x: 0, y: 0 }).moved).toBeNaN();
		expect(() => equivarianceError(before, { ...after, channels: 1 }, { x, y })).toThrow(
			/same projector and M/
		);
	});
});
