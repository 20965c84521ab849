import { describe, expect, it } from 'vitest';
import { groupBy } from '../../../src/cli/node-20.ts';

describe('groupBy', () => {
	it('does what Map.groupBy does', () => {
		const words = ['resampler', 'linear', 'mlp', 'c-abs', 'd-abs', 'pool'];
		for (const keyOf of [(word: string) => word.length, (_: string, i: number) => i % 2, () => NaN])
			expect([...groupBy(words, keyOf)]).toEqual([...Map.groupBy(words, keyOf)]);
		expect(groupBy([], () => 0).size).toBe(0);
	});
});
