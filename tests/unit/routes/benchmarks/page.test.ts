import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sceneFacts } from '../../../../src/lib/benchmarks/scene-facts.ts';
import { scenes, type SceneData } from '../../../../src/lib/benchmarks/scenes.ts';
import type { RunIdentity } from '../../../../src/lib/benchmarks/run/record.ts';
import { scoreImported, scoreRun, type ScoredRun } from '../../../../src/lib/benchmarks/run/scored.ts';
import { stageCosts } from '../../../../src/lib/benchmarks/cost.ts';
import { chooseTargets, tokensChosen } from '../../../../src/lib/benchmarks/run/target.ts';
import type { ModelManifest } from '../../../../src/lib/model/manifest.ts';
import type { AnswerRequest, AnswerResult } from '../../../../src/lib/model/runtime/types.ts';
import { generateScene, questions, type AtlasIndex } from '../../../../src/lib/scenes/index.ts';
import { breakdownRows } from '../../../../src/routes/benchmarks/breakdown.ts';
import { checkRows, latencyRows, tradeoffRows } from '../../../../src/routes/benchmarks/costs.ts';
import { accuracyRows, publishedPoints } from '../../../../src/routes/benchmarks/curves.ts';
import { askedExamples, filtered, grouped } from '../../../../src/routes/benchmarks/examples.ts';
import { inOrder, typicalRuns } from '../../../../src/routes/benchmarks/lists.ts';
import { measureLatency, WARM_RUNS } from '../../../../src/routes/benchmarks/measure.ts';
import { findBenchmark } from '../../../../src/lib/benchmarks/registry.ts';
import { embeddedModel } from '../../../support/embedded.ts';
import { FakeClient, fakeResult } from '../../workbench/fakes.ts';

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as unknown;
const manifest = read(`${embeddedModel}/honeybee.json`) as ModelManifest;
const index = read('static/scenes/atlas.json') as AtlasIndex;
const classes = index.classes.map(({ name }) => name);
const kinds = ['c-abs', 'd-abs', 'linear'];
const kindOf = (projector: string) => projector.replace(/-m\d+$/, '');

const asked: SceneData[] = Array.from({ length: 12 }, (_, seed) =>
	questions(generateScene(seed, 'test'), index).map(({ task, question, answer }) => ({
		...{ task: task, question, answer, split: 'test', seed }
	}))
).flat();

/** A run that answers rightly where `right` says so. */
function run(projector: string, tokens: number, right: (data: SceneData) => boolean = () => true): ScoredRun {
	const identity = {
		...{ benchmark: 'scenes', projector, tokens, model: { name: 'm', files: {} } },
		data: { examples: asked.length, sha256: '' }
	} as unknown as RunIdentity;
	const results = asked.map((data, id) => ({ id, pred: right(data) ? data.answer : 'nothing', data }));
	return scoreRun(
		`scenes/m/${projector}-m${tokens}`,
		scenes,
		{ format: 'honeybee-run', format_version: 1, created: '', identity },
		results,
		50
	);
}

const all = [run('linear', 144), run('d-abs-m64', 64), run('d-abs', 36), run('c-abs', 144), run('c-abs', 16)];
const other = scoreImported('other', scenes, all[0]!.results, { tokens: 100 });

describe('runs on the page', () => {
	it('stand by kind and M, and one of each kind is compared at first', () => {
		const ordered = inOrder([other, ...all], { kinds, kindOf });
		expect(ordered.map(({ projector, tokens }) => `${projector} ${tokens}`)).toEqual([
			...['c-abs 16', 'c-abs 144', 'd-abs 36', 'd-abs-m64 64', 'linear 144', ' 100']
		]);
		expect(typicalRuns(ordered, 40, { kinds, kindOf })).toEqual([
			...['scenes/m/c-abs-m16', 'scenes/m/d-abs-m36', 'scenes/m/linear-m144', 'imported/scenes/other']
		]);
	});

	it('are drawn as series of their own by origin; percentages end at 100', () => {
		const training = [
			{ series: 'd-abs', projector: 'd-abs', origin: 'training' as const, tokens: 64, value: 90 }
		];
		const { points, most } = accuracyRows(scenes, [...all, other], training, { kinds, kindOf });
		expect(most).toBe(100);
		expect(points.map(({ series, origin, tokens }) => `${origin} ${series} ${tokens}`)).toEqual([
			...['measured linear 144', 'measured d-abs 64', 'measured d-abs 36', 'measured c-abs 144'],
			...['measured c-abs 16', 'imported other 100', 'training d-abs 64']
		]);
		const published = accuracyRows(findBenchmark('pope'), [], [], { kinds, kindOf }).points;
		expect(published.length).toBeGreaterThan(0);
		expect(new Set(published.map(({ origin }) => origin))).toEqual(new Set(['published']));
		expect(published).toEqual(publishedPoints(findBenchmark('pope')));
	});

	it('have what training measured beside them, in their order', () => {
		const trained = ['linear 144', 'd-abs 64', 'd-abs 16', 'c-abs 16'].map((key) => {
			const [projector = '', tokens = ''] = key.split(' ');
			return { projector, tokens: Number(tokens), task: 'counting', accuracy: 0.5 };
		});
		const runs = [run('c-abs', 16), run('d-abs-m64', 64), run('linear', 144)];
		const { series } = breakdownRows(runs, 0, trained, { kinds, kindOf });
		expect(series.filter(({ hollow }) => hollow).map(({ name }) => name)).toEqual([
			...[
				'C-Abstractor, M = 16, in training',
				'D-Abstractor, M = 64, in training',
				'Linear, M = 144, in training'
			]
		]);
	});
});

