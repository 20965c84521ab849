import { describe, expect, it } from 'vitest';
import { writeXlsx } from '../../../src/lib/benchmarks/formats/xlsx.ts';
import { importResults } from '../../../src/lib/benchmarks/import.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const take = (benchmark: string, name: string, content: string | Uint8Array) =>
	importResults(
		memorySource(name, typeof content === 'string' ? encode(content) : content),
		findBenchmark(benchmark)
	);
const refused = async (work: Promise<unknown>, words: RegExp) => {
	const error = await work.then(
		() => undefined,
		(thrown: unknown) => thrown
	);
	expect(error).toBeInstanceOf(InputError);
	expect((error as Error).message).toMatch(words);
};

/** A line as lmms-eval logs it for MME. */
const mmeLine = (doc_id: number, question_id: string, answer: string, said: string) =>
	JSON.stringify({
		doc_id,
		doc: { question_id, question: 'Is it?', answer, category: 'existence' },
		target: answer,
		resps: [[said]],
		filtered_resps: [said],
		mme_perception_score: { score: 1 }
	});

describe('samples of lmms-eval', () => {
	it('are scored by our rules: MME with acc and acc+', async () => {
		const text = [
			mmeLine(0, 'existence/a.jpg', 'Yes', 'Yes'),
			mmeLine(1, 'existence/a.jpg', 'No', 'No, it is not'),
			mmeLine(2, 'existence/b.jpg', 'Yes', 'yes'),
			mmeLine(3, 'existence/b.jpg', 'No', 'Yes')
		].join('\n');
		const { source, results } = await take('mme', 'run_samples_mme.jsonl', `${text}\n`);
		expect(source).toEqual({ tool: 'lmms-eval', file: 'run_samples_mme.jsonl' });
		const report = findBenchmark('mme').score(results);
		// Three of four right, one of two images with both.
		expect(report.scores[0]!.value).toBeCloseTo(75 + 50, 9);
	});

	it('of POPE and SEED', async () => {
		const pope = ['yes', 'no'].map((answer, doc_id) =>
			JSON.stringify({
				doc_id,
				doc: { question: 'Is there a dog?', answer, category: 'popular', image_source: 'x' },
				resps: [['Yes']],
				filtered_resps: ['Yes']
			})
		);
		const report = findBenchmark('pope').score((await take('pope', 'p.jsonl', pope.join('\n'))).results);
		expect(report.outcomes.map(({ credit }) => credit)).toEqual([1, 0]);
		const seed = JSON.stringify({
			doc_id: 7,
			doc: {
				question: 'Which?',
				choice_a: 'x',
				choice_b: 'y',
				choice_c: 'z',
				choice_d: 'w',
				answer: 'B',
				question_type_id: 3
			},
			resps: [['b']],
			filtered_resps: ['b']
		});
		const { results } = await take('seed', 's.jsonl', seed);
		expect(results[0]).toMatchObject({
			id: 7,
			data: { choices: ['x', 'y', 'z', 'w'], question_type: 'Instance Attributes' }
		});
		expect(findBenchmark('seed').score(results).outcomes[0]!.credit).toBe(1);
	});

	it('are refused with file and line', async () => {
		const line = mmeLine(0, 'existence/a.jpg', 'Yes', 'Yes');
		await refused(take('mme', 'x.jsonl', line.slice(0, 40)), /x\.jsonl, line 1, is not JSON/);
		await refused(
			take('mme', 'x.jsonl', '{"doc_id": 1, "doc": {}, "resps": [["a"]]}'),
			/line 1: the column "question" is missing/
		);
		await refused(take('mme', 'x.jsonl', '{"doc_id": 1, "doc": {}}'), /line 1: there is no text in "resps"/);
		await refused(take('llavabench', 'x.jsonl', line), /cannot be taken in/);
		await refused(take('mme', 'x.jsonl', ''), /empty/);
	});

	it('a question that nothing came to is one that is missing, a number an answer', async () => {
		const line = (doc_id: number, more: object) =>
			JSON.stringify({ ...JSON.parse(mmeLine(doc_id, 'existence/a.jpg', 'Yes', 'Yes')), ...more });
		const lines = [
			line(0, { resps: [[null]], filtered_resps: [null] }),
			line(1, { resps: null, filtered_resps: null }),
			line(2, { resps: [[1]] }),
			line(3, { resps: [['Yes', null]] }),
			line(4, { doc_id: '4', target: ['Yes'] })
		];
		const { results } = await take('mme', 'x.jsonl', lines.join('\n'));
		expect(results.map(({ id, pred, repeats = [] }) => [id, pred, ...repeats])).toEqual([
			[0, ''],
			[1, ''],
			[2, '1'],
			[3, 'Yes', ''],
			[4, 'Yes']
		]);
	});

	it('rows that mostly do not fit are of something else', async () => {
		const fit = mmeLine(0, 'existence/a.jpg', 'Yes', 'Yes');
		const other = (id: number) => mmeLine(id, 'existence/a.jpg', 'blue', 'blue');
		await refused(
			take('mme', 'x.jsonl', [fit, other(1), other(2)].join('\n')),
			/line 2: "answer" is "blue" .* with 2 of 3 rows: see whether x\.jsonl is of MME/
		);
	});

	it('odd lines are left out and counted, the others scored', async () => {
		const line = mmeLine(0, 'existence/a.jpg', 'Yes', 'Yes');
		const odd = [line.slice(0, 40), line, '3', '{"doc_id": 1, "doc": {}}'];
		for (const one of odd) {
			const { results, notes } = await take('mme', 'x.jsonl', `${line}\n${one}\n${line.replace('0', '9')}`);
			expect(results.map(({ id }) => id)).toEqual([0, 9]);
			expect(notes[0]).toMatch(/^1 of 3 rows cannot be used and is left out .*x\.jsonl, line 2/);
		}
	});
});

