import { describe, expect, it } from 'vitest';
import { tokenPatchMap } from '../../../src/lib/analysis/map.ts';
import { initialReferencePoints } from '../../../src/lib/analysis/offsets.ts';
import { channelGates, onTokens, stageSteps } from '../../../src/lib/analysis/stages.ts';
import { expectClose } from './fixtures.ts';

/** Cell i of a 4 × 4 stage sees only patch i, with strength i + 1. */
const own = tokenPatchMap(
	16,
	16,
	Float32Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? i / 17 + 1 : 0))
);

describe('stages on visual tokens', () => {
	it('pool energies over the home cell', () => {
		const map = onTokens(own, 4, 'energy');
		// The second of 2 × 2 tokens has cells 2, 3, 6, 7 as its home.
		const expected = new Float32Array(16);
		for (const cell of [2, 3, 6, 7]) expected[cell] = Math.sqrt((cell + 1) ** 2 / 4);
		expectClose(map.data.subarray(16, 32), expected);
		expectClose(
			onTokens(own, 4, 'value').data.subarray(16, 32),
			expected.map((value) => value / 2)
		);
	});

	it('weight cells cut by the edge by their area', () => {
		const row = onTokens(own, 9, 'value').data.subarray(0, 16);
		// 4/3 cells on each side: areas 1, 1/3, 1/3, 1/9 of 16/9.
		const expected = new Float32Array(16);
		expected.set([9 / 16, (2 * 3) / 16], 0);
		expected.set([(5 * 3) / 16, 6 / 16], 4);
		expectClose(row, expected);
	});

	it('leave maps of M tokens as they are, and refuse grids that are not square', () => {
		expect(onTokens(own, 16, 'energy')).toBe(own);
		expect(() => onTokens(own, 5, 'energy')).toThrow(/must be squares/);
	});

	it('tell what each step moves', () => {
		const even = tokenPatchMap(16, 16, new Float32Array(256).fill(1));
		const steps = stageSteps(
			[
				{ name: 'proj.s1', map: own },
				{ name: 'proj.s2', map: even }
			],
			16,
			5
		);
		expect(steps.map(({ name }) => name)).toEqual(['proj.s1', 'proj.s2']);
		expect(steps[0]).toMatchObject({ moved: NaN, locality: { token: 5, effectivePatches: 1 } });
		expect(steps[0]!.locality.home!.inside).toBe(1);
		expect(steps[1]!.moved).toBeCloseTo(15 / 16, 6);
		expect(steps[1]!.locality.effectivePatches).toBeCloseTo(16, 4);
	});
});

describe('initial reference points', () => {
	it('are those of the specification (g = 16, m = 12)', () => {
		const points = initialReferencePoints(144, 16);
		expect(points[0]).toEqual({ x: 0.5, y: 0.5 });
		expect(points[1]!.x / 16).toBeCloseTo(0.116477, 6);
		expect(points[143]).toEqual({ x: 15.5, y: 15.5 });
		expect(points[13]!.y).toBe(points[12]!.y);
		expect(() => initialReferencePoints(10, 8)).toThrow(/square grid/);
	});
});

describe('channel gates', () => {
	const map = (data: number[]) => ({
		dtype: 'float32' as const,
		dims: [1, 3, 2, 2],
		data: Float32Array.from(data)
	});

	it('are the one factor between a channel before and after', () => {
		const before = map([1, 2, -1, 4, 3, 0, 0, -2, 0, 0, 0, 0]);
		const after = map([0.25, 0.5, -0.25, 1, 2.7, 0, 0, -1.8, 0, 0, 0, 0]);
		const gates = channelGates(before, after);
		expect(gates[0]).toBeCloseTo(0.25, 6);
		expect(gates[1]).toBeCloseTo(0.9, 6);
		expect(gates[2]).toBeNaN();
	});

	it('refuse maps that do not belong together', () => {
		expect(() => channelGates(map(Array<number>(12).fill(1)), { ...map([]), dims: [1, 2, 2, 3] })).toThrow(
			/of one shape/
		);
	});
});

describe('stages of tokens without an order', () => {
	it('are pooled over the homes given', () => {
		const [left, right] = [0, 2].map((from) => ({ left: from, top: 0, right: from + 2, bottom: 4 }));
		const row = onTokens(own, 2, 'value', [right!, left!]).data;
		// The first token's home is the right half: columns 2 and 3.
		expect(Array.from(row.subarray(0, 4))).toEqual([0, 0, 3 / 8, 4 / 8]);
		expect(Array.from(row.subarray(16, 20))).toEqual([1 / 8, 2 / 8, 0, 0]);
	});
});