describe('what is wrong', () => {
	const cellOf = (data: SceneData) => sceneFacts(data, classes)?.cell;
	const runs = [
		run('c-abs', 36, (data) => cellOf(data) !== 'center' && data.task !== 'counting'),
		run('d-abs', 36)
	];
	const wrong = filtered(askedExamples(runs, undefined), 'wrong');
	const knowledge = { classes, locality: () => undefined };

	it('is what the first run got wrong; all of it differs from the run that got it right', () => {
		expect(wrong.length).toBeGreaterThan(5);
		expect(filtered(askedExamples(runs, undefined), 'differ').map(({ id }) => id)).toEqual(
			wrong.map(({ id }) => id)
		);
		expect(askedExamples(runs, 'counting').every(({ data }) => data['task'] === 'counting')).toBe(true);
		expect(wrong[0]!.answers.map(({ pred }) => pred)).toEqual(['nothing', wrong[0]!.truth]);
	});

	it('is grouped by category, position, size and number of objects, nothing lost', () => {
		for (const by of ['category', 'cell', 'size', 'objects'] as const) {
			const groups = grouped(wrong, by, knowledge);
			expect(groups.reduce((sum, { examples }) => sum + examples.length, 0)).toBe(wrong.length);
			for (const { name, examples } of groups)
				for (const { data, categories } of examples) {
					const facts = sceneFacts(data, classes);
					if (by === 'category') expect(name).toBe(categories.at(-1));
					else if (by === 'cell') expect(name).toBe(facts?.cell ?? 'not known');
					else if (by === 'objects') expect(Number.parseInt(name)).toBe(facts!.objects);
					else expect(name).toContain(facts?.size === undefined ? 'not known' : `(${facts.size} px)`);
				}
		}
		const cells = grouped(wrong, 'cell', knowledge).map(({ name }) => name);
		expect(cells).toContain('center');
		expect(grouped(askedExamples(runs, undefined), 'cell', knowledge)[0]).toMatchObject({
			...{ name: 'center', share: 0 }
		});
	});

	it('is grouped by thirds of locality where that was measured', () => {
		const locality = ({ id }: { readonly id: number }) => (id % 7 === 0 ? undefined : id);
		const groups = new Map(
			grouped(wrong, 'locality', { classes, locality }).map(({ name, examples }) => [name, examples])
		);
		expect([...groups.keys()].at(-1)).toBe('not known');
		expect(groups.get('not known')!.every(({ id }) => id % 7 === 0)).toBe(true);
		const highest = groups.get('highest third')!.map(({ id }) => id);
		const lowest = groups.get('lowest third')!.map(({ id }) => id);
		expect(Math.min(...highest)).toBeGreaterThan(Math.max(...lowest));
	});
});

describe('times', () => {
	/** Answers at once, in milliseconds that tell round and projector. */
	function timedClient() {
		const requests: AnswerRequest[] = [];
		const answer = async function* (request: AnswerRequest) {
			requests.push(request);
			const round = Number(/ (\d+) \d+$/.exec(request.turns[0]!.images[0]?.id ?? '')?.[1] ?? 0);
			const result: AnswerResult = fakeResult('x', {
				ids: Array.from({ length: 16 }, (_, i) => i),
				prompt_ids: Array.from({ length: 100 }, () => 1),
				timings_ms: { vision: 10 + round, projector: 1, prefill: 20 * round, decode: 150 }
			});
			yield { type: 'done' as const, result };
		};
		return { client: Object.assign(new FakeClient(), { answer }), requests };
	}

	it('are of five warm runs at least, the cold one left out, no image twice', async () => {
		const { client, requests } = timedClient();
		const targets = chooseTargets(manifest, ['c-abs', 'linear'], 'own');
		const done: number[] = [];
		const timings = await measureLatency(
			client,
			manifest,
			targets,
			{ image: { id: 'i', name: 'i', bytes: new Uint8Array() }, question: 'Q?' },
			{ signal: new AbortController().signal, onProgress: (progress) => done.push(progress.done) }
		);
		expect(WARM_RUNS).toBeGreaterThanOrEqual(5);
		const ids = requests.flatMap(({ turns }) => turns[0]!.images.map(({ id }) => id));
		expect(new Set(ids).size).toBe((WARM_RUNS + 1) * targets.length);
		expect(done).toEqual(Array.from({ length: ids.length }, (_, i) => i));
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

		const accuracy = accuracyRows(scenes, [run('c-abs', 36), run('d-abs', 36)], [], { kinds, kindOf }).points;
		const trade = tradeoffRows(accuracy, timings, 's', kinds);
		expect(
			trade.points.map(({ projector, cost, costLow, costHigh }) => [projector, cost, costLow, costHigh])
		).toEqual([['c-abs', 224, 203, 245]]);
		expect(trade.front).toEqual(trade.points);
	});
});

describe('what is to be run', () => {
	it('M by words: own, trained, all; by numbers what a projector can give', () => {
		expect(tokensChosen(manifest, 'c-abs', 'own')).toEqual([36]);
		expect(tokensChosen(manifest, 'c-abs', 'trained')).toEqual([16, 36, 64, 144]);
		expect(tokensChosen(manifest, 'c-abs', 'all')).toEqual([1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144]);
		expect(tokensChosen(manifest, 'd-abs-m64', 'all')).toEqual([64]);
		expect(tokensChosen(manifest, 'd-abs-m64', [16, 36])).toEqual([]);
		expect(chooseTargets(manifest, undefined, 'trained').length).toBe(18);
		expect(
			chooseTargets(manifest, undefined, [64])
				.map(({ projector }) => projector)
				.sort()
		).toEqual([...['c-abs', 'd-abs-m64', 'pool', 'resampler-m64']]);
	});
});