describe('tables of VLMEvalKit', () => {
	const columns = [
		'index',
		'question',
		'hint',
		'A',
		'B',
		'C',
		'D',
		'answer',
		'category',
		'l2-category',
		'prediction'
	];
	const row = (index: number, answer: string, prediction: string) =>
		[index, 'Which?', '', 'cat', 'dog', '', '', answer, 'identity', 'coarse perception', prediction] as const;

	it('MMBench as Excel, TSV and CSV, with circular evaluation', async () => {
		const rows = [row(1, 'A', 'A'), row(1_000_001, 'B', 'B'), row(2, 'A', 'A'), row(1_000_002, 'B', 'A')];
		const xlsx = await take('mmbench', 'm_MMBench.xlsx', writeXlsx(columns, rows));
		const tsv = await take(
			'mmbench',
			'm_MMBench.tsv',
			[columns, ...rows].map((cells) => cells.join('\t')).join('\n')
		);
		const csv = await take(
			'mmbench',
			'm_MMBench.csv',
			[columns, ...rows].map((cells) => cells.map((cell) => `"${cell}"`).join(',')).join('\r\n')
		);
		expect([xlsx.source.tool, csv.source.tool]).toEqual(['VLMEvalKit', 'VLMEvalKit']);
		for (const { results } of [xlsx, tsv, csv]) {
			const report = findBenchmark('mmbench').score(results);
			expect(report.scores[0]!.value).toBeCloseTo(50, 9);
		}
	});

	it('ScienceQA and MMMU', async () => {
		const table = 'index\tid\tquestion\tA\tB\tanswer\tprediction\n0\tvalidation_Art_1\tWhich?\tx\ty\tB\tB\n';
		const mmmu = findBenchmark('mmmu').score((await take('mmmu', 'm.tsv', table)).results);
		expect(mmmu.outcomes[0]!.credit).toBe(1);
		const sqa = findBenchmark('sqa').score((await take('sqa', 'm.tsv', table)).results);
		expect(sqa.outcomes[0]!.credit).toBe(1);
	});

	it('are refused with file and line', async () => {
		const head = columns.join('\t');
		await refused(take('mmbench', 'm.tsv', `${head}\n1\tWhich?\n`), /m\.tsv, line 2/);
		await refused(
			take('mmbench', 'm.tsv', 'index\tquestion\n1\tWhich?\n'),
			/m\.tsv, line 2: there is no column "prediction"/
		);
		await refused(
			take('mmbench', 'm.tsv', `${head}\nx\t${row(1, 'A', 'A').slice(1).join('\t')}\n`),
			/line 2: "index" is "x"/
		);
		await refused(take('mmbench', 'm.xlsx', new Uint8Array()), /m\.xlsx is empty/);
		await refused(take('mmbench', 'm.txt', 'a'), /m\.txt is not a result file/);
	});
});
