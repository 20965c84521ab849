import { describe, expect, it } from 'vitest';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { readComparison, type TrainingComparison } from '../../../src/lib/study/comparison-file.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import {
	groupsOf,
	learningCurvesStudy,
	localityAccuracyStudy,
	trainedAccuracyStudy,
	trainedTokensStudy
} from '../../../src/lib/study/training.ts';

const run = (
	projector: string,
	seed: number,
	{ tokens = 36, part = 'projectors', variant = 'base' } = {}
) => ({
	...{ id: `${part}-${projector}-m${tokens}-s${seed}-${variant}`, part, variant, projector, tokens, seed },
	criterion: { places: 300, rise: 0, flat: true, converged: seed !== 2 },
	locality: { inside: 0.5 + seed / 10, spread: 2, drift: 1 },
	accuracy: { counting: 0.5, localisation: 0.8 + seed / 100, mean: 0.65 + seed / 200 },
	curve: [
		{ stage: 'align', step: 50, tasks: { counting: 0.1, localisation: 0.2 } },
		{ stage: 'tune', step: 50, tasks: { counting: 0.4, localisation: 0.8 } }
	]
});
const estimate = { mean: 0.8, interval: [0.7, 0.9], seeds: [0.75, 0.85], answers: 200 };
const tasks = { counting: estimate, localisation: estimate, mean: estimate };
const compared = (...names: string[]) => ({
	seeds: [1, 2],
	accuracy: Object.fromEntries(names.map((name) => [name, tasks])),
	difference: {}
});
const file = {
	...{ format: 'honeybee-training-comparison', version: 1, plan: 1, what: 'trained alike' },
	...{ intervals: '95 %', scenes: 'test 0..99', length: { align: 100, tune: 200, locality_scenes: 30 } },
	criterion: { places: 'learned early', flat: 'flat late' },
	runs: [
		...['c-abs', 'resampler'].flatMap((projector) => [run(projector, 1), run(projector, 2)]),
		run('c-abs', 1, { tokens: 16, part: 'tokens' }),
		...['base', 'single turn'].map((variant) => run('c-abs', 1, { part: 'recipe', variant }))
	],
	tokens: { '16': compared('c-abs'), '36': compared('c-abs', 'resampler') },
	recipe: compared('base', 'single turn'),
	locality: {
		rank_correlation: { all: { 'inside and localisation': { rho: 0.7, p: 0.03, runs: 6 } } },
		cannot_say: 'Not the cause.'
	}
};
const comparison = readComparison(JSON.stringify(file), 'c.json');
const choices = (of: object) => ({ ...standardChoices, ...of });

