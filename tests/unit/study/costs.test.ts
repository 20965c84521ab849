import { describe, expect, it } from 'vitest';
import { stageCosts } from '../../../src/lib/benchmarks/cost.ts';
import { chooseTargets, tokensOf } from '../../../src/lib/benchmarks/run/target.ts';
import { scenes } from '../../../src/lib/benchmarks/scenes.ts';
import { standardChoices } from '../../../src/lib/study/choices.ts';
import {
	accuracyLatencyStudy,
	checkRows,
	costCheckStudy,
	costCurveStudy,
	costRows,
	latencyCurveStudy,
	latencyRows,
	publishedTradeoff,
	timeTargets,
	tradeoffRows
} from '../../../src/lib/study/costs.ts';
import { makeItem } from '../../../src/lib/study/figure-study.ts';
import { accuracyRows } from '../../../src/lib/study/run-scores.ts';
import { subjectIn } from '../../../src/lib/study/subject.ts';
import { answerResult, FakeAnswerer } from '../../support/fake-answerer.ts';
import { model as small } from '../../support/study-work.ts';
import { kinds, known, manifest, scenesRun } from '../../support/scored-runs.ts';

describe('times', () => {
	it('are drawn as medians with quartiles, beside what the count says', async () => {
		const rounds = new Map<string, number>();
		const model = new FakeAnswerer(({ projector }) => {
			const round = rounds.get(projector) ?? 0;
			rounds.set(projector, round + 1);
			const result = answerResult('x', {
				ids: Array.from({ length: 16 }, (_, i) => i),
				prompt_ids: Array.from({ length: 100 }, () => 1),
				timings_ms: { vision: 10 + round, projector: 1, prefill: 20 * round, decode: 150 }
			});
			return [{ type: 'done', result }];
		});
		const targets = chooseTargets(manifest, ['c-abs', 'linear'], 'own');
		const image = { id: 'i', name: 'i', bytes: new Uint8Array() };
		const timings = await timeTargets(model, manifest, targets, { image, question: 'Q?' });
		expect(timings.map(({ projector, tokens }) => ({ projector, tokens }))).toEqual(targets);
		expect(timings.map(({ ms }) => ms.prefill)).toEqual(targets.map(() => [20, 40, 60, 80, 100]));

		const { points } = latencyRows(timings, 'prefill', kinds);
		expect(points[0]).toMatchObject({ projector: 'c-abs', tokens: 36, median: 60, q1: 40, q3: 80, n: 5 });
		expect(latencyRows(timings, 'decode_per_token', kinds).points[0]!.median).toBe(10);

		// The cost model stands beside what was measured, for the same prompt.
		const check = checkRows(timings, 'prefill', kinds).points[0]!;
		const { vision_config, text_config } = manifest.config;
		expect(check.milliseconds).toBe(60);
		expect(check.operations).toBe(
			stageCosts({
				...{ vision_config, text_config, projector_config: manifest.projectors['c-abs']!.config },
				...{ tokens: 36, text_tokens: 64 }
			}).prefill
		);

		const accuracy = accuracyRows(scenes, [scenesRun('c-abs', 36), scenesRun('d-abs', 36)], [], known).points;
		const trade = tradeoffRows({ points: accuracy, score: 's', most: 100, projectors: kinds }, timings);
		expect(
			trade.points.map(({ projector, cost, costLow, costHigh }) => [projector, cost, costLow, costHigh])
		).toEqual([['c-abs', 224, 203, 245]]);
		expect(trade.front).toEqual(trade.points);
	});
});

describe('what is not measured', () => {
	it('is counted for every projector at every M that it can be run at', () => {
		const rows = costRows(manifest, 'prefill');
		const all = Object.keys(manifest.projectors).flatMap((name) => tokensOf(manifest, name));
		expect(rows.points).toHaveLength(all.length);
		expect(rows.projectors).not.toContain('d-abs-m64');
		const { vision_config, text_config } = manifest.config;
		const inputs = { vision_config, text_config, projector_config: manifest.projectors['c-abs']!.config };
		expect(rows.points.find(({ projector, tokens }) => projector === 'c-abs' && tokens === 36)?.value).toBe(
			stageCosts({ ...inputs, tokens: 36, text_tokens: 64 }).prefill
		);
		expect(costRows(manifest, 'whole').quantity).toContain('16 tokens');
		const memory = costRows(manifest, 'memory').points.map(({ value }) => value);
		expect(Math.min(...memory)).toBeGreaterThan(1e6);
	});

	it('is published as it was read off the figure, with its front', () => {
		const { points, front } = publishedTradeoff();
		expect(points.every(({ origin }) => origin === 'published')).toBe(true);
		expect(front.length).toBeGreaterThan(0);
		expect(front.every((point) => points.includes(point))).toBe(true);
	});
});

describe('figures of times and costs', () => {
	const subjectModel = { manifest, backend: small.backend };
	const image = { id: 'i', name: 'i.png', bytes: new Uint8Array([1]), url: 'blob:i' };
	const subject = subjectIn(subjectModel, image, 'c-abs')!;
	const model = () =>
		new FakeAnswerer(() => [
			{ type: 'done', result: answerResult('x', { prompt_ids: Array.from({ length: 300 }, () => 1) }) }
		]);

	it('time every projector at its own M, one point for each', async () => {
		const answerer = model();
		const work = { model: subjectModel, answerer, subject };
		const { rows, provenance, method } = await makeItem(latencyCurveStudy, work, standardChoices);
		expect(rows.stage).toBe('Prefill (ms)');
		expect(rows.points).toHaveLength(Object.keys(manifest.projectors).length);
		expect(rows.points.map(({ projector }) => projector)).not.toContain('d-abs-m64');
		expect(provenance).toBe(
			`${manifest.name} · i.png, “Describe the image.” · ${manifest.dtype} on node · batch 1, greedy`
		);
		expect(method).toContain('5 runs');
		const check = await makeItem(costCheckStudy, work, { ...standardChoices, stage: 'whole' });
		expect(check.rows.stage, 'the whole answer is not counted').toBe('Prefill');
		expect(check.rows.points.every(({ operations }) => operations > 0)).toBe(true);
	});

	it('count without running anything', async () => {
		const { rows, provenance } = await makeItem(costCurveStudy, { model: subjectModel }, standardChoices);
		expect(rows).toEqual(costRows(manifest, 'projector'));
		expect(provenance).toContain('computed from its config');
	});

	it('set the scores of runs against the times of their projectors', async () => {
		const answerer = model();
		const runs = [scenesRun('c-abs', 36), scenesRun('c-abs', 16), scenesRun('unknown', 9)];
		const { rows } = await makeItem(
			accuracyLatencyStudy,
			{ model: subjectModel, answerer, subject, runs },
			standardChoices
		);
		expect(rows.points.map(({ projector, tokens, cost }) => [projector, tokens, cost])).toEqual([
			['c-abs', 36, 10],
			['c-abs', 16, 10]
		]);
	});
});
