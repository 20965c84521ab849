import { describe, expect, it } from 'vitest';
import type { Benchmark, Result } from '../../../src/lib/benchmarks/benchmark.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { scoreRepeats } from '../../../src/lib/benchmarks/repeats.ts';
import { scoreImported } from '../../../src/lib/benchmarks/run/scored.ts';

const seedResult = (id: number, answer: string, [pred = '', ...repeats]: readonly string[]): Result => ({
	...{ id, pred, repeats },
	data: { question: `${id}?`, answer, choices: ['a', 'b'], question_type_id: 1, question_type: 'Scene' }
});
const seed = findBenchmark('seed');
const scoresOf = (benchmark: Benchmark, results: readonly Result[]) =>
	Object.fromEntries(scoreRepeats(benchmark, results).scores.map(({ name, value }) => [name, value]));

describe('questions asked several times', () => {
	// Right: 3, 1 and 0 of 3; of the repeats 1, 2 and 1 of 3 questions.
	const results = [
		seedResult(0, 'A', ['A', 'A', 'A']),
		seedResult(1, 'B', ['A', 'B', 'C']),
		seedResult(2, 'C', ['A', '', 'A it is'])
	];
	const report = scoreRepeats(seed, results);

	it('are scored by the mean, with deviation and pass@k', () => {
		const found = scoresOf(seed, results);
		expect(found['accuracy']).toBeCloseTo((100 * 4) / 9, 9);
		// Of 33.3, 66.7 and 33.3.
		expect(found['accuracy, standard deviation']).toBeCloseTo(100 / 3 / Math.sqrt(3), 9);
		expect(found['pass@3']).toBeCloseTo(200 / 3, 9);
		// Lenient reads the third answer to 2, which is wrong all the same.
		expect(found['accuracy, lenient']).toBeCloseTo((100 * 4) / 9, 9);
		// pass@2 of one right of three: 1 − C(2,2)/C(3,2) = 2/3.
		const passes = report.tables.at(-1)!.rows.map(([, value]) => Number(value));
		expect(passes[0]).toBeCloseTo((100 * 4) / 9, 9);
		expect(passes[1]).toBeCloseTo((100 * (1 + 2 / 3)) / 3, 9);
		expect(report.tables[1]!.rows.map(([name]) => name)).toEqual([
			'1',
			'2',
			'3',
			'mean',
			'standard deviation'
		]);
	});

	it('count every answer, and each question once in intervals and pairs', () => {
		expect(report.outcomes.map(({ credit }) => credit)).toEqual([1, 1 / 3, 0]);
		expect(report.units.map(({ sum, count }) => [Math.round(sum), count])).toEqual([
			[100, 1],
			[33, 1],
			[0, 1]
		]);
		const run = scoreImported('x', seed, results);
		expect(run.counts).toEqual({ of: 9, missing: 1, failed: 0, unread: 1, drawn: 0 });
		expect(run.interval!.value).toBeCloseTo((100 * 4) / 9, 9);
		expect(run.report.notes.slice(0, 3)).toEqual([
			expect.stringContaining('asked 3 times (repeats)'),
			expect.stringContaining('1 of 9 not answered'),
			expect.stringContaining('1 of 9 answers could not be read')
		]);
	});

	it('may have fewer answers than others', () => {
		const uneven = [seedResult(0, 'A', ['A']), seedResult(1, 'B', ['A', 'B'])];
		expect(scoresOf(seed, uneven)).toMatchObject({ accuracy: 75, 'pass@2': 100 });
		expect(scoreRepeats(seed, uneven).notes[1]).toContain('1 of 2 questions has fewer than 2 answers');
	});

	it('are drawn for in each repeat where upstream draws, which pass@k does not count', () => {
		const open = (pred: string, repeats: readonly string[]): Result => ({
			...{ id: 0, pred, repeats },
			data: {
				...{ question: '?', id: 'validation_Math_1', answer: 'A', question_type: 'multiple-choice' },
				...{ all_choices: ['A'], num_option_images: 0 }
			}
		});
		const drawn = scoreRepeats(findBenchmark('mmmu'), [open('who knows', ['nobody'])]);
		expect(drawn.scores.find(({ name }) => name === 'pass@2')!.value).toBe(0);
		expect(drawn.notes.join(' ')).toContain('2 of 2 answers could not be understood');
	});

	it('once are scored as ever', () => {
		const once = [seedResult(0, 'A', ['A'])];
		expect(scoreRepeats(seed, once)).toEqual(seed.score(once));
	});
});
