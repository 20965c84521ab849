import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/cli/io/decode-image.ts';
import { openDataFolder } from '../../../src/cli/eval/data-folder.ts';
import { wilson } from '../../../src/lib/analysis/statistics.ts';
import type { Example, Json } from '../../../src/lib/benchmarks/benchmark.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { imagePreparer } from '../../../src/lib/benchmarks/run/prepare.ts';
import { openRun } from '../../../src/lib/benchmarks/run/record.ts';
import { hashExamples, runBenchmark } from '../../../src/lib/benchmarks/run/run.ts';
import { memoryStorage } from '../../../src/lib/benchmarks/run/storage.ts';
import { identify } from '../../../src/lib/benchmarks/run/target.ts';
import type { HoneybeeModel } from '../../../src/lib/model/runtime/model.ts';
import { trainedHeadlines, trainedScores } from '../../../src/lib/workbench/benchmarks/evaluation.ts';
import { embeddedModel, openNodeModel } from '../../support/embedded.ts';

const SCENES = 20;
const benchmark = findBenchmark('scenes');
const evaluation = JSON.parse(readFileSync(`${embeddedModel}/evaluation.json`, 'utf8')) as Json;

describe('the scenes benchmark and the evaluation of training', () => {
	let model: HoneybeeModel;
	beforeAll(async () => {
		model = await openNodeModel(embeddedModel);
	}, 120_000);
	afterAll(() => model.dispose());

	it('the record of training is about the model’s projectors, with numbers in percent', () => {
		const scores = trainedScores(evaluation, 'test');
		const names = Object.keys(model.manifest.projectors);
		// Every projector of the record is one of the model's.
		expect(scores.length).toBeGreaterThan(0);
		for (const { projector } of scores) expect(names).toContain(projector);
		for (const { value, tokens } of trainedHeadlines(scores)) {
			expect(value).toBeGreaterThan(0);
			expect(value).toBeLessThanOrEqual(100);
			expect(Math.sqrt(tokens) % 1).toBe(0);
		}
	});

	it(`agree on ${SCENES} scenes, as far as so few can tell (99.9 %)`, async () => {
		const [projector] = Object.keys(model.manifest.projectors);
		const tokens = model.manifest.projectors[projector!]!.num_query_tokens;
		const examples: Example[] = [];
		for await (const example of benchmark.examples(await openDataFolder('static/scenes'))) {
			if (Number(example.data['seed']) >= SCENES) break;
			if (!['referring', 'caption'].includes(String(example.data['task']))) examples.push(example);
		}
		const target = { projector: projector!, tokens };
		const identity = identify(benchmark, model.manifest, {
			...target,
			...{ data: await hashExamples(benchmark, examples), backend: 'node', versions: {} }
		});
		const record = await openRun(memoryStorage(), identity, benchmark);
		const prepare = imagePreparer(decodeImage, model.manifest.image.size);
		await runBenchmark({ benchmark, examples, targets: [{ ...target, record }], model, prepare });
		expect(record.results.size).toBe(examples.length);
		const { outcomes } = benchmark.score([...record.results.values()]);
		const trained = trainedScores(evaluation, 'test').filter(
			(score) => score.projector === projector && score.tokens === tokens
		);
		const tasks = [...new Set(outcomes.map(({ categories }) => categories[0]!))];
		expect(tasks.length).toBe(8);
		for (const task of tasks) {
			const of = outcomes.filter(({ categories }) => categories[0] === task);
			const { low, high } = wilson(of.filter(({ credit }) => credit === 1).length, of.length, 3.29);
			const { accuracy } = trained.find((score) => score.task === task)!;
			expect(accuracy, task).toBeGreaterThanOrEqual(low);
			expect(accuracy, task).toBeLessThanOrEqual(high);
		}
	}, 300_000);
});
