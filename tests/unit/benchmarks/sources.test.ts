import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { countWords, isAlarming } from '../../../src/lib/benchmarks/answers.ts';
import { importResults, isBeside } from '../../../src/lib/benchmarks/import.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { scoreImported } from '../../../src/lib/benchmarks/run/scored.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { importedTradeoff } from '../../../src/lib/study/costs.ts';
import { breakdownRows } from '../../../src/lib/study/breakdown.ts';
import { exportFile, type Exportable } from '../../../src/lib/viz/export/files.ts';
import { defaultPrint } from '../../../src/lib/viz/export/print.ts';
import { scoreBreakdown } from '../../../src/lib/viz/score-breakdown.ts';
import { areElsewhere, kindsOfRuns, runsProvenance } from '../../../src/lib/study/run-scores.ts';

const file = (name: string, content: string | Uint8Array) =>
	memorySource(name, typeof content === 'string' ? new TextEncoder().encode(content) : content);

const fixture = (path: string) =>
	file(path.split('/').at(-1)!, new Uint8Array(readFileSync(`tests/fixtures/${path}`)));

async function run(benchmark: string, ...sources: readonly ReturnType<typeof file>[]) {
	const [first, ...beside] = sources;
	const { results, source, notes } = await importResults(first!, findBenchmark(benchmark), beside);
	return scoreImported(source.file, findBenchmark(benchmark), results, { source, notes });
}

/** Lines of lmms-eval's samples for POPE. */
const popeLine = (doc_id: number, said: unknown, more: object = {}) =>
	JSON.stringify({
		doc_id,
		target: doc_id % 2 ? 'no' : 'yes',
		input: `Is there a dog (${doc_id})?\nAnswer the question using a single word or phrase.`,
		filtered_resps: said,
		...more
	});

const summary = JSON.stringify({
	results: { pope_adv: { alias: 'pope_adv' } },
	configs: { pope_adv: {} },
	'n-samples': { pope_adv: { original: 4, effective: 4 } },
	lmms_eval_version: '0.7.3',
	model_name: 'owner/model',
	efficiency: {
		by_task: {
			pope_adv: {
				docs: 4,
				docs_with_token_counts: 4,
				total_input_tokens: 400,
				total_output_tokens: 8,
				avg_output_tokens_per_sample: 2
			}
		}
	}
});

describe('where imported results come from', () => {
	it('is the tool and its file, not the loaded model', async () => {
		const path = 'cases/figure-of-imported-results-names-our-model/模型_other-model.xlsx';
		const imported = await run('mmbench', fixture(path));
		const words = runsProvenance([imported]);
		expect(words).toMatch(
			/^imported: VLMEvalKit, version not in the file · 模型_other-model\.xlsx · prompt not in the file/
		);
		expect(words).not.toContain('honeybee');

		// The page has a model loaded, which has computed nothing of it.
		expect(areElsewhere([imported], 'honeybee-mini')).toBe(true);
		const kinds = { kinds: [], kindOf: (name: string) => name, titleOf: (name: string) => name };
		const item = {
			...{ figure: scoreBreakdown as Exportable['figure'], rows: breakdownRows([imported], 0, [], kinds) },
			...{ options: { projectors: {} }, selection: {}, ordinal: 0, method: '' },
			...{ provenance: words, elsewhere: true }
		};
		const model = { name: 'honeybee-mini', dtype: 'fp32', files: {} };
		const origin = { address: 'benchmarks', model, backend: 'wasm', projector: 'c-abs', tokens: 9 };
		const context = { print: defaultPrint, application: 'test', origin };
		for (const format of ['json', 'figure.tex'] as const) {
			const text = new TextDecoder().decode(await exportFile(item, format, context));
			expect(text).toContain('VLMEvalKit');
			expect(text).toMatch(/other-model/);
			expect(text).not.toMatch(/honeybee-mini|wasm|c-abs/);
		}
		const own = new TextDecoder().decode(await exportFile({ ...item, elsewhere: false }, 'json', context));
		expect(own).toContain('honeybee-mini');
	});

	it('lmms-eval tells version, model, prompt and tokens in the summary beside the samples', async () => {
		const lines = [0, 1, 2, 3].map((id) => popeLine(id, 'Yes')).join('\n');
		const samples = file('20260901_samples_pope_adv.jsonl', lines);
		const told = file('20260901_results.json', summary);
		expect(await Promise.all([samples, told].map(isBeside))).toEqual([false, true]);
		const imported = await run('pope', samples, told);
		expect(imported.source).toEqual({
			tool: 'lmms-eval',
			version: '0.7.3',
			file: '20260901_samples_pope_adv.jsonl',
			model: 'owner/model',
			prompt: 'Is there a dog (0)?\nAnswer the question using a single word or phrase.',
			tokens: { input: 100, output: 2, questions: 4 }
		});
		expect(runsProvenance([imported])).toBe(
			'imported: lmms-eval 0.7.3 · 20260901_samples_pope_adv.jsonl · owner/model · asked as “Is there a dog (0)? Answer the question using a single word or phrase.”'
		);
		const { points, cost } = importedTradeoff(imported.benchmark, [imported], []);
		expect(cost).toBe('Tokens of prompt and answer');
		expect(points).toMatchObject([{ cost: 102, origin: 'imported', answers: 4 }]);
		expect(points[0]!.score).toBeCloseTo(50, 6);
		await expect(importResults(told, findBenchmark('pope'))).rejects.toThrow(/summary.*holds no answers/);
	});

	it('tokens are those of the samples where they count them', async () => {
		const lines = [4, 8].map((output_tokens, id) =>
			popeLine(id, 'Yes', { token_counts: [{ output_tokens }] })
		);
		const imported = await run(
			'pope',
			file('x_samples_pope_adv.jsonl', [...lines, popeLine(2, 'No', { token_counts: [null] })].join('\n'))
		);
		expect(imported.source!.tokens).toEqual({ output: 6, questions: 2 });
		expect(importedTradeoff(imported.benchmark, [imported], []).cost).toBe('Tokens of the answer');
	});
});

