import { describe, expect, it } from 'vitest';
import {
	centreOf,
	homeCell,
	homeCells,
	neighbourToken,
	patchShares,
	patchSide,
	withNeighbours
} from '../../../src/lib/analysis/grid.ts';
import {
	assignedHomes,
	coverage,
	shareDifference,
	shareDistance,
	shares,
	summariseLocality,
	tokenLocalities
} from '../../../src/lib/analysis/locality.ts';
import { tokenPatchMap, tokenRow } from '../../../src/lib/analysis/map.ts';
import {
	expectClose,
	jacobian,
	mapOf,
	projectors,
	readFixture,
	type ExpectedLocality,
	type ExpectedToken
} from './fixtures.ts';

const { locality, uneven } = readFixture<{
	locality: Record<string, ExpectedLocality>;
	uneven: ExpectedLocality & { weights: number[][] };
}>('analysis.json');

function expectTokens(actual: ReturnType<typeof tokenLocalities>, expected: readonly ExpectedToken[]): void {
	expect(actual.length).toBe(expected.length);
	expect(actual.map(({ peak }) => peak)).toEqual(expected.map(({ peak }) => peak));
	const columns = (
		of: (token: (typeof actual)[number]) => number,
		wanted: (token: ExpectedToken) => number
	) => expectClose(actual.map(of), expected.map(wanted), 2e-5);
	columns(
		(t) => t.centroid.x,
		(t) => t.centroid[0]
	);
	columns(
		(t) => t.centroid.y,
		(t) => t.centroid[1]
	);
	columns(
		(t) => t.effectivePatches,
		(t) => t.effectivePatches
	);
	columns(
		(t) => t.home!.inside,
		(t) => t.inside
	);
	columns(
		(t) => t.home!.near,
		(t) => t.near
	);
	// Some of these are 0.
	actual.forEach((token, i) => {
		expect(token.spread).toBeCloseTo(expected[i]!.spread, 5);
		expect(token.home!.drift).toBeCloseTo(expected[i]!.drift, 4);
		expect(token.entropy).toBeCloseTo(expected[i]!.entropy, 4);
	});
}

describe('locality of the golden projectors, from exact Jacobians', () => {
	it.each(projectors)('%s: tokens and coverage as NumPy has them', (name) => {
		const map = mapOf(jacobian(name).norm);
		const expected = locality[name]!;
		const tokens = tokenLocalities(map, 'energy');
		expectTokens(
			expected.picked!.map((token) => tokens[token]!),
			expected.tokens
		);
		const { cover, strongest, dominance, effectiveTokens } = coverage(map, 'energy');
		expectClose(cover, expected.cover, 1e-5);
		expect([...strongest]).toEqual(expected.strongest);
		expectClose(dominance, expected.dominance, 1e-5);
		expectClose(effectiveTokens, expected.effectiveTokens, 1e-4);
	});

	it('finds the linear projector perfectly local', () => {
		const tokens = tokenLocalities(mapOf(jacobian('linear').norm), 'energy');
		for (const token of tokens) {
			expect(token.peak).toBe(token.token);
			expect(token).toMatchObject({ entropy: 0, effectivePatches: 1, spread: 0 });
			expect(token.home).toMatchObject({ drift: 0, inside: 1, near: 1 });
		}
	});
});

