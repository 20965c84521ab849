import { describe, expect, it } from 'vitest';
import { tokenLocalities } from '../../../src/lib/analysis/locality.ts';
import { tokenPatchMap } from '../../../src/lib/analysis/map.ts';
import { mean } from '../../../src/lib/analysis/statistics.ts';
import { onOnePicture, pairedDifference } from '../../../src/lib/study/paired-locality.ts';

const side = 8;
/** Tokens on a grid, each a bell around its home of a width of its own. */
function bells(tokens: number, width: (token: number) => number) {
	const across = Math.sqrt(tokens);
	const data = Float32Array.from({ length: tokens * side * side }, (_, i) => {
		const [token, n] = [Math.floor(i / side ** 2), i % side ** 2];
		const x = (((token % across) + 0.5) * side) / across - 0.5;
		const y = ((Math.floor(token / across) + 0.5) * side) / across - 0.5;
		return Math.exp(-(((n % side) - x) ** 2 + (Math.floor(n / side) - y) ** 2) / width(token));
	});
	return tokenLocalities(tokenPatchMap(tokens, side * side, data), 'energy');
}

const sharp = bells(16, (token) => 1 + 0.02 * token);
const broad = bells(16, (token) => 3 + 0.02 * token);
const coarse = bells(4, () => 3);

describe('projectors on one picture', () => {
	it('are compared place by place with the first', () => {
		const [first, second] = onOnePicture([
			{ name: 'a', localities: sharp },
			{ name: 'b', title: 'B: other', localities: broad }
		]);
		expect(first!.summary.every((one) => one.difference === undefined)).toBe(true);
		expect([second!.title, second!.tokens]).toEqual(['B: other', 16]);
		const inside = second!.summary.find(({ measure }) => measure === 'inside')!;
		const means = [sharp, broad].map((tokens) => mean(tokens.map(({ home }) => home!.inside)));
		expect(inside.difference!.value).toBeCloseTo(means[1]! - means[0]!, 9);
		expect(inside.difference!.n).toBe(16);
		expect(inside.difference!.high).toBeLessThan(0);
		// Every one of 16 places agrees; 4095 changes of sign are drawn.
		expect(inside.difference!.p).toBeLessThan(0.002);
	});

	it('of unequal M are paired by the cells that hold each other, whichever comes first', () => {
		const one = pairedDifference(coarse, sharp, 'spread')!;
		const other = pairedDifference(sharp, coarse, 'spread')!;
		expect([one.n, other.n]).toEqual([4, 4]);
		expect(one.value).toBeCloseTo(-other.value, 12);
		expect(one.value).toBeCloseTo(
			mean(sharp.map(({ spread }) => spread)) - mean(coarse.map(({ spread }) => spread)),
			9
		);
	});

	it('that are the same differ by nothing', () => {
		expect(pairedDifference(sharp, sharp, 'inside')).toMatchObject({ value: 0, low: 0, high: 0, p: 1 });
		expect(pairedDifference([], sharp, 'inside')).toBeUndefined();
	});
});
