import { scaleLinear } from 'd3';
import { describe, expect, it } from 'vitest';
import { number } from '../../../src/lib/viz/format.ts';
import { ticksWithRoom } from '../../../src/lib/viz/rules.ts';
import { widthOf } from '../../../src/lib/viz/type.ts';

describe('values below a scale', () => {
	it('are as many as asked for where there is room', () => {
		expect(ticksWithRoom(scaleLinear([0, 400], [0, 300]), 4)).toEqual([0, 100, 200, 300, 400]);
	});

	it('are fewer where they would stand too close, and still round', () => {
		expect(ticksWithRoom(scaleLinear([0, 400], [0, 80]), 4)).toEqual([0, 200, 400]);
		expect(ticksWithRoom(scaleLinear([400, 0], [0, 80]), 4)).toEqual([400, 200, 0]);
	});

	it.each([40, 60, 80, 120, 200, 400])('never run into each other on %i pixels', (width) => {
		for (const [low, high] of [
			[0, 1],
			[0, 0.003],
			[-1.25, 1.25],
			[0, 400],
			[97.1, 98.3],
			[0, 123_456]
		] as const)
			for (const most of [2, 4, 6]) {
				const x = scaleLinear([low, high], [0, width]);
				const ticks = ticksWithRoom(x, most);
				expect(ticks.length).toBeGreaterThan(0);
				const ends = ticks.map((tick) => [x(tick), widthOf(number(tick), 11) / 2] as const);
				for (let i = 1; i < ends.length; i++)
					expect(ends[i]![0] - ends[i - 1]![0], `${low} to ${high}: ${ticks.join(', ')}`).toBeGreaterThan(
						ends[i]![1] + ends[i - 1]![1]
					);
			}
	});
});
