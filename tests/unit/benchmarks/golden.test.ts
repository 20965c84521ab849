import { describe, expect, it } from 'vitest';
import type { Benchmark, Data, Report } from '../../../src/lib/benchmarks/benchmark.ts';
import { llavabench } from '../../../src/lib/benchmarks/llavabench.ts';
import { inferAnswer, inferOption, inferText, mmbench } from '../../../src/lib/benchmarks/mmbench.ts';
import { mme, parseMmeAnswer } from '../../../src/lib/benchmarks/mme.ts';
import { mmmu } from '../../../src/lib/benchmarks/mmmu.ts';
import { evalOpen, extractNumbers, parseOpenResponse } from '../../../src/lib/benchmarks/mmmu-open.ts';
import { mmvet } from '../../../src/lib/benchmarks/mmvet.ts';
import { owleval } from '../../../src/lib/benchmarks/owleval.ts';
import { parsePopeAnswer, pope, popeScores } from '../../../src/lib/benchmarks/pope.ts';
import { seed } from '../../../src/lib/benchmarks/seed.ts';
import { parseQuestion, sqa } from '../../../src/lib/benchmarks/sqa.ts';
import { goldenJson } from '../model/image/golden.ts';
import { examplesOf, type Files } from './support.ts';

interface Stored extends Record<string, unknown> {
	readonly pred: string;
}
interface Golden {
	readonly sqa_parse: { readonly question: string; readonly parsed: object };
	readonly metrics: {
		readonly mme: {
			readonly parse: readonly { readonly pred: string; readonly label: string }[];
			readonly lines: Readonly<Record<string, readonly string[]>>;
			readonly result: Readonly<Record<string, unknown>>;
		};
		readonly seed: {
			readonly results: Readonly<Record<string, Stored>>;
			readonly scores: Readonly<Record<string, { total: number; correct: number; acc: number }>>;
		};
		readonly pope: {
			readonly preds: readonly string[];
			readonly labels: readonly string[];
			readonly per_pred: readonly { readonly pred: string; readonly label: string }[];
			readonly result: Readonly<Record<string, number>>;
		};
		readonly mmb: {
			readonly can_infer: readonly {
				readonly pred: string;
				readonly out: string | false;
				readonly option: string | false;
				readonly text: string | false;
			}[];
			readonly choices: Readonly<Record<string, string>>;
			readonly results: Readonly<Record<string, Stored>>;
			readonly scores: Readonly<Record<string, unknown>>;
		};
		readonly mmmu: {
			readonly open_parse: readonly {
				readonly response: string;
				readonly parsed: readonly string[];
				readonly numbers: readonly string[];
			}[];
			readonly eval_open: readonly {
				readonly gold: string | string[];
				readonly response: string;
				readonly correct: boolean;
			}[];
		};
		readonly sqa: {
			readonly problems: Readonly<Record<string, { choices: string[]; answer: number }>>;
			readonly results: Readonly<Record<string, Stored>>;
		};
	};
	readonly task_examples: {
		readonly mmb: {
			readonly tsv: string;
			readonly examples: readonly {
				readonly prompt: string;
				readonly options_dict: object;
				readonly hint: string;
			}[];
		};
		readonly seed: {
			readonly json: object;
			readonly n: number;
			readonly prompt: string;
			readonly answer: string;
		};
		readonly pope: { readonly prompt: string; readonly data: { readonly question: string } };
		readonly sqa: {
			readonly json: readonly object[];
			readonly prompts: readonly string[];
			readonly answers: readonly string[];
		};
		readonly mme_load: readonly (readonly string[])[];
		readonly owl: { readonly prompt: string; readonly output: readonly object[] };
		readonly llavabench: string;
		readonly mm_vet: string;
		readonly mmmu: readonly { readonly prompt: string; readonly all_choices: readonly string[] }[];
	};
}

const { metrics, task_examples: tasks, sqa_parse } = goldenJson<Golden>('text/text_golden.json');
const png = new Uint8Array([137, 80, 78, 71]);

/** Results as upstream stores them, scored. */
function scoreStored(benchmark: Benchmark, stored: Readonly<Record<string, Stored>>): Report {
	return benchmark.score(
		Object.entries(stored).map(([id, { pred, ...data }]) => ({ id: Number(id), pred, data: data as Data }))
	);
}

const rowsOf = (report: Report) => new Map(report.tables[0]!.rows.map(([name, ...values]) => [name, values]));

async function promptsOf(benchmark: Benchmark, files: Files): Promise<string[]> {
	return (await examplesOf(benchmark, files)).map(({ data, images }) =>
		benchmark.prompt(data, images.length)
	);
}

