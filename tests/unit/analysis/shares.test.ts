import { describe, expect, it } from 'vitest';
import { clusteredShare, combined, pairedShares, tango } from '../../../src/lib/analysis/shares.ts';
import { studentQuantile, wilson, Z } from '../../../src/lib/analysis/statistics.ts';

const alone = (right: number, wrong: number) => [
	...Array.from({ length: right }, () => ({ sum: 1, count: 1 })),
	...Array.from({ length: wrong }, () => ({ sum: 0, count: 1 }))
];

describe('a share of answers that vary together', () => {
	it('is Wilson’s where every answer stands alone', () => {
		const { low, high, value, n } = clusteredShare(alone(81, 182));
		expect([value, n]).toEqual([81 / 263, 263]);
		expect(low).toBeCloseTo(0.2553, 4);
		expect(high).toBeCloseTo(0.3662, 4);
	});

	it('has a width where all is right, and where all is wrong', () => {
		expect(clusteredShare(alone(50, 0)).low).toBeCloseTo(wilson(50, 50).low, 12);
		expect(clusteredShare(alone(50, 0)).high).toBe(1);
		expect(clusteredShare(alone(0, 10)).high).toBeCloseTo(0.2775, 4);
	});

	it('counts answers that always agree as about one: by hand for ten pairs', () => {
		const pairs = Array.from({ length: 10 }, (_, i) => ({ sum: i < 6 ? 2 : 0, count: 2 }));
		// Design effect (2m − 1) / (m − 1) = 19 / 9 of 20 answers, and the doubt of 9 degrees of freedom.
		const size = ((20 * 9) / 19) * (studentQuantile(19) / studentQuantile(9)) ** 2;
		const expected = wilson(0.6 * size, size);
		const { value, low, high } = clusteredShare(pairs);
		expect(value).toBe(0.6);
		expect(low).toBeCloseTo(expected.low, 9);
		expect(high).toBeCloseTo(expected.high, 9);
	});

	it('never counts more than there are: pairs that are always half right', () => {
		const { low } = clusteredShare(Array.from({ length: 10 }, () => ({ sum: 1, count: 2 })));
		expect(low).toBeGreaterThanOrEqual(wilson(10, 20).low - 0.05);
		expect(low).toBeLessThanOrEqual(wilson(10, 20).low);
	});

	it('refuses nothing', () => {
		expect(() => clusteredShare([])).toThrow(/at least one item/);
	});
});

describe('combined estimates', () => {
	it('make Newcombe’s interval of a difference (1998, method 10: 56/70 − 48/80)', () => {
		const { value, low, high } = combined([wilson(56, 70), wilson(48, 80)], [1, -1]);
		expect(value).toBeCloseTo(0.2, 12);
		expect(low).toBeCloseTo(0.0524, 4);
		expect(high).toBeCloseTo(0.3339, 4);
	});

	it('have a width at the edge', () => {
		const { value, low, high } = combined([wilson(10, 10), wilson(10, 10)], [50, 50]);
		expect([value, high]).toEqual([100, 100]);
		expect(low).toBeLessThan(90);
	});
});

/** The score statistic from its definition: the share of b alone that makes the counts most probable is searched for. */
function scoreByDefinition(onlyA: number, onlyB: number, n: number, delta: number): number {
	const log = (count: number, share: number) => (count === 0 ? 0 : count * Math.log(share));
	const likelihood = (b: number) =>
		log(onlyA, b + delta) + log(onlyB, b) + log(n - onlyA - onlyB, 1 - 2 * b - delta);
	let [low, high] = [Math.max(0, -delta), (1 - delta) / 2];
	for (let i = 0; i < 200; i++) {
		const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
		if (likelihood(left) < likelihood(right)) low = left;
		else high = right;
	}
	const b = (low + high) / 2;
	return (onlyA - onlyB - n * delta) / Math.sqrt(n * (2 * b + delta - delta * delta));
}

describe("Tango's interval", () => {
	it.each([
		[12, 2, 50],
		[2, 12, 50],
		[9, 5, 14],
		[31, 12, 420],
		[6, 0, 44]
	])('ends where the score test rejects: %i and %i of %i', (onlyA, onlyB, n) => {
		const [low, high] = tango(onlyA, onlyB, n);
		expect(scoreByDefinition(onlyA, onlyB, n, low)).toBeCloseTo(Z, 4);
		expect(scoreByDefinition(onlyA, onlyB, n, high)).toBeCloseTo(-Z, 4);
		expect(low).toBeLessThan((onlyA - onlyB) / n);
	});

	it('of no disagreement is z² / (n + z²)', () => {
		const [low, high] = tango(0, 0, 50);
		expect(high).toBeCloseTo(Z ** 2 / (50 + Z ** 2), 9);
		expect(low).toBeCloseTo(-high, 12);
	});
});

describe('paired shares', () => {
	it('are Tango’s where every pair stands alone, and wider where pairs go together', () => {
		const pairs = (size: number) =>
			Array.from({ length: 40 / size }, (_, i) => ({
				onlyA: i % 4 === 0 ? size : 0,
				onlyB: i % 8 === 1 ? size : 0,
				count: size
			}));
		const [single, doubled] = [pairedShares(pairs(1)), pairedShares(pairs(2))];
		expect([single.low, single.high]).toEqual(tango(10, 5, 40));
		expect(doubled.high - doubled.low).toBeGreaterThan(1.3 * (single.high - single.low));
	});
});
