import { checkManifest } from '../../../src/lib/model/runtime/check-manifest.ts';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../../src/lib/bytes/json.ts';
import type { Terminal } from '../../../src/cli/command.ts';
import { evalCommand } from '../../../src/cli/eval.ts';
import { wilson } from '../../../src/lib/analysis/statistics.ts';
import type { Result } from '../../../src/lib/benchmarks/benchmark.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { trainedHeadlines, trainedScores } from '../../../src/lib/benchmarks/evaluation.ts';
import { embeddedModel } from '../../support/embedded.ts';
import { deviations } from '../../support/evaluation.ts';

const benchmark = findBenchmark('scenes');
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as unknown;
const evaluation = read(`${embeddedModel}/evaluation.json`) as Json;
const manifest = checkManifest(read(`${embeddedModel}/honeybee.json`), 'honeybee-mini');

describe('the record of training', () => {
	it('is about the model’s projectors at the M they were trained at, with numbers in per cent', () => {
		const headlines = trainedHeadlines(trainedScores(evaluation, 'test'));
		const trained = Object.entries(manifest.projectors).flatMap(([projector, { trained_tokens }]) =>
			trained_tokens.map((tokens) => `${projector} ${tokens}`)
		);
		expect(headlines.map(({ projector, tokens }) => `${projector} ${tokens}`).sort()).toEqual(trained.sort());
		for (const { value } of headlines) {
			expect(value).toBeGreaterThan(50);
			expect(value).toBeLessThanOrEqual(100);
		}
	});

	it('is compared over the answers that it counts, and with nothing less', () => {
		const results: Result[] = [1, 0, 1, 1].map((credit, id) => ({
			id,
			pred: '',
			data: { task: 'caption', credit }
		}));
		const outcomes = results.map(({ id, data }) => ({
			...{ id, categories: ['caption'], parsed: '', drawn: false, credit: Number(data['credit']) }
		}));
		const record = (n: number) => [{ projector: 'p', tokens: 1, task: 'caption', accuracy: 0.6, n }];
		expect(deviations({ outcomes }, results, record(2))).toEqual([
			{ task: 'caption', n: 2, here: 50, record: 60 }
		]);
		expect(deviations({ outcomes }, results, record(5))).toBeUndefined();
	});
});

/** All ten tasks about the first scenes. */
const LIMIT = 48;

describe('honeybee eval over every projector and M', () => {
	let out: string;
	const errors: string[] = [];
	const terminal: Terminal = {
		write: () => undefined,
		progress: (text) => errors.push(text),
		note: () => undefined,
		warn: () => undefined,
		signal: new AbortController().signal
	};
	const evaluate = (limit: number, ...more: string[]) =>
		evalCommand.run(
			[
				...['--model', embeddedModel, '--benchmark', 'scenes', '--projector', 'all', '--tokens', 'trained'],
				...['--limit', String(limit), '--out', out, ...more]
			],
			terminal
		);
	const resultsIn = (folder: string) =>
		readFileSync(join(out, 'scenes', folder, 'results.jsonl'), 'utf8')
			.trimEnd()
			.split('\n')
			.map((line) => JSON.parse(line) as Result);
	beforeAll(() => {
		out = mkdtempSync(join(tmpdir(), 'honeybee-grid-'));
	});
	afterAll(() => rmSync(out, { recursive: true }));

	it('is one command, goes on where it was, gives PyTorch’s answers and the record’s scores', async () => {
		expect(await evaluate(10)).toBe(true);
		expect(await evaluate(LIMIT, '--resume')).toBe(true);
		expect(errors.some((line) => / of \d+, .* per second/.test(line))).toBe(true);
		const targets = Object.entries(manifest.projectors).flatMap(([projector, { trained_tokens }]) =>
			trained_tokens.map((tokens) => ({ projector, tokens, folder: `${projector}-m${tokens}` }))
		);
		expect(targets.length).toBe(18);
		expect(readdirSync(join(out, 'scenes')).sort()).toEqual(targets.map(({ folder }) => folder).sort());

		const { items } = read('tests/fixtures/embedded/reference.json') as {
			items: { seed: number; question: string; answers: Record<string, string> }[];
		};
		let checked = 0;
		const right = new Map<string, { right: number; of: number }>();
		const expected = new Map<string, number>();
		for (const { projector, tokens, folder } of targets) {
			const results = resultsIn(folder);
			expect(results.map(({ id }) => id).sort((a, b) => a - b)).toEqual(
				Array.from({ length: LIMIT }, (_, id) => id)
			);
			if (tokens === manifest.projectors[projector]!.num_query_tokens)
				for (const { pred, data } of results) {
					const item = items.find(
						({ seed, question }) => seed === data['seed'] && question === data['question']
					);
					if (!item) continue;
					expect(pred, `${folder}: ${item.question}`).toBe(item.answers[projector]);
					checked++;
				}
			const record = trainedScores(evaluation, 'test').filter(
				(score) => score.projector === projector && score.tokens === tokens
			);
			// Boxes and captions are scored by degrees, or rarely right; what is told from few answers is told from the others.
			for (const { credit, categories } of benchmark.score(results).outcomes) {
				const task = categories[0]!;
				if (task === 'referring' || task === 'caption') continue;
				const sum = right.get(task) ?? { right: 0, of: 0 };
				right.set(task, { right: sum.right + credit, of: sum.of + 1 });
				const { accuracy } = record.find((score) => score.task === task)!;
				expected.set(task, (expected.get(task) ?? 0) + accuracy);
			}
		}
		expect(checked).toBeGreaterThanOrEqual(40);
		expect(right.size).toBe(8);
		for (const [task, { right: hits, of }] of right) {
			// The same few scenes for all projectors: the interval is that of the scenes, not of the answers.
			const scenes = of / targets.length;
			const { low, high } = wilson((hits / of) * scenes, scenes, 3.29);
			const mean = expected.get(task)! / of;
			expect(mean, task).toBeGreaterThanOrEqual(low);
			expect(mean, task).toBeLessThanOrEqual(high);
		}
	}, 600_000);

	it('takes numbers and words for M, and says which there are', async () => {
		await expect(
			evalCommand.run(
				[
					...['--model', embeddedModel, '--benchmark', 'scenes', '--out', out],
					...['--projector', 'linear', '--tokens', '16']
				],
				terminal
			)
		).rejects.toThrow('None of the projectors linear gives 16 visual tokens');
		await expect(evaluate(1, '--tokens', 'most')).rejects.toThrow(
			'--tokens is "most", which is not a whole number'
		);
	});
});
