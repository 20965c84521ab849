import { seededRandom, normals } from '../../../src/lib/bytes/random.ts';
import { describe, expect, it } from 'vitest';
import { assign } from '../../../src/lib/analysis/assignment.ts';
import {
	cosines,
	linearCKA,
	matchTokens,
	type TokenMatrix
} from '../../../src/lib/analysis/token-similarity.ts';
import { expectClose, readFixture } from './fixtures.ts';

const { similarity, assignment } = readFixture<{
	similarity: {
		x: number[][];
		y: number[][];
		cka: number;
		a: number[][];
		b: number[][];
		cosine: number[][];
		partner: number[];
		mean: number;
	};
	assignment: { cost: number[][]; least: number }[];
}>('analysis.json');

const tokens = (rows: number[][]): TokenMatrix => ({
	tokens: rows.length,
	width: rows[0]!.length,
	data: Float32Array.from(rows.flat())
});

describe('assignment', () => {
	it.each(assignment)('reaches the least cost of all permutations ($least)', ({ cost, least }) => {
		const [rows, columns] = [cost.length, cost[0]!.length];
		const result = assign(Float64Array.from(cost.flat()), rows, columns);
		expect(result.cost).toBeCloseTo(least, 7);
		const used = [...result.columnOfRow].filter((column) => column >= 0);
		expect(new Set(used).size).toBe(Math.min(rows, columns));
		result.columnOfRow.forEach((column, row) => {
			if (column >= 0) expect(result.rowOfColumn[column]).toBe(row);
		});
		expect(used.length).toBe(Math.min(rows, columns));
	});

	it('solves 256 × 256 in well under a second', () => {
		const n = 256;
		const random = seededRandom(9);
		const cost = Float64Array.from({ length: n * n }, random);
		const hidden = Array.from({ length: n }, (_, i) => (i * 37 + 11) % n);
		hidden.forEach((column, row) => (cost[row * n + column]! -= 2));
		// Processor time: unlike the clock, the same when others are busy.
		const start = process.cpuUsage();
		expect([...assign(cost, n, n).columnOfRow]).toEqual(hidden);
		expect(process.cpuUsage(start).user).toBeLessThan(1e6);
	});

	it('refuses costs it cannot add', () => {
		expect(() => assign(Float64Array.of(1, NaN), 1, 2)).toThrow(/infinite or undefined/);
		expect(() => assign(Float64Array.of(1), 1, 2)).toThrow(/needs 2 values/);
	});
});

describe('linear CKA', () => {
	it('agrees with the feature form in NumPy', () => {
		expect(linearCKA(tokens(similarity.x), tokens(similarity.y))).toBeCloseTo(similarity.cka, 6);
	});

	it('does not see rotation, scale or a common vector', () => {
		const x = tokens(similarity.x);
		const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
		const turned = similarity.x.map(([first, second, ...rest]) =>
			[c * first! - s * second!, s * first! + c * second!, ...rest].map((value) => 3 * value + 5)
		);
		expect(linearCKA(x, tokens(turned))).toBeCloseTo(1, 6);
	});

	it('needs the same tokens', () => {
		expect(() => linearCKA(tokens(similarity.a), tokens(similarity.b))).toThrow(/5 and 7/);
	});
});

describe('matching', () => {
	it('finds the best partners among 7 for 5 tokens', () => {
		expectClose(cosines(tokens(similarity.a), tokens(similarity.b)), similarity.cosine.flat());
		const { partner, cosine, mean } = matchTokens(tokens(similarity.a), tokens(similarity.b));
		expect([...partner]).toEqual(similarity.partner);
		expect(mean).toBeCloseTo(similarity.mean, 6);
		expect(cosine[0]!).toBeCloseTo(similarity.cosine[0]![similarity.partner[0]!]!, 6);
	});

	it('leaves tokens without partner when the other projector has fewer', () => {
		const { partner, cosine } = matchTokens(tokens(similarity.b), tokens(similarity.a));
		expect([...partner].filter((other) => other < 0).length).toBe(2);
		expect([...cosine].filter(Number.isNaN).length).toBe(2);
	});

	it('gives a zero token cosine 0 and refuses other widths', () => {
		const zero: TokenMatrix = { tokens: 1, width: 6, data: new Float32Array(6) };
		expect([...cosines(zero, tokens(similarity.a))]).toEqual([0, 0, 0, 0, 0]);
		expect(() => cosines(tokens(similarity.x), zero)).toThrow(/one width, got 7 and 6/);
	});

	it('takes 256 wide tokens', () => {
		const random = seededRandom(2);
		const data = Float32Array.from(normals(256 * 512, random));
		const a: TokenMatrix = { tokens: 256, width: 512, data };
		expect(matchTokens(a, a).mean).toBeCloseTo(1, 5);
	});
});
