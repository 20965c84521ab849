import { describe, expect, it } from 'vitest';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import {
	emptySeries,
	readSeries,
	stepOf,
	withCheckpoint,
	type Series,
	type SeriesCheckpoint
} from '../../../src/lib/study/series-file.ts';
import { checkpointSeriesStudy } from '../../../src/lib/study/series.ts';

describe('the step of a checkpoint', () => {
	it.each([
		['checkpoint-100', 100],
		['llava-7b-step_2000', 2000],
		['honeybee-c-7b-m144-iter-0500', 500],
		['epoch3', 3],
		['run1-checkpoint-20', 20],
		['last', undefined]
	])('of %s is %s', (name, step) => {
		expect(stepOf(name)).toBe(step);
	});

	it('is what the trainer’s state says, if that says something', () => {
		expect(stepOf('last', { global_step: 321 })).toBe(321);
		expect(stepOf('checkpoint-7', { global_step: 'many' })).toBe(7);
	});
});

const value = (of: number, over: 'images' | 'answers') => ({
	...{ value: of, low: of - 0.1, high: of + 0.1, over },
	n: 4
});
const checkpoint = (step: number, scored = true): SeriesCheckpoint => ({
	...{ name: `checkpoint-${step}`, step, model: 'm' },
	projectors: ['c-abs', 'resampler'].map((name, p) => ({
		...{ name, title: name, tokens: 36 },
		// A resampler without places of its own has no home.
		locality: { spread: value(1 + p, 'images'), ...(p === 0 && { inside: value(step / 1000, 'images') }) },
		...(scored && { score: value(50 + step / 10, 'answers') })
	}))
});
const series = (benchmark = true): Series =>
	[300, 100, 200].reduce(
		(made, step) => withCheckpoint(made, checkpoint(step, benchmark)),
		emptySeries({
			...{ set: { name: 'Two', members: [{ id: 'a', name: 'a.png' }] }, directions: 8 },
			...(benchmark && {
				benchmark: { name: 'scenes', score: 'Scenes, headline score', examples: 20, sha256: '' }
			})
		})
	);

describe('a series of checkpoints', () => {
	it('is by step, and the same step once', () => {
		const again = withCheckpoint(series(), { ...checkpoint(200), name: 'again' });
		expect(again.checkpoints.map(({ name, step }) => [name, step])).toEqual([
			['checkpoint-100', 100],
			['again', 200],
			['checkpoint-300', 300]
		]);
	});

	it('takes no checkpoint of another projector', () => {
		const other = checkpoint(400);
		const strange = { ...other, projectors: other.projectors.map((one) => ({ ...one, title: 'MLP' })) };
		expect(() => withCheckpoint(series(), strange)).toThrow(
			'checkpoint-400 has MLP, the other checkpoints of the series c-abs, resampler'
		);
	});

	it('is read as it was written, and nothing else is', () => {
		expect(readSeries(JSON.stringify(series()), 's.json')).toEqual(series());
		expect(() => readSeries('{"format": "other"}', 's.json')).toThrow('s.json is no series of checkpoints');
		expect(() => readSeries('{', 's.json')).toThrow('honeybee series');
		expect(() => readSeries(JSON.stringify({ ...series(), version: 2 }), 's.json')).toThrow('version 2');
		const { checkpoints, ...rest } = series();
		const damaged = { ...rest, checkpoints: checkpoints.map((one) => ({ ...one, step: '1' })) };
		expect(() => readSeries(JSON.stringify(damaged), 's.json')).toThrow('damaged');
	});

	it('is drawn by the measure that is chosen, each value with its interval', async () => {
		const { rows, provenance, method } = await makeItem(
			checkpointSeriesStudy,
			{ series: series() },
			{ ...standardChoices, trend: 'spread' }
		);
		expect(rows.points.map(({ step, projector, value: of }) => [step, projector, of])).toEqual(
			[100, 200, 300].flatMap((step) => [
				[step, 'c-abs', 1],
				[step, 'resampler', 2]
			])
		);
		expect(rows.measure).toContain('patches');
		expect(provenance).toBe('m · 3 checkpoints · Two, 1 image · scenes, 20 examples');
		expect(method).toBe('perturbation, K = 8 directions per patch');
		const before = series();
		const now = { ...before, settings: { ...before.settings, method: 'gradient' as const } };
		const shown = checkpointSeriesStudy.show(now, { ...standardChoices, trend: 'spread' });
		expect(shown.method).toBe('gradient, K = 8 directions per visual token');
	});

	it('leaves out projectors that have no such value', async () => {
		const { rows } = await makeItem(checkpointSeriesStudy, { series: series() }, standardChoices);
		expect(rows.projectors).toEqual(['c-abs']);
	});

	it('has accuracy where a benchmark was asked, and says so where none was', async () => {
		const accuracy = { ...standardChoices, trend: 'accuracy' } as const;
		const { rows } = await makeItem(checkpointSeriesStudy, { series: series() }, accuracy);
		expect(rows.points[0]).toMatchObject({ value: 60, over: 'answers', n: 4 });
		await expect(makeItem(checkpointSeriesStudy, { series: series(false) }, accuracy)).rejects.toThrow(
			'--benchmark'
		);
	});
});
