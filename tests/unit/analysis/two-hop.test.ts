import { describe, expect, it } from 'vitest';
import { tokenPatchMap } from '../../../src/lib/analysis/map.ts';
import { twoHops } from '../../../src/lib/analysis/two-hop.ts';
import { expectClose, mapOf, readFixture } from './fixtures.ts';

const fixture = readFixture<{
	twoHop: { influence: number[][]; map: number[][] };
	uneven: { weights: number[][] };
}>('analysis.json');
const influence = Float32Array.from(fixture.twoHop.influence.flat());
const locality = mapOf(fixture.uneven.weights);

describe('two hops', () => {
	it('compose as the matrix product in NumPy', () => {
		expectClose(twoHops(influence, 2, locality, 'energy'), fixture.twoHop.map.flat());
		expectClose(twoHops(influence.subarray(9), 1, locality, 'energy'), fixture.twoHop.map[1]!);
	});

	it('lose nothing, signs included', () => {
		const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);
		const word = influence.subarray(0, 9);
		expect(sum(twoHops(word, 1, locality, 'value'))).toBeCloseTo(sum(word), 5);
	});

	it('refuse a map of another M', () => {
		expect(() => twoHops(new Float32Array(4), 1, locality, 'value')).toThrow(/same projector and M/);
	});

	it('put a token without response nowhere', () => {
		const map = tokenPatchMap(1, 4, new Float32Array(4));
		expect([...twoHops(Float32Array.of(2), 1, map, 'energy')]).toEqual([0, 0, 0, 0]);
	});
});