describe('locality', () => {
	it('measures on a grid that M does not divide', () => {
		const map = mapOf(uneven.weights);
		expectTokens(tokenLocalities(map, 'value'), uneven.tokens);
		expectClose(coverage(map, 'value').cover, uneven.cover);
	});

	it('gives chance levels that even shares reach exactly', () => {
		const even = tokenPatchMap(9, 25, new Float32Array(225).fill(0.7));
		for (const token of tokenLocalities(even, 'energy')) {
			expect(token.entropy).toBeCloseTo(Math.log2(25), 5);
			expect(token.home!.inside).toBeCloseTo(1 / 9, 5);
			expect(token.home!.inside).toBeCloseTo(token.home!.insideByChance, 6);
			expect(token.home!.near).toBeCloseTo(token.home!.nearByChance, 6);
		}
	});

	it('leaves a token without any response without numbers, and out of the summary', () => {
		const data = new Float32Array(4 * 16);
		data.fill(1, 0, 16);
		const tokens = tokenLocalities(tokenPatchMap(4, 16, data), 'energy');
		expect(tokens[1]!.total).toBe(0);
		expect(tokens[1]!.spread).toBeNaN();
		const spread = summariseLocality([tokens]).find(({ measure }) => measure === 'spread')!;
		expect(spread.estimate.value).toBe(tokens[0]!.spread);
	});

	it('measures nothing against a home when M is not a square', () => {
		const tokens = tokenLocalities(tokenPatchMap(3, 16, new Float32Array(48).fill(1)), 'value');
		expect(tokens[0]!.home).toBeUndefined();
		expect(summariseLocality([tokens]).map(({ measure }) => measure)).toEqual([
			'spread',
			'entropy',
			'effectivePatches'
		]);
	});

	it('gives shuffled tokens their homes back', () => {
		const map = mapOf(jacobian('c-abs').norm);
		const order = [5, 0, 11, 3, 14, 9, 1, 15, 7, 2, 12, 4, 10, 6, 13, 8];
		const shuffled = tokenPatchMap(
			16,
			64,
			Float32Array.from(order.flatMap((token) => [...tokenRow(map, token)]))
		);
		const drift = (homes?: ReturnType<typeof assignedHomes>) =>
			tokenLocalities(shuffled, 'energy', homes).reduce((sum, token) => sum + token.home!.drift ** 2, 0);
		const best = assignedHomes(shuffled, 'energy')!;
		const original = order.map((token) => homeCell(token, 4, 8));
		expect(new Set(best.map((cell) => `${cell.left} ${cell.top}`)).size).toBe(16);
		expect(drift(best)).toBeLessThanOrEqual(drift(original) + 1e-9);
		expect(drift(best)).toBeLessThan(drift());
	});

	it('compares maps by share', () => {
		const a = tokenPatchMap(2, 4, Float32Array.of(1, 0, 0, 0, 1, 1, 1, 1));
		const b = tokenPatchMap(2, 4, Float32Array.of(0, 0, 0, 9, 3, 3, 3, 3));
		expectClose(shareDifference(a, b, 'value').data, [1, 0, 0, -1, 0, 0, 0, 0]);
		expectClose(shareDistance(a, b, 'value'), [1, 0]);
		expect(() => shareDistance(a, tokenPatchMap(1, 4, new Float32Array(4)), 'value')).toThrow(
			/choose the same M/
		);
	});

	it('refuses negative weights and grids that are not square', () => {
		expect(() => shares(tokenPatchMap(1, 4, Float32Array.of(1, -1, 0, 0)), 'value')).toThrow(/token 0/);
		expect(() => patchSide(10)).toThrow(/10 patches/);
		expect(() => tokenPatchMap(2, 4, new Float32Array(7))).toThrow(/8 values, got 7/);
	});

	it('takes the interval over images', () => {
		const image = (scale: number) =>
			tokenLocalities(
				tokenPatchMap(
					1,
					16,
					Float32Array.from({ length: 16 }, (_, i) => Math.exp(-i * scale))
				),
				'value'
			);
		const summary = summariseLocality([0.1, 0.4, 0.2, 0.9, 0.5].map(image));
		const entropy = summary.find(({ measure }) => measure === 'entropy')!;
		expect(entropy.estimate.n).toBe(5);
		expect(entropy.estimate.low).toBeLessThan(entropy.estimate.value);
		expect(entropy.estimate.high).toBeGreaterThan(entropy.estimate.value);
	});
});

describe('grid', () => {
	it('covers the image once with home cells, whatever M', () => {
		for (const tokens of [1, 4, 9, 16, 25]) {
			const sum = new Float32Array(25);
			for (const cell of homeCells(tokens, 5)!)
				patchShares(cell, 5).forEach((share, n) => (sum[n]! += share));
			expectClose(sum, new Float32Array(25).fill(1));
		}
		expect(homeCells(12, 5)).toBeUndefined();
	});

	it('puts the home of a token of a linear projector on its own patch', () => {
		expect(centreOf(homeCell(13, 8, 8))).toEqual({ x: 5.5, y: 1.5 });
	});

	it('cuts neighbourhoods at the edge', () => {
		expect(withNeighbours(homeCell(0, 3, 6), 6)).toEqual({ left: 0, top: 0, right: 4, bottom: 4 });
		expect(withNeighbours(homeCell(4, 3, 6), 6)).toEqual({ left: 0, top: 0, right: 6, bottom: 6 });
	});

	it('moves between tokens by arrow keys and stays on the grid', () => {
		const go = (token: number, key: string) => neighbourToken(token, 4, 16, key);
		expect([go(5, 'ArrowLeft'), go(5, 'ArrowRight'), go(5, 'ArrowUp'), go(5, 'ArrowDown')]).toEqual([
			4, 6, 1, 9
		]);
		expect([go(4, 'ArrowLeft'), go(7, 'ArrowRight'), go(0, 'ArrowUp'), go(15, 'ArrowDown')]).toEqual([
			undefined,
			undefined,
			undefined,
			undefined
		]);
		expect([go(5, 'Home'), go(5, 'End'), go(5, 'a')]).toEqual([0, 15, undefined]);
	});
});