describe('scores that upstream gives', () => {
	it.each(metrics.mme.parse)('MME takes $pred for $label', ({ pred, label }) =>
		expect(parseMmeAnswer(pred)).toBe(label)
	);

	it('MME: acc, acc+ and totals', () => {
		const stored = Object.entries(metrics.mme.lines).flatMap(([dataset_name, lines]) =>
			lines.map((line) => {
				const [image_id, question, answer, pred] = line.split('\t');
				return { image_id, question, answer, pred: pred!, dataset_name };
			})
		);
		const rows = rowsOf(scoreStored(mme, Object.fromEntries(stored.entries())));
		const expected: [string, readonly number[]][] = Object.entries(metrics.mme.result).flatMap(
			([group, value]) =>
				Array.isArray(value)
					? [[group, value as number[]] as [string, number[]]]
					: Object.entries(value as Record<string, number[]>).map(
							([name, scores]) =>
								[name === 'Total' ? group : `${group}/${name}`, scores] as [string, number[]]
						)
		);
		expect(expected.length).toBe(17);
		for (const [name, scores] of expected)
			scores.forEach((score, i) => expect(rows.get(name)![i], `${name} ${i}`).toBeCloseTo(score, 9));
	});

	it('SEED: per type and in all', () => {
		const report = scoreStored(seed, metrics.seed.results);
		expect(report.tables[0]!.rows).toEqual(
			Object.entries(metrics.seed.scores).map(([name, { acc, correct, total }]) => [
				name,
				acc,
				correct,
				total
			])
		);
	});

	it.each(metrics.pope.per_pred)('POPE takes $pred for $label', ({ pred, label }) =>
		expect(parsePopeAnswer(pred)).toBe(label)
	);

	it('POPE: accuracy, precision, recall, F1, yes-ratio and counts', () => {
		const { preds, labels, result } = metrics.pope;
		const scores = popeScores(preds.map((pred, i) => ({ parsed: parsePopeAnswer(pred), label: labels[i]! })));
		expect(Object.keys(scores)).toEqual(Object.keys(result));
		for (const [name, value] of Object.entries(scores)) expect(value, name).toBeCloseTo(result[name]!, 12);
	});

	it.each(metrics.mmb.can_infer)('MMBench takes $pred for $out', ({ pred, out, option, text }) => {
		const { choices } = metrics.mmb;
		expect(inferOption(pred) ?? false).toBe(option);
		expect(inferText(pred, choices) ?? false).toBe(text);
		expect(inferAnswer(pred, choices) ?? false).toBe(out);
	});

	it('MMBench: circular groups and category tables', () => {
		const rows = rowsOf(scoreStored(mmbench, metrics.mmb.results));
		const { scores } = metrics.mmb;
		for (const [parent, value] of Object.entries(scores)) {
			if (typeof value !== 'object') continue;
			for (const [child, scored] of Object.entries(value as Record<string, unknown>)) {
				if (typeof scored !== 'object') continue;
				const { num_sampes, num_correct, acc } = scored as Record<string, number | string>;
				const [questions, right, accuracy] = rows.get(`${parent}/${child}`)!;
				expect([questions, right, Number(accuracy).toFixed(2)]).toEqual([num_sampes, num_correct, acc]);
			}
			const { parent_task_acc } = value as Record<string, string>;
			expect(Number(rows.get(parent)![2]).toFixed(2)).toBe(parent_task_acc);
		}
		const [questions, right, accuracy] = rows.get('Total')!;
		expect([questions, right, Number(accuracy).toFixed(2)]).toEqual([
			scores['total_samples'],
			scores['total_corrects'],
			scores['total_acc']
		]);
	});

	it.each(metrics.mmmu.open_parse)('MMMU reads $response', ({ response, parsed, numbers }) => {
		const python = (value: string | number) =>
			typeof value === 'string' ? value : Number.isInteger(value) ? `${value}.0` : String(value);
		expect(parseOpenResponse(response).map(python).sort()).toEqual([...parsed].sort());
		expect(extractNumbers(response)).toEqual(numbers);
	});

	it.each(metrics.mmmu.eval_open)('MMMU: $response for $gold is $correct', ({ gold, response, correct }) =>
		expect(evalOpen(gold, parseOpenResponse(response))).toBe(correct)
	);

	it('ScienceQA: every answer that names a choice; one is drawn', () => {
		const { problems, results } = metrics.sqa;
		const stored = Object.fromEntries(
			Object.entries(results).map(([id, result]) => {
				const { choices, answer } = problems[String(result['question_id'])]!;
				return [id, { ...result, question: '', choices, answer_index: answer }];
			})
		);
		const { outcomes, tables } = scoreStored(sqa, stored);
		expect(outcomes.filter(({ drawn }) => drawn).map(({ id }) => id)).toEqual([6]);
		expect(outcomes.filter(({ drawn }) => !drawn).map(({ credit }) => credit)).toEqual([1, 1, 1, 1, 1, 1, 1]);
		expect(tables[0]!.rows[0]).toEqual(['image', 100, 4, 4]);
	});
});

