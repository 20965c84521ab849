import { describe, expect, it } from 'vitest';
import { directionSpread, meanOverDirections } from '../../../src/lib/analysis/direction-spread.ts';
import { tokenLocalities } from '../../../src/lib/analysis/locality.ts';
import { tokenPatchMap, type TokenPatchMap } from '../../../src/lib/analysis/map.ts';
import { jackknife, meanInterval } from '../../../src/lib/analysis/statistics.ts';
import { normals, seededRandom } from '../../../src/lib/bytes/random.ts';

const [M, N, parts] = [4, 16, 8];
/** Responses of four tokens to parts of directions, which scatter about the same map. */
function drawn(seed: number): { map: TokenPatchMap; parts: TokenPatchMap[] } {
	const random = seededRandom(seed);
	const truth = Array.from({ length: M * N }, (_, i) => 1 + ((7 * i) % 5));
	const maps = Array.from({ length: parts }, () => {
		const noise = normals(M * N, random);
		return truth.map((value, i) => value * Math.exp(0.2 * noise[i]!));
	});
	const together = truth.map((_, i) => Math.sqrt(maps.reduce((sum, map) => sum + map[i]! ** 2, 0) / parts));
	const asMap = (values: readonly number[]) => tokenPatchMap(M, N, Float32Array.from(values));
	return { map: asMap(together), parts: maps.map(asMap) };
}

describe('a jackknife', () => {
	it('of a mean is the interval of the mean', () => {
		const values = [3, 1, 4, 1, 5, 9, 2, 6];
		const total = values.reduce((sum, value) => sum + value, 0);
		const leftOut = values.map((value) => (total - value) / (values.length - 1));
		const { low, high } = jackknife(total / values.length, leftOut);
		const expected = meanInterval(values);
		expect(low).toBeCloseTo(expected.low, 9);
		expect(high).toBeCloseTo(expected.high, 9);
	});

	it('shrinks where the sample is a good part of all', () => {
		const half = (left: number) => jackknife(0, [-1, 0, 1], left).high;
		expect(half(0.25)).toBeCloseTo(half(1) / 2, 12);
		expect(half(0)).toBe(0);
		expect(() => jackknife(0, [1])).toThrow(/two parts/);
	});
});

describe('what the choice of directions does', () => {
	it('covers what another choice would have given about as often as it says', () => {
		const many = Array.from({ length: 200 }, (_, seed) => drawn(seed + 1));
		const insides = many.map(({ map }) =>
			tokenLocalities(map, 'energy').reduce((sum, { home }) => sum + home!.inside / M, 0)
		);
		const truth = insides.reduce((sum, value) => sum + value, 0) / insides.length;
		const covering = many.filter(({ map, parts: of }) => {
			const { low, high } = meanOverDirections(directionSpread(map, of, 'energy', undefined, 1), 'inside');
			return low <= truth && truth <= high;
		});
		expect(covering.length).toBeGreaterThan(180);
		expect(covering.length).toBeLessThan(200);
	});

	it('is of maps over grids that are not square, too', () => {
		const grid = { rows: 2, columns: 7 };
		const map = tokenPatchMap(
			1,
			14,
			Float32Array.from({ length: 14 }, (_, i) => i + 1),
			grid
		);
		const spread = directionSpread(map, [map, map, map], 'energy', [], 1);
		expect(meanOverDirections(spread, 'spread').value).toBeCloseTo(
			tokenLocalities(map, 'energy', [])[0]!.spread,
			6
		);
	});

	it('is nothing where all parts agree', () => {
		const { map } = drawn(1);
		const spread = directionSpread(map, Array<TokenPatchMap>(parts).fill(map), 'energy', undefined, 1);
		for (const half of spread.tokens.inside) expect(half).toBeLessThan(1e-6);
		expect(meanOverDirections(spread, 'spread').value).toBe(spread.means.spread.value);
	});
});