describe('a comparison of training runs', () => {
	it('groups projectors by M, the M with most runs first, and variants of the recipe apart', () => {
		expect(groupsOf(comparison).map(({ id, runs }) => [id, runs.length])).toEqual([
			['36', 4],
			['16', 1],
			['recipe', 2]
		]);
	});

	it('sets runs tuned for longer apart, with their own steps, and counts them nowhere else', () => {
		const length = { align: 100, tune: 600, locality_scenes: 30 };
		const with3 = {
			...{ ...file, longer: { ...compared('c-abs'), length } },
			runs: [...file.runs, run('c-abs', 1, { part: 'longer' })]
		};
		const longer = readComparison(JSON.stringify(with3), 'c.json');
		expect(groupsOf(longer).map(({ id, title, runs }) => [id, title, runs.length])).toEqual([
			['36', 'M = 36', 4],
			['16', 'M = 16', 1],
			['longer', 'M = 36, 600 steps of tuning', 1],
			['recipe', 'Data recipe, C-Abstractor, M = 36', 2]
		]);
		const { provenance } = trainedAccuracyStudy.show(longer, choices({ group: 'longer' }));
		expect(provenance).toContain('1 run of training, seed 1 · 100 + 600 steps each');
		expect(learningCurvesStudy.show(longer, choices({})).provenance).toContain('100 + 200 steps each');
		expect(localityAccuracyStudy.show(longer, choices({})).rows.points).toHaveLength(5);
		expect(trainedTokensStudy.show(longer, choices({})).provenance).toContain('5 runs of training');
		const damaged = { ...with3, longer: compared('c-abs') };
		expect(() => readComparison(JSON.stringify(damaged), 'c.json')).toThrow('is damaged');
	});

	it('joins the stages of a run in one learning curve, by task or their mean', () => {
		const { rows, method, provenance } = learningCurvesStudy.show(comparison, choices({}));
		expect(rows.lines.map(({ name, seed }) => `${name} ${seed}`)).toEqual([
			...['c-abs 1', 'c-abs 2', 'resampler 1', 'resampler 2']
		]);
		expect(rows.lines[0]!.points.map(({ step }) => step)).toEqual([50, 150]);
		expect(rows.lines[0]!.points.map(({ value }) => value)).toEqual([expect.closeTo(15), expect.closeTo(60)]);
		const one = learningCurvesStudy.show(comparison, choices({ task: 'localisation' }));
		expect(one.rows.lines[0]!.points.map(({ value }) => value)).toEqual([20, 80]);
		expect(method).toContain('C-Abstractor with seed 2; Resampler with seed 2 did not meet the criterion');
		expect(provenance).toContain('seeds 1, 2');
	});

	it('shows accuracies against M, each with the seeds that were run there, variants of the recipe left out', () => {
		const { rows, provenance } = trainedTokensStudy.show(comparison, choices({ task: 'counting' }));
		expect(rows.points.map(({ projector, tokens }) => `${projector} ${tokens}`)).toEqual([
			...['c-abs 16', 'c-abs 36', 'resampler 36']
		]);
		expect(rows.points[0]).toMatchObject({ value: 80, low: 70, high: 90, answers: 200 });
		expect(rows.points[0]!.seeds).toEqual([
			{ seed: 1, value: 75 },
			{ seed: 2, value: 85 }
		]);
		expect(rows.score).toBe('Accuracy, counting (%)');
		expect(provenance).toContain('5 runs of training, seeds 1, 2');
		const on = { ...comparison, trained_on: 'captions alone' };
		const told = trainedTokensStudy.show(on, choices({ task: 'counting' })).provenance;
		expect(told).toContain('5 runs of training on captions alone, seeds 1, 2');
		expect(() => trainedTokensStudy.show(comparison, choices({ task: 'taste' }))).toThrow(/no task "taste"/);
	});

	it('shows accuracies with the seeds’ own and the answers they are over', () => {
		const { rows } = trainedAccuracyStudy.show(comparison, choices({ group: 'recipe' }));
		expect(rows.series.map(({ name }) => name)).toEqual(['base', 'single turn']);
		expect(rows.categories[0]!.name).toBe('mean over tasks');
		expect(rows.categories[0]!.scores[1]).toEqual({
			...{ series: 1, value: 80, low: 70, high: 90, answers: 200, each: [75, 85] }
		});
	});

	it('sets locality against accuracy with what its correlation says and cannot say', () => {
		const { rows, method } = localityAccuracyStudy.show(comparison, choices({}));
		expect(rows.points).toHaveLength(5);
		expect(rows.points[0]).toMatchObject({
			tokens: 36,
			seed: 1,
			locality: 0.6,
			accuracy: expect.closeTo(81)
		});
		expect(method).toContain('ρ = 0.70, p = 0.030, 6 runs');
	});

	it.each([
		[learningCurvesStudy, { group: '64' }, 'has no group "64"; it has 36, 16, recipe'],
		[learningCurvesStudy, { task: 'poetry' }, 'has no task "poetry"; it has counting, localisation, mean'],
		[
			localityAccuracyStudy,
			{ trend: 'near' },
			'holds no near of its runs; choose one of inside, spread, drift'
		]
	])('refuses what the file does not hold', (study, wrong, words) => {
		expect(() => study.show(comparison, choices(wrong))).toThrow(words);
	});

	it('says when no seed is complete yet', () => {
		const early: TrainingComparison = readComparison(
			JSON.stringify({ ...file, tokens: {}, recipe: undefined }),
			'c.json'
		);
		expect(() => learningCurvesStudy.show(early, choices({}))).toThrow('finish the runs of one seed');
	});

	it('is missing for the figure when it is not given', async () => {
		await expect(makeItem(learningCurvesStudy, {}, standardChoices)).rejects.toThrow(
			'a comparison of training runs'
		);
	});

	it.each([
		['{', 'is no comparison of training runs'],
		['{"format":"honeybee-series"}', 'is no comparison of training runs'],
		[JSON.stringify({ ...file, version: 2 }), 'has version 2'],
		[JSON.stringify({ ...file, runs: [{ ...file.runs[0], curve: [{ stage: 'align' }] }] }), 'is damaged'],
		[JSON.stringify({ ...file, runs: [] }), 'is damaged'],
		[
			JSON.stringify({ ...file, tokens: { '36': { seeds: [1], accuracy: { a: { mean: {} } } } } }),
			'is damaged'
		]
	])('refuses a file that is none, newer or damaged', (text, words) => {
		expect(() => readComparison(text, 'c.json')).toThrow(words);
	});
});