describe("examples and prompts of upstream's data sets", () => {
	it('MMBench lists A to E always', async () => {
		const examples = await examplesOf(mmbench, { 'mmbench_dev_20230712.tsv': tasks.mmb.tsv });
		expect(examples.map(({ data, images }) => mmbench.prompt(data as never, images.length))).toEqual(
			tasks.mmb.examples.map(({ prompt }) => prompt)
		);
		expect(examples.map(({ data }) => data['options_dict'])).toEqual(
			tasks.mmb.examples.map(({ options_dict }) => options_dict)
		);
		expect([...(await examples[0]!.images[0]!.read()).subarray(0, 4)]).toEqual([...png]);
	});

	it('SEED leaves videos out', async () => {
		const examples = await examplesOf(seed, {
			'SEED-Bench.json': JSON.stringify(tasks.seed.json),
			'SEED-Bench-image/x1.png': png
		});
		expect(examples.length).toBe(tasks.seed.n);
		expect(seed.prompt(examples[0]!.data as never, 1)).toBe(tasks.seed.prompt);
		expect(examples[0]!.data['answer']).toBe(tasks.seed.answer);
	});

	it('POPE', () => {
		expect(pope.prompt(tasks.pope.data as never, 1)).toBe(tasks.pope.prompt);
	});

	it('ScienceQA with and without an image', async () => {
		const examples = await examplesOf(sqa, {
			'llava_test_QCM-LEPA.json': JSON.stringify(tasks.sqa.json),
			'text/pid_splits.json': JSON.stringify({ test: ['1', '2'] }),
			'text/problems.json': JSON.stringify({
				'1': { choices: ['north', 'south'], answer: 0 },
				'2': { choices: ['x', 'y', 'z'], answer: 2 }
			}),
			'images/test/1/image.png': png
		});
		expect(examples.map(({ data, images }) => sqa.prompt(data as never, images.length))).toEqual(
			tasks.sqa.prompts
		);
		expect(examples.map(({ data }) => data['answer'])).toEqual(tasks.sqa.answers);
		expect(parseQuestion(sqa_parse.question)).toEqual(sqa_parse.parsed);
	});

	it('MME in both layouts', async () => {
		const text = tasks.mme_load.map(([, , question, answer]) => `${question}\t${answer}`).join('\n');
		const beside = await examplesOf(mme, { 'existence/0001.png': png, 'existence/0001.txt': text });
		const apart = await examplesOf(mme, {
			'existence/images/0001.png': png,
			'existence/questions_answers_YN/0001.txt': text
		});
		for (const examples of [beside, apart])
			expect(
				examples.map(({ data }) => [data['dataset_name'], data['image_id'], data['question'], data['answer']])
			).toEqual(
				tasks.mme_load.map(([subtask, , question, answer]) => [subtask, '0001.png', question, answer])
			);
	});

	it('OwlEval, LLaVA-Bench and MM-Vet are free-form', async () => {
		const owl = { image: '1.jpg', question_id: 1, question: 'What is funny?' };
		expect(await promptsOf(owleval, { 'questions.jsonl': JSON.stringify(owl), 'images/1.jpg': png })).toEqual(
			[tasks.owl.prompt]
		);
		const llava = { question_id: 0, image: '1.jpg', category: 'detail', text: 'Describe?' };
		expect(
			await promptsOf(llavabench, { 'questions.jsonl': JSON.stringify(llava), 'images/1.jpg': png })
		).toEqual([tasks.llavabench]);
		const vet = { v1_0: { imagename: '1.jpg', question: 'What x?', answer: 'y', capability: ['rec'] } };
		expect(await promptsOf(mmvet, { 'mm-vet.json': JSON.stringify(vet), 'images/1.jpg': png })).toEqual([
			tasks.mm_vet
		]);
		const [file] = owleval.score([
			{
				id: 0,
				pred: 'ans',
				data: { question: 'What is funny?', question_id: 1, image_path: '1.jpg', ability: '' }
			}
		]).files;
		expect(JSON.parse(file!.content as string)).toEqual(tasks.owl.output);
	});

	it("MMMU from upstream's cache, several images or none", async () => {
		const rows = [
			{
				id: 'validation_Art_1',
				question: 'Q <image 1>?',
				options: `['x', "<img='p.png'>"]`,
				answer: 'A',
				question_type: 'multiple-choice',
				image_1: 'a.png'
			},
			{
				id: 'validation_Art_2',
				question: 'How many?',
				options: '[]',
				answer: '3',
				question_type: 'open',
				image_1: 'a.png'
			}
		];
		const examples = await examplesOf(mmmu, {
			'validation.json': JSON.stringify(rows),
			'images/a.png': png
		});
		expect(examples.map(({ data }) => mmmu.prompt(data as never, 1))).toEqual(
			tasks.mmmu.map(({ prompt }) => prompt)
		);
		expect(examples.map(({ data }) => data['all_choices'])).toEqual(
			tasks.mmmu.map(({ all_choices }) => all_choices)
		);
	});
});