describe('answers that say nothing', () => {
	it('are counted apart, with a warning above a few per cent', async () => {
		const pope = await run('pope', fixture('cases/import-pope-failed/pope.tsv'));
		const { counts, report } = pope;
		expect(counts).toEqual({ of: 10, missing: 2, failed: 2, unread: 2, drawn: 0 });
		expect(countWords(counts)).toBe('of 10 answers 2 missing, 2 failed, 2 unread');
		expect(report.notes[0]).toContain('4 of 10 not answered (2 empty, 2 where the call failed)');
		const kinds = kindsOfRuns([pope], undefined);
		const rows = breakdownRows([pope], 0, [], kinds);
		const silent = rows.categories.map(({ scores: [first] }) => first!.counts!);
		expect(silent.reduce((sum, { missing }) => sum + missing, 0)).toBe(2);
		expect(rows.warnings?.[0]).toMatch(/: of \d+ answers .*(missing|failed|unread)/);
		const mmmu = await run('mmmu', fixture('cases/import-mmmu-dev-val/mmmu.tsv'));
		expect(mmmu.counts).toEqual({ of: 4, missing: 0, failed: 0, unread: 0, drawn: 2 });
		expect(runsProvenance([mmmu])).toContain('of 4 answers 2 drawn at random');
	});

	it.each([
		[100, 3, false],
		[100, 4, true],
		[0, 0, false]
	])('of %i answers %i unread: %s', (of, unread, alarming) => {
		expect(isAlarming({ of, unread, missing: 0, failed: 0, drawn: 0 })).toBe(alarming);
	});

	it('rows without a truth are left out and counted', async () => {
		const lines = [popeLine(0, 'Yes'), popeLine(1, 'No', { target: '' }), popeLine(2, 'Yes')].join('\n');
		const imported = await run('pope', file('x_samples_pope_adv.jsonl', lines));
		expect(imported.counts.of).toBe(2);
		expect(imported.report.scores[0]!.value).toBeCloseTo(100, 6);
		expect(imported.report.notes[0]).toMatch(/^1 of 3 rows does not say what is right.*line 2: the truth/);
		const none = file('x_samples_pope_adv.jsonl', popeLine(1, 'No', { target: '' }));
		await expect(importResults(none, findBenchmark('pope'))).rejects.toThrow(/line 1: the truth/);
	});
});

describe('what harnesses write beside the answer', () => {
	it('repeats: all answers count', async () => {
		const lines = [popeLine(0, ['Yes', 'No']), popeLine(1, ['No', 'No'])].join('\n');
		const imported = await run('pope', file('x_samples_pope_adv.jsonl', lines));
		expect(imported.results.map(({ repeats }) => repeats)).toEqual([['No'], ['No']]);
		expect(imported.report.notes.join(' ')).toMatch(/asked 2 times \(repeats\)/);
		const once = await run('pope', file('x_samples_pope_adv.jsonl', popeLine(0, ['Yes'])));
		expect(once.report.notes.join(' ')).not.toMatch(/repeats/);
	});

	it('reasoning is cut off as the harness does', async () => {
		const line = popeLine(1, 'No', { resps: ['<think>Yes? A dog…</think>\n\nNo'] });
		const imported = await run('pope', file('x_samples_pope_adv.jsonl', line));
		expect(imported.results[0]!.pred).toBe('No');
	});

	it('the verdict of a judged table of VLMEvalKit stands beside our score', async () => {
		const path = 'cases/import-mmbench-one-pass-result/MODEL_MMBench_DEV_EN_openai_result.xlsx';
		const imported = await run('mmbench', fixture(path));
		expect(imported.report.notes.join(' ')).toContain('column "hit" has 2 of 4 right (50.0 %)');
	});

	it('truths of MMMU may be lists', async () => {
		const row = (doc_id: number, answer: unknown, said: string) =>
			JSON.stringify({
				...{ doc_id, target: String(answer), filtered_resps: said, input: 'How many?' },
				mmmu_acc: { id: `validation_Math_${doc_id}`, question_type: 'open', answer }
			});
		const lines = [
			row(1, ['1/3', '0.33'], 'It is 0.33'),
			row(2, "['five', '5']", '5'),
			row(3, ['7', '8'], '9'),
			row(4, '12', '12')
		];
		const { report } = await run('mmmu', file('x_samples_mmmu_val.jsonl', lines.join('\n')));
		expect(report.outcomes.map(({ credit }) => credit)).toEqual([1, 1, 0, 1]);
		expect(report.notes.join(' ')).toMatch(/3 of 4 truths are lists/);
	});
});
