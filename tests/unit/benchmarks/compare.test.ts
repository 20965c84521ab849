import { describe, expect, it } from 'vitest';
import type { Outcome, Report, Unit } from '../../../src/lib/benchmarks/benchmark.ts';
import { categoryLevels, categoryScores } from '../../../src/lib/benchmarks/breakdown.ts';
import { pairedDifference } from '../../../src/lib/benchmarks/compare.ts';
import { sceneFacts } from '../../../src/lib/benchmarks/scene-facts.ts';
import { generateScene } from '../../../src/lib/scenes/index.ts';

const outcome = (id: number, credit: number, category: string): Outcome => ({
	...{ id, credit, categories: ['all', category], parsed: '', drawn: false }
});
/** Two questions to an image make a unit. */
function report(credits: readonly number[], grouped = true): Report {
	const outcomes = credits.map((credit, id) => outcome(id, credit, id % 4 < 2 ? 'a' : 'b'));
	const units: Unit[] = [];
	const size = grouped ? 2 : 1;
	for (let i = 0; i < credits.length; i += size) {
		const ids = Array.from({ length: size }, (_, k) => i + k);
		units.push({
			...{ stratum: 's', categories: outcomes[i]!.categories, ids, count: size },
			sum: ids.reduce((sum, id) => sum + 100 * credits[id]!, 0)
		});
	}
	return {
		...{ benchmark: 'x', scores: [], tables: [], outcomes, units, combine: 'mean', files: [], notes: [] }
	};
}

describe('paired differences', () => {
	it('are exact in the middle, and McNemar counts what only one has right', () => {
		const a = report([1, 1, 1, 1, 0, 0, 1, 1]);
		const b = report([1, 0, 0, 1, 0, 1, 0, 0]);
		const difference = pairedDifference(a, b)!;
		expect(difference.value).toBeCloseTo((100 * 3) / 8, 9);
		expect(difference.mcnemar).toMatchObject({ onlyA: 4, onlyB: 1 });
		expect(difference.mcnemar.exact).toBeCloseTo(0.375, 9);
		expect(difference.examples).toBe(8);
		expect(difference.n).toBe(4);
		expect(pairedDifference(b, a)!.value).toBeCloseTo(-difference.value, 9);
	});

	it('count images as one: answers that go together make the interval wider', () => {
		const credits = Array.from({ length: 80 }, (_, i) => Number(Math.floor(i / 2) % 2 === 0));
		const zero = credits.map(() => 0);
		const wide = pairedDifference(report(credits), report(zero))!;
		const narrow = pairedDifference(report(credits, false), report(zero, false))!;
		expect(wide.value).toBe(narrow.value);
		expect(wide.high - wide.low).toBeGreaterThan(1.2 * (narrow.high - narrow.low));
	});

	it('no difference is none, and nothing in common is undefined', () => {
		const same = pairedDifference(report([1, 0, 1, 1]), report([1, 0, 1, 1]))!;
		expect([same.value, same.p]).toEqual([0, 1]);
		// Two images tell little, even where nothing differs.
		expect(same.high).toBeGreaterThan(50);
		expect(same.low).toBeCloseTo(-same.high, 6);
		expect(pairedDifference(report([1, 1]), report([1, 1]), 'none')).toBeUndefined();
	});
});

describe('categories', () => {
	it('have levels, scores of units and counts', () => {
		const whole = report([1, 0, 1, 1, 0, 0, 1, 1]);
		expect(categoryLevels(whole)).toBe(2);
		const scores = categoryScores(whole, 1);
		expect(scores.map(({ category, value, answers }) => [category, value, answers])).toEqual([
			['a', 25, 4],
			['b', 100, 4]
		]);
		expect(categoryScores(whole, 0)[0]).toMatchObject({ category: 'all', answers: 8 });
	});

	it('without units stand for their answers', () => {
		const { units: _, ...rest } = report([1, 0, 1, 1]);
		expect(categoryScores({ ...rest, units: [] }, 1)[0]!.value).toBe(50);
	});
});

describe('what a question about a scene is about', () => {
	const classes = Array.from({ length: 100 }, (_, i) => `thing${i}`);
	it('is the object that it names, when there is one', () => {
		const scene = generateScene(5, 'test');
		const object = scene.objects.find(
			({ cls }) => scene.objects.filter((other) => other.cls === cls).length === 1
		)!;
		const data = {
			seed: 5,
			split: 'test',
			task: 'localisation',
			question: `Where is the thing${object.cls}?`,
			answer: 'center'
		};
		expect(sceneFacts(data, classes)).toMatchObject({ size: object.size, objects: scene.objects.length });
		expect(
			sceneFacts({ ...data, question: 'How many objects are there?', answer: '3' }, classes)!.size
		).toBeUndefined();
		expect(sceneFacts({ question: 'x', answer: 'y' }, classes)).toBeUndefined();
	});
});
