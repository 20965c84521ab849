import { describe, expect, it } from 'vitest';
import {
	mcnemar,
	mean,
	meanInterval,
	median,
	quantiles,
	ranks,
	signFlip,
	spearman,
	studentQuantile,
	wilson
} from '../../../src/lib/analysis/statistics.ts';
import { expectClose, readFixture } from './fixtures.ts';

const { statistics: expected } = readFixture<{
	statistics: {
		values: number[];
		mean: number;
		probabilities: number[];
		quantiles: number[];
		mcnemar: { onlyA: number; onlyB: number; exact: number; mid: number }[];
	};
}>('analysis.json');

describe('descriptions', () => {
	it('agree with NumPy', () => {
		expect(mean(expected.values)).toBeCloseTo(expected.mean, 9);
		expectClose(quantiles(expected.values, expected.probabilities), expected.quantiles, 1e-9);
	});

	it('handle one value and refuse none', () => {
		expect(median([3])).toBe(3);
		expect(() => mean([])).toThrow(/at least one value/);
	});
});

describe("Student's interval", () => {
	it.each([
		[1, 12.7062],
		[2, 4.30265],
		[4, 2.77645],
		[7, 2.36462],
		[10, 2.22814],
		[30, 2.04227],
		[120, 1.97993],
		[100_000, 1.95999]
	])('takes the quantile of the tables at %i degrees of freedom', (freedom, quantile) => {
		expect(Math.abs(studentQuantile(freedom) - quantile)).toBeLessThan(6e-6 * quantile);
	});

	it('is t · s / √n about the mean, and ends where values do', () => {
		const { value, low, high, n } = meanInterval([0.9, 0.8, 1, 0.9, 0.7]);
		expect([value, n]).toEqual([0.86, 5]);
		// s = 0.114018, s / √5 = 0.050990
		expect(high - value).toBeCloseTo(2.77645 * 0.05099, 5);
		expect(value - low).toBeCloseTo(high - value, 12);
		expect(meanInterval([0.9, 0.8, 1, 0.9, 0.7], [0, 1]).high).toBe(1);
	});

	it('of one value is that value', () => {
		expect(meanInterval([3])).toMatchObject({ value: 3, low: 3, high: 3, n: 1 });
	});
});

describe('exchanged sides', () => {
	it('are McNemar’s exact test where all differences are of one size', () => {
		const differences = [...(Array(7).fill(1) as number[]), -1, -1, 0, 0, 0];
		const { exact } = mcnemar(
			differences.map((d) => d >= 0),
			differences.map((d) => d <= 0)
		);
		expect(signFlip(differences)).toBeCloseTo(exact, 12);
	});

	it('count every change of sign: Darwin’s plants (Fisher 1935)', () => {
		// 15 pairs; of 32,768 sums, 1726 are as far from 0 as the one that Darwin found.
		const plants = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
		expect(Math.abs(signFlip(plants) - 1726 / 32768)).toBeLessThan(0.01);
		expect(signFlip(plants)).toBe(signFlip(plants));
	});

	it('find nothing where nothing differs, and cannot be sure of a few', () => {
		expect(signFlip([0, 0])).toBe(1);
		expect(signFlip([1, 2, 3])).toBe(0.25);
	});
});

describe("McNemar's test", () => {
	it.each(expected.mcnemar)('$onlyA against $onlyB', ({ onlyA, onlyB, exact, mid }) => {
		const a = [...Array(onlyA).fill(true), ...Array(onlyB).fill(false), true, false] as boolean[];
		const b = [...Array(onlyA).fill(false), ...Array(onlyB).fill(true), true, false] as boolean[];
		const result = mcnemar(a, b);
		expect(result).toMatchObject({ onlyA, onlyB });
		expect(result.exact).toBeCloseTo(exact, 9);
		expect(result.mid).toBeCloseTo(mid, 9);
	});

	it('says nothing when nothing differs', () => {
		expect(mcnemar([true, false], [true, false])).toEqual({ onlyA: 0, onlyB: 0, exact: 1, mid: 1 });
	});
});

describe("Wilson's interval", () => {
	it.each([
		[81, 263, 0.2553, 0.3662],
		[15, 148, 0.0624, 0.1605],
		[0, 20, 0, 0.1611],
		[1, 29, 0.0061, 0.1718]
	])('agrees with Newcombe (1998): %i of %i', (right, of, below, above) => {
		const { low, high } = wilson(right, of);
		expect(low).toBeCloseTo(below, 4);
		expect(high).toBeCloseTo(above, 4);
	});

	it('stays within 0 and 1', () => {
		expect(wilson(0, 20).low).toBe(0);
		expect(wilson(20, 20).high).toBe(1);
	});
});

describe('ranks', () => {
	it('are shared by equal values', () => {
		expect([...ranks([30, 10, 20, 20])]).toEqual([4, 1, 2.5, 2.5]);
	});

	it('correlate by order alone', () => {
		expect(spearman([1, 2, 3, 4], [1, 10, 100, 1000])).toBe(1);
		expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
		// scipy.stats.spearmanr([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
		expect(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])).toBeCloseTo(0.8, 12);
		expect(spearman([1, 1], [1, 2])).toBeNaN();
		expect(() => spearman([1], [1, 2])).toThrow('same items');
	});
});
