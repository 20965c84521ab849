import { describe, expect, it } from 'vitest';
import { identified } from '../../../src/lib/benchmarks/compare.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { scoreImported, type ScoredRun } from '../../../src/lib/benchmarks/run/scored.ts';
import { scenes } from '../../../src/lib/benchmarks/scenes.ts';
import {
	breakdownRows,
	differenceRows,
	pairedDifferencesStudy,
	radarStudy,
	scoreBreakdownStudy
} from '../../../src/lib/study/breakdown.ts';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import {
	accuracyCurveStudy,
	accuracyRows,
	kindsOf,
	publishedPoints
} from '../../../src/lib/study/run-scores.ts';
import { kinds, known, manifest, scenesRun } from '../../support/scored-runs.ts';

const all = [
	scenesRun('linear', 144),
	scenesRun('d-abs-m64', 64),
	scenesRun('d-abs', 36),
	scenesRun('c-abs', 144),
	scenesRun('c-abs', 16)
];
const other = scoreImported('other', scenes, all[0]!.results, { tokens: 100 });

/** The same rows, whose questions are others. */
function otherQuestions(run: ScoredRun): ScoredRun {
	const results = run.results.map((result) => ({ ...result, data: { answer: '?' } }));
	return { ...run, results, report: identified(run.benchmark, run.report, results) };
}

describe('scores of runs', () => {
	it('are drawn as series of their own by origin; percentages end at 100', () => {
		const training = [
			{ series: 'd-abs', projector: 'd-abs', origin: 'training' as const, tokens: 64, value: 90 }
		];
		const { points, most } = accuracyRows(scenes, [...all, other], training, known);
		expect(most).toBe(100);
		expect(points.map(({ series, origin, tokens }) => `${origin} ${series} ${tokens}`)).toEqual([
			...['measured linear 144', 'measured d-abs 64', 'measured d-abs 36', 'measured c-abs 144'],
			...['measured c-abs 16', 'imported other 100', 'training d-abs 64']
		]);
		const published = accuracyRows(findBenchmark('pope'), [], [], known).points;
		expect(published.length).toBeGreaterThan(0);
		expect(new Set(published.map(({ origin }) => origin))).toEqual(new Set(['published']));
		expect(published).toEqual(publishedPoints(findBenchmark('pope')));
	});

	it('have what training measured beside them, in their order', () => {
		const trained = ['linear 144', 'd-abs 64', 'd-abs 16', 'c-abs 16'].map((key) => {
			const [projector = '', tokens = ''] = key.split(' ');
			return { projector, tokens: Number(tokens), task: 'counting', accuracy: 0.5 };
		});
		const runs = [scenesRun('c-abs', 16), scenesRun('d-abs-m64', 64), scenesRun('linear', 144)];
		const { series } = breakdownRows(runs, 0, trained, known);
		expect(series.filter(({ hollow }) => hollow).map(({ name }) => name)).toEqual([
			...[
				'C-Abstractor, M = 16, in training',
				'D-Abstractor, M = 64, in training',
				'Linear, M = 144, in training'
			]
		]);
	});

	it('are compared example by example, the whole first', () => {
		const [a, b] = [scenesRun('d-abs-m64', 64), scenesRun('linear', 144, ({ task }) => task !== 'counting')];
		const { rows, ...names } = differenceRows(a, b, 0, known);
		expect(names).toEqual({ a: 'D-Abstractor, M = 64', b: 'Linear, M = 144' });
		expect(rows.slice(0, 2).map(({ category }) => category)).toEqual(['all answers', 'counting']);
		expect(rows[1]).toMatchObject({ value: 100, onlyB: 0 });
		const shuffled = otherQuestions(b);
		expect(differenceRows(a, shuffled, 0, known).rows, 'not the same questions').toEqual([]);
	});
});

describe('kinds of a model', () => {
	it('put projectors that differ in M only into one series, in the model’s order', () => {
		const own = kindsOf(manifest);
		expect(own.kinds.filter((kind) => kinds.includes(kind))).toEqual(kinds);
		expect(own.kindOf('d-abs-m64')).toBe('d-abs');
		expect(own.titleOf('d-abs')).toBe('D-Abstractor');
		expect([own.kindOf('another'), own.titleOf('another')]).toEqual(['another', 'another']);
	});
});

describe('figures of runs', () => {
	const [a, b] = [scenesRun('d-abs-m64', 64), scenesRun('linear', 144, ({ task }) => task !== 'counting')];

	it('need no model: names that differ in M only are one kind', async () => {
		const curve = await makeItem(accuracyCurveStudy, { runs: [a, b] }, standardChoices);
		expect(curve.rows.points.map(({ series, tokens }) => `${series} ${tokens}`)).toEqual([
			'd-abs 64',
			'linear 144'
		]);
		expect(curve.rows.projectors).toEqual(['d-abs', 'linear']);
		const parts = await makeItem(scoreBreakdownStudy, { runs: [a] }, standardChoices);
		expect(parts.rows.series.map(({ name }) => name)).toEqual(['D-Abstractor, M = 64']);
		const deep = makeItem(radarStudy, { runs: [a] }, { ...standardChoices, level: 7 });
		await expect(deep).rejects.toThrow('There is no depth 7; there is depth 0 only.');
	});

	it('compare two runs of the same questions', async () => {
		const { rows } = await makeItem(pairedDifferencesStudy, { runs: [a, b] }, standardChoices);
		expect(rows.a).toBe('D-Abstractor, M = 64');
		await expect(makeItem(pairedDifferencesStudy, { runs: [a] }, standardChoices)).rejects.toThrow(
			'two runs'
		);
		const shuffled = otherQuestions(b);
		await expect(makeItem(pairedDifferencesStudy, { runs: [a, shuffled] }, standardChoices)).rejects.toThrow(
			'same questions'
		);
	});

	it('are of one benchmark', async () => {
		const other = { ...b, benchmark: findBenchmark('pope') };
		await expect(makeItem(accuracyCurveStudy, { runs: [a, other] }, standardChoices)).rejects.toThrow(
			'one benchmark'
		);
		await expect(makeItem(accuracyCurveStudy, {}, standardChoices)).rejects.toThrow('honeybee eval');
	});
});
