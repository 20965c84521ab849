import { describe, expect, it } from 'vitest';
import { LogitLens, type LensReading } from '../../../src/lib/analysis/logit-lens.ts';
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
/** The whole lens: RMSNorm of hidden states [position, width], then logits by rows of the head, `chunk` words at a time. */
function logitLens(k: number, chunk: number): LensReading[] {
	const width = lens.norm.length;
	const normed = lens.hidden.map((row) => {
		const scale = 1 / Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / width + lens.epsilon);
		return row.map((x, i) => x * scale * lens.norm[i]!);
	});
	const reader = new LogitLens(lens.hidden.length, k);
	for (let first = 0; first < lens.head.length; first += chunk) {
		const words = lens.head.slice(first, first + chunk);
		const logits = normed.flatMap((row) =>
			words.map((word) => word.reduce((sum, x, i) => sum + x * row[i]!, 0))
		);
		reader.add(Float32Array.from(logits), first);
	}
	return reader.read();
}

describe('logit lens', () => {
	it.each([1, 2, 5, 22, 23, 100])('reads the same with chunks of %i words', (chunk) => {
		const readings = logitLens(4, chunk);
		expect(readings.map(({ ids }) => ids)).toEqual(lens.ids);
		readings.forEach(({ probabilities }, p) => expectClose(probabilities, lens.probabilities[p]!));
		expectClose(
			readings.map(({ entropy }) => entropy),
			lens.entropy
		);
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
});
