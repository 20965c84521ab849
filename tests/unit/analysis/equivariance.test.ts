import { describe, expect, it } from 'vitest';
import {
	equivarianceError,
	fieldDifference,
	shiftField,
	traceCentre,
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
		centre: [number, number];
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
		const centre = traceCentre(before)!;
		expect(centre.x).toBeCloseTo(expected.centre[0], 6);
		expect(centre.y).toBeCloseTo(expected.centre[1], 6);
	});

	it('is 0 for a trace that moves along, and for one that stays by the other measure', () => {
		const shift = { x: 2, y: -1 };
		expect(equivarianceError(before, shiftField(before, shift), shift).moved).toBe(0);
		expect(equivarianceError(before, before, shift).stayed).toBe(0);
		const opposite = { ...before, data: before.data.map((value) => -value) };
		expect(equivarianceError(before, opposite, { x: 0, y: 0 }).moved).toBeCloseTo(2, 6);
	});

	it('moves the centre by the shift when the object stays inside', () => {
		const one: Field = { side: 5, channels: 1, data: new Float32Array(25) };
		one.data[6] = 2;
		expect(traceCentre(one)).toEqual({ x: 1.5, y: 1.5 });
		expect(traceCentre(shiftField(one, { x: 2, y: 1 }))).toEqual({ x: 3.5, y: 2.5 });
	});

	it('knows when there is nothing to see', () => {
		const empty = fieldDifference(before, before);
		expect(equivarianceError(empty, empty, { x: 0, y: 0 }).moved).toBeNaN();
		expect(traceCentre(empty)).toBeUndefined();
		expect(() => equivarianceError(before, { ...after, channels: 1 }, { x, y })).toThrow(
			/same projector and M/
		);
	});
});
