import { describe, expect, it } from 'vitest';
import { bootstrap, mcnemar, mean, median, quantiles, wilson } from '../../../src/lib/analysis/statistics.ts';
import { expectClose, readFixture } from './fixtures.ts';

const { statistics: expected } = readFixture<{
	statistics: {
		values: number[];
		mean: number;
		probabilities: number[];
		quantiles: number[];
		bootstrap: [number, number];
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

describe('bootstrap', () => {
	it('gives the interval that NumPy finds, within Monte Carlo error', () => {
		const { value, low, high, n } = bootstrap(expected.values, { resamples: 20_000 });
		expect(n).toBe(17);
		expect(value).toBeCloseTo(expected.mean, 9);
		const width = expected.bootstrap[1] - expected.bootstrap[0];
		expect(Math.abs(low - expected.bootstrap[0])).toBeLessThan(0.02 * width);
		expect(Math.abs(high - expected.bootstrap[1])).toBeLessThan(0.02 * width);
	});

	it('is repeatable and depends on the seed', () => {
		expect(bootstrap(expected.values, { seed: 4 })).toEqual(bootstrap(expected.values, { seed: 4 }));
		expect(bootstrap(expected.values, { seed: 5 }).low).not.toBe(bootstrap(expected.values, { seed: 4 }).low);
	});

	it('takes another statistic', () => {
		const estimate = bootstrap([1, 2, 3, 4, 100], { statistic: median });
		expect(estimate.value).toBe(3);
		expect(estimate.low).toBeGreaterThanOrEqual(1);
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
	it('agrees with a published example (Newcombe 1998: 81 of 263)', () => {
		const { low, high } = wilson(81, 263);
		expect(low).toBeCloseTo(0.2553, 4);
		expect(high).toBeCloseTo(0.3662, 4);
	});

	it('stays within 0 and 1', () => {
		expect(wilson(0, 20).low).toBe(0);
		expect(wilson(20, 20).high).toBe(1);
	});
});
