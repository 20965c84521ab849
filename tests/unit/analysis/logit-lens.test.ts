import { describe, expect, it } from 'vitest';
import { LogitLens, logitLens, projectLogits, rmsNorm } from '../../../src/lib/analysis/logit-lens.ts';
import { expectClose, readFixture } from './fixtures.ts';

const { lens } = readFixture<{
	lens: {
		hidden: number[][];
		norm: number[];
		epsilon: number;
		head: number[][];
		ids: number[][];
		probabilities: number[][];
		entropy: number[];
	};
}>('analysis.json');
const hidden = Float32Array.from(lens.hidden.flat());
const head = Float32Array.from(lens.head.flat());
const norm = { weight: Float32Array.from(lens.norm), epsilon: lens.epsilon };

describe('logit lens', () => {
	it.each([1, 2, 5, 22, 23, 100])('reads the same with chunks of %i words', (chunk) => {
		const readings = logitLens(hidden, { norm, head }, { k: 4, chunk });
		expect(readings.map(({ ids }) => ids)).toEqual(lens.ids);
		readings.forEach(({ probabilities }, p) => expectClose(probabilities, lens.probabilities[p]!));
		expectClose(
			readings.map(({ entropy }) => entropy),
			lens.entropy
		);
	});

	it('does not norm what is normed', () => {
		const normed = rmsNorm(hidden, norm.weight, norm.epsilon);
		expect(logitLens(normed, { norm, head }, { k: 4, normed: true }).map(({ ids }) => ids)).toEqual(lens.ids);
	});

	it('knows the entropy of even and of certain logits, also far from 0', () => {
		const reader = new LogitLens(2, 2);
		reader.add(Float32Array.of(500, 500, -900, 900), 0);
		reader.add(Float32Array.of(500, 500, -900, -900), 2);
		const [even, certain] = reader.read();
		expect(even!.entropy).toBeCloseTo(2, 9);
		expect(even!.ids).toEqual([0, 1]);
		expect(certain).toEqual({ ids: [1, 0], probabilities: [1, 0], entropy: 0 });
	});

	it('refuses chunks that are not whole', () => {
		expect(() => new LogitLens(2, 1).add(new Float32Array(3), 0)).toThrow(/3 logits/);
	});

	it('projects rows of the head', () => {
		expect([...projectLogits(Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 0, 0, 1, 1, 1), 2)]).toEqual([
			1, 2, 3, 3, 4, 7
		]);
	});
});
