import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Benchmark } from '../../../src/lib/benchmarks/benchmark.ts';
import { benchmarks, findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { hashExamples } from '../../../src/lib/study/run.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';
import { examplesOf, type Files } from './support.ts';

const png = Uint8Array.of(137, 80, 78, 71);
const header = 'index\tquestion\thint\tA\tB\tC\tD\tanswer\tcategory\tl2-category\timage';
const row = (index: number, question = 'Q?') => `${index}\t${question}\t\tx\ty\t\t\tA\tc\tl\taGk=`;
const popeLine = (id: number, more: object = {}) =>
	JSON.stringify({ question_id: id, image: 'a.jpg', text: 'T?', label: 'yes', ...more });
const popeFiles = (adversarial: string): Files => ({
	'coco_pope_adversarial.json': adversarial,
	'coco_pope_popular.json': popeLine(1),
	'coco_pope_random.json': popeLine(1),
	'val2014/a.jpg': png
});
const seedQuestion = {
	question_id: 1,
	question_type_id: 1,
	data_id: 'x',
	question: 'Q?',
	choice_a: 'a',
	choice_b: 'b',
	choice_c: 'c',
	choice_d: 'd',
	answer: 'A'
};
const seedFiles = (...questions: object[]): Files => ({
	'SEED-Bench.json': JSON.stringify({ question_type: { Scene: 1 }, questions }),
	'SEED-Bench-image/x': png
});

const sqaItem = (id: string, more: object = {}) => ({
	id,
	image: 'a.png',
	conversations: [
		{ from: 'human', value: 'Q?\nContext: N/A\nOptions: (A) x (B) y' },
		{ from: 'gpt', value: 'LECTURE: l\nSOLUTION: s\n###\nANSWER: A.' }
	],
	...more
});
const sqaFiles = (items: string, more: Files = {}): Files => ({
	'llava_test_QCM-LEPA.json': items,
	'text/problems.json': JSON.stringify({ 1: { choices: ['x', 'y'], answer: 0 } }),
	'text/pid_splits.json': JSON.stringify({ test: ['1'] }),
	'images/test/a.png': png,
	...more
});
const mmmuRow = (id: string, more: object = {}) => ({
	id,
	question: 'Q?',
	options: "['x', 'y']",
	answer: 'A',
	question_type: 'multiple-choice',
	image_1: 'a.png',
	...more
});
const mmmuFiles = (...rows: object[]): Files => ({
	'validation.json': JSON.stringify(rows),
	'images/a.png': png
});
const llavaLine = (question_id: number, more: object = {}) =>
	JSON.stringify({ question_id, image: 'a.jpg', text: 'T?', category: 'conv', ...more });
const llavaFiles = (...lines: string[]): Files => ({
	'questions.jsonl': lines.join('\n'),
	'images/a.jpg': png
});
const vetItem = (more: object = {}) =>
	JSON.stringify({ imagename: 'a.jpg', question: 'Q?', answer: 'x', capability: ['rec'], ...more });
const vetFiles = (file: string): Files => ({ 'mm-vet.json': file, 'images/a.jpg': png });
const owlLine = (more: object = {}) =>
	JSON.stringify({ question_id: 1, image: 'a.jpg', question: 'Q?', ...more });

const cases: readonly [name: string, what: string, files: Files, message: string][] = [
	['mme', 'nothing', {}, 'data has no subtask folder of MME'],
	['mme', 'no question file', { 'count/a.jpg': png }, 'There is no count/a.txt'],
	[
		'mme',
		'too many columns',
		{ 'count/a.jpg': png, 'count/a.txt': 'Q?\tYes\nQ?\tNo\tx' },
		'count/a.txt, line 2, has 3 columns'
	],
	['mme', 'one column', { 'count/a.jpg': png, 'count/a.txt': 'Q?' }, 'count/a.txt, line 1, has 1 columns'],
	[
		'mme',
		'another answer',
		{ 'count/a.jpg': png, 'count/a.txt': 'Q?\tMaybe' },
		'line 1: the answer is "Maybe"'
	],
	[
		'mme',
		'two images of one name',
		{ 'count/a.jpg': png, 'count/a.png': png, 'count/a.txt': 'Q?\tYes' },
		'count/a.txt is there already (count/a.jpg)'
	],
	[
		'mme',
		'an empty image',
		{ 'count/a.jpg': new Uint8Array(), 'count/a.txt': 'Q?\tYes' },
		'the image count/a.jpg is empty'
	],
	['mmbench', 'nothing', {}, 'There is no mmbench_dev_20230712.tsv in data'],
	['mmbench', 'an empty file', { 'mmbench_dev_20230712.tsv': '' }, 'is empty'],
	[
		'mmbench',
		'a missing column',
		{ 'mmbench_dev_20230712.tsv': 'index\tquestion\n1\tQ' },
		'has no column A, B, category, l2-category, image'
	],
	[
		'mmbench',
		'a row cut off',
		{ 'mmbench_dev_20230712.tsv': `${header}\n${row(1)}\n2\tQ?\t\tx` },
		'line 3, has 4 columns instead of 11'
	],
	[
		'mmbench',
		'an open quote',
		{ 'mmbench_dev_20230712.tsv': `${header}\n${row(1)}\n2\t"Q?\nmore` },
		'line 3: a quote is not closed'
	],
	[
		'mmbench',
		'an index twice',
		{ 'mmbench_dev_20230712.tsv': `${header}\n${row(1)}\n${row(1)}` },
		'line 3: the index 1 is there already (mmbench_dev_20230712.tsv, line 2)'
	],
	[
		'mmbench',
		'an index that is none',
		{ 'mmbench_dev_20230712.tsv': `${header}\n${row(1.5)}` },
		'line 2: the index is "1.5"'
	],
	[
		'mmbench',
		'no image',
		{ 'mmbench_dev_20230712.tsv': `${header}\n${row(1).slice(0, -4)}` },
		'line 2: the image is missing'
	],
	[
		'seed',
		'JSON cut off',
		{ 'SEED-Bench.json': '{"questions":\n[{"a"' },
		'SEED-Bench.json, line 2, is not JSON'
	],
	['seed', 'another file', { 'SEED-Bench.json': '[]' }, 'has no "questions"'],
	[
		'seed',
		'a missing choice',
		seedFiles({ ...seedQuestion, choice_c: undefined }),
		'question 1 (question_id 1): "choice_c" is missing'
	],
	[
		'seed',
		'a missing image',
		seedFiles(seedQuestion, { ...seedQuestion, question_id: 2, data_id: 'y' }),
		'question 2 (question_id 2): there is no image SEED-Bench-image/y'
	],
	['seed', 'a question twice', seedFiles(seedQuestion, seedQuestion), 'question_id 1 is there already'],
	[
		'pope',
		'a line cut off',
		popeFiles(`${popeLine(1)}\n${popeLine(2).slice(0, 20)}`),
		'coco_pope_adversarial.json, line 2, is not JSON; the file may be cut off'
	],
	[
		'pope',
		'a question twice',
		popeFiles(`${popeLine(1)}\n\n${popeLine(1)}`),
		'coco_pope_adversarial.json, line 3: question_id 1 is there already'
	],
	['pope', 'another label', popeFiles(popeLine(1, { label: 'maybe' })), 'line 1: the label is "maybe"'],
	[
		'pope',
		'a missing image',
		popeFiles(popeLine(1, { image: 'b.jpg' })),
		'line 1: there is no image val2014/b.jpg'
	],
	['pope', 'a missing field', popeFiles(popeLine(1, { text: undefined })), 'line 1: "text" is missing'],
	[
		'pope',
		'a missing split',
		{ 'coco_pope_adversarial.json': popeLine(1), 'val2014/a.jpg': png },
		'There is no coco_pope_popular.json'
	],
	['sqa', 'no problems', { 'llava_test_QCM-LEPA.json': '[]' }, 'There is no text/problems.json'],
	['mmmu', 'nothing', {}, 'neither validation.json nor'],
	[
		'mmmu',
		'an empty parquet file',
		{ 'Art/validation-00000-of-00001.parquet': new Uint8Array() },
		'Art/validation-00000-of-00001.parquet is empty (0 bytes)'
	],
	[
		'mmmu',
		'a damaged parquet file',
		{ 'Art/validation-00000-of-00001.parquet': new Uint8Array(100) },
		'cannot be read as parquet'
	],
	[
		'llavabench',
		'a line cut off',
		{ 'questions.jsonl': '{"question_id": 1, "im' },
		'questions.jsonl, line 1, is not JSON'
	],
	['mmvet', 'a missing question', { 'mm-vet.json': '{"v1_1": {}}' }, 'mm-vet.json, v1_0, is missing'],
	['owleval', 'a line that is no object', { 'questions.jsonl': '3' }, 'line 1, is not a JSON object'],
	['mme', 'an empty question file', { 'count/a.jpg': png, 'count/a.txt': '' }, 'count/a.txt is empty'],
	[
		'mme',
		'a missing image',
		{ 'count/a.jpg': png, 'count/a.txt': 'Q?\tYes', 'count/b.txt': 'Q?\tNo' },
		'count/b.txt, line 1: there is no .jpg or .png image of that name'
	],
	[
		'mme',
		'a missing image in the other layout',
		{
			'count/images/a.jpg': png,
			'count/questions_answers_YN/a.txt': 'Q?\tYes',
			'count/questions_answers_YN/b.txt': 'Q?\tNo'
		},
		'count/questions_answers_YN/b.txt, line 1: there is no'
	],
	['sqa', 'an empty file', sqaFiles(''), 'llava_test_QCM-LEPA.json is empty'],
	['sqa', 'JSON cut off', sqaFiles('[\n{"id": "1"'), 'llava_test_QCM-LEPA.json, line 2, is not JSON'],
	[
		'sqa',
		'a question without options',
		sqaFiles(JSON.stringify([sqaItem('1', { conversations: [{ value: 'Q?' }, { value: 'A' }] })])),
		'question 1 (id 1) has no "Context:", "Options:" or "ANSWER:"'
	],
	[
		'sqa',
		'a question without turns',
		sqaFiles(JSON.stringify([sqaItem('1', { conversations: undefined })])),
		'question 1 (id 1) has no two "conversations"'
	],
	[
		'sqa',
		'a missing image',
		sqaFiles(JSON.stringify([sqaItem('1', { image: 'b.png' })])),
		'question 1 (id 1): there is no image images/test/b.png'
	],
	[
		'sqa',
		'a question twice',
		sqaFiles(JSON.stringify([sqaItem('1'), sqaItem('1')])),
		'question 2 (id 1): question id 1 is there already'
	],
	[
		'sqa',
		'a question of another split',
		sqaFiles(JSON.stringify([sqaItem('2')])),
		'question 1 (id 2) is not in problems.json'
	],
	['mmmu', 'a cache cut off', { 'validation.json': '[{\n"id":' }, 'validation.json, line 2, is not JSON'],
	[
		'mmmu',
		'a row twice',
		mmmuFiles(mmmuRow('validation_Art_1'), mmmuRow('validation_Art_1')),
		'validation.json, question 2: id validation_Art_1 is there already (validation.json, question 1)'
	],
	[
		'mmmu',
		'a missing field',
		mmmuFiles(mmmuRow('validation_Art_1', { question_type: undefined })),
		'question 1 (validation_Art_1): "question_type" is missing'
	],
	[
		'mmmu',
		'options that are no list',
		mmmuFiles(mmmuRow('validation_Art_1', { options: '[x' })),
		'question 1 (validation_Art_1): "options" is [x, not a list'
	],
	[
		'mmmu',
		'a missing image',
		mmmuFiles(mmmuRow('validation_Art_1', { image_1: 'b.png' })),
		'question 1: there is no image images/b.png'
	],
	['llavabench', 'an empty file', llavaFiles(''), 'questions.jsonl is empty'],
	[
		'llavabench',
		'a missing field',
		llavaFiles(llavaLine(1), llavaLine(2, { category: undefined })),
		'questions.jsonl, line 2: "category" is missing'
	],
	[
		'llavabench',
		'a question twice',
		llavaFiles(llavaLine(1), llavaLine(1)),
		'questions.jsonl, line 2: question_id 1 is there already (questions.jsonl, line 1)'
	],
	[
		'llavabench',
		'a missing image',
		llavaFiles(llavaLine(1, { image: 'b.jpg' })),
		'questions.jsonl, line 1: there is no image images/b.jpg'
	],
	['mmvet', 'JSON cut off', vetFiles('{"v1_0": {'), 'mm-vet.json, line 1, is not JSON'],
	[
		'mmvet',
		'a question twice',
		vetFiles(`{"v1_0": ${vetItem()},\n"v1_0": ${vetItem()}}`),
		'mm-vet.json, line 2: the question v1_0 is there already (mm-vet.json, line 1)'
	],
	['mmvet', 'a missing field', vetFiles(`{"v1_0": ${vetItem({ answer: 1 })}}`), 'v1_0: "answer" is not text'],
	[
		'mmvet',
		'a missing image',
		vetFiles(`{"v1_0": ${vetItem({ imagename: 'b.jpg' })}}`),
		'mm-vet.json, v1_0: there is no image images/b.jpg'
	],
	[
		'owleval',
		'a line cut off',
		{ 'questions.jsonl': `${owlLine()}\n${owlLine().slice(0, 9)}`, 'images/a.jpg': png },
		'questions.jsonl, line 2, is not JSON; the file may be cut off'
	],
	[
		'owleval',
		'a missing field',
		{ 'questions.jsonl': owlLine({ question: undefined }), 'images/a.jpg': png },
		'questions.jsonl, line 1: "question" is missing'
	],
	[
		'owleval',
		'a missing image',
		{ 'questions.jsonl': owlLine() },
		'questions.jsonl, line 1: there is no image images/a.jpg'
	],
	['scenes', 'no sprites', {}, 'There is no atlas.json']
];

/** Why examples are not usable: all of them, or the first that is not. */
async function problemOf(benchmark: Benchmark, files: Files): Promise<string | undefined> {
	try {
		for (const { unusable, images } of await examplesOf(benchmark, files)) {
			if (unusable !== undefined) return unusable;
			for (const image of images) await image.read();
		}
		return undefined;
	} catch (error) {
		expect(error).toBeInstanceOf(InputError);
		return (error as InputError).message;
	}
}

describe('unusable data', () => {
	it.each(cases)('%s: %s', async (name, _, files, message) => {
		expect(await problemOf(findBenchmark(name), files)).toContain(message);
	});

	it('one image that is missing and one truth that is none are told of their examples alone', async () => {
		const lines = [popeLine(1), popeLine(2, { image: 'b.jpg' }), popeLine(3, { label: '?' })];
		const examples = await examplesOf(findBenchmark('pope'), popeFiles(lines.join('\n')));
		expect(examples.map(({ unusable }) => unusable !== undefined)).toEqual([
			false,
			false,
			true,
			false,
			false
		]);
		const reads = await Promise.allSettled(examples.map(({ images }) => images[0]!.read()));
		expect(reads.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, true, true]);
	});

	const odd: readonly [name: string, files: Files, problems: readonly (string | undefined)[]][] = [
		[
			'mme',
			{
				...{ 'count/a.jpg': png, 'count/a.txt': 'Q?\tYes\nQ?\nQ?\tMaybe\nQ?\tNo' },
				...{ 'count/b.jpg': png, 'count/c.JPG': png, 'count/c.txt': 'Q?\tNo', 'count/d.txt': 'Q?\tNo' }
			},
			[undefined, 'a.txt, line 2', '"Maybe"', undefined, 'no count/b.txt', undefined, 'count/d.txt, line 1']
		],
		[
			'mmbench',
			{
				'mmbench_dev.tsv': [header, row(1), row(1), 'x\ty', row(3).replace('\tA\t', '\t1\t'), row(4)].join(
					'\n'
				)
			},
			[undefined, 'index 1 is there already', 'line 4, has 2 columns', 'the answer is "1"', undefined]
		],
		[
			'seed',
			{
				'SEED-Bench.json': JSON.stringify({
					question_type: { Scene: 1 },
					questions: [
						3,
						{ ...seedQuestion, question_type_id: 10 },
						seedQuestion,
						seedQuestion,
						{ ...seedQuestion, question_id: 2, choice_b: null },
						{ ...seedQuestion, question_id: 3, answer: '' },
						{ ...seedQuestion, question_id: 4, question_type_id: 2 },
						{ ...seedQuestion, question_id: 5 }
					]
				}),
				'SEED-Bench-image/x': png
			},
			['question 1, is not', undefined, 'there already', 'choice_b', 'answer is ""', 'no name', undefined]
		],
		[
			'pope',
			popeFiles([popeLine(1, { image: 'b.jpg' }), 'x', popeLine(1), popeLine(2)].join('\n')),
			[undefined, 'line 2, is not JSON', 'there already', undefined, undefined, undefined]
		],
		[
			'sqa',
			{
				...sqaFiles(JSON.stringify([null, sqaItem('2'), sqaItem('3'), sqaItem('1')])),
				'text/problems.json': JSON.stringify({
					1: { choices: ['x', 'y'], answer: 0 },
					3: { choices: ['x', 'y'], answer: 2 }
				}),
				'text/pid_splits.json': JSON.stringify({ test: ['1', '3'] })
			},
			['question 1, is not', 'not in problems.json', 'is 2, and there are 2 choices', undefined]
		],
		[
			'mmmu',
			mmmuFiles(
				...[mmmuRow('validation_Art_1', { answer: 'C' }), mmmuRow('validation_Art_2', { options: '?' })],
				...[
					mmmuRow('validation_Art_3', { question_type: 'open', answer: '' }),
					[],
					mmmuRow('validation_Art_4')
				]
			),
			['the answer is "C"', 'not a list', 'the answer is ""', 'question 4, is not', undefined]
		],
		['llavabench', llavaFiles('{}', llavaLine(1), 'x'), ['"question_id"', undefined, 'line 3']],
		['owleval', { 'questions.jsonl': `x\n${owlLine()}`, 'images/a.jpg': png }, ['line 1', undefined]],
		[
			'mmvet',
			vetFiles(`{"v1_0": ${vetItem()},\n"v1_2": 3,\n"v1_3": ${vetItem()},\n"v1_3": ${vetItem()}, "x": 1}`),
			[undefined, 'v1_1, is missing', 'v1_2, is missing', 'v1_3 is there already', 'x, is missing']
		]
	];
	it.each(odd)('odd rows of %s are told of their examples alone', async (name, files, problems) => {
		const benchmark = findBenchmark(name);
		const examples = await examplesOf(benchmark, files);
		expect(examples.map(({ id }) => id)).toEqual(problems.map((_, i) => i));
		for (const [i, { unusable }] of examples.entries()) {
			if (problems[i] === undefined) expect(unusable).toBeUndefined();
			else expect(unusable).toContain(problems[i]);
		}
		expect(await hashExamples(benchmark, examples)).toMatchObject({ examples: problems.length });
	});

	it('an image that is not there may be put there later: its example stays what it is', async () => {
		const lines = [popeLine(1), popeLine(2, { image: 'b.jpg' })].join('\n');
		const hash = async (files: Files) =>
			hashExamples(findBenchmark('pope'), await examplesOf(findBenchmark('pope'), files));
		const later = { ...popeFiles(lines), 'val2014/b.jpg': png };
		expect(await hash(popeFiles(lines))).toEqual(await hash(later));
	});

	it('images of MMBench may be data URLs, and name a row that names another', async () => {
		const images = [`data:image/png;base64,${'aGkh'.repeat(20)}`, '1', '2'];
		const lines = images.map((image, i) => row(i + 1).replace(/[^\t]*$/, image));
		const examples = await examplesOf(findBenchmark('mmbench'), {
			'mmbench_x.tsv': [header, ...lines].join('\n')
		});
		for (const {
			images: [image]
		} of examples)
			expect([...(await image!.read())].slice(0, 2)).toEqual([104, 105]);
	});

	it('options of MMMU may be a list, of numbers, too; ids may be numbers', async () => {
		const rows = [
			mmmuRow('validation_Art_1', { options: ['x', 'y'] }),
			mmmuRow('validation_Art_2', { options: '[1, 2]' })
		];
		const examples = await examplesOf(findBenchmark('mmmu'), mmmuFiles(...rows, mmmuRow('', { id: 3 })));
		expect(examples.map(({ unusable }) => unusable)).toEqual([undefined, undefined, undefined]);
		expect(examples[1]!.data['question']).toContain('A. 1\nB. 2');
	});

	it('a row of MMBench without a truth is left out of the score', async () => {
		const files = { 'mmbench_dev.tsv': [header, row(1), row(2).replace('\tA\t', '\t\t')].join('\n') };
		const examples = await examplesOf(findBenchmark('mmbench'), files);
		const report = findBenchmark('mmbench').score(examples.map(({ id, data }) => ({ id, data, pred: 'A' })));
		expect(report.scores[0]).toMatchObject({ value: 100 });
		expect(report.notes[0]).toContain('1 of 2 rows do not say what is right');
	});

	it('a parquet file of other columns names them, one that is cut off itself', async () => {
		const file = 'Math/validation-00000-of-00001.parquet';
		const bytes = new Uint8Array(readFileSync(`tests/fixtures/benchmarks/data/mmmu/${file}`));
		const renamed = bytes.slice();
		const whole = Buffer.from(renamed.buffer);
		for (let at = whole.indexOf('question_type'); at >= 0; at = whole.indexOf('question_type'))
			whole.write('question_kind', at);
		await expect(examplesOf(findBenchmark('mmmu'), { [file]: renamed })).rejects.toThrow(
			`${file} has no column question_type`
		);
		await expect(examplesOf(findBenchmark('mmmu'), { [file]: bytes.slice(0, -9) })).rejects.toThrow(
			`${file} cannot be read as parquet`
		);
	});

	it('an image of a cut-off base64 cell names its line', async () => {
		const [example] = await examplesOf(findBenchmark('mmbench'), {
			'mmbench_dev_20230712.tsv': `${header}\n${row(1).slice(0, -3)}`
		});
		await expect(example!.images[0]!.read()).rejects.toThrow(
			'mmbench_dev_20230712.tsv, line 2: the image is not base64'
		);
	});

	it('quoted cells may hold tabs, quotes and line ends; the lines after them keep their numbers', async () => {
		const file = `${header}\r\n${row(1, '"a\tb ""c""\r\nd"')}\r\n\r\n${row(2, 'say "hi"')}\r\nx\ty`;
		const read = await examplesOf(findBenchmark('mmbench'), { 'mmbench_dev_20230712.tsv': file });
		expect(read[2]!.unusable).toContain('line 6, has 2 columns');
		const examples = await examplesOf(findBenchmark('mmbench'), {
			'mmbench_dev_20230712.tsv': file.slice(0, file.lastIndexOf('x'))
		});
		expect(examples.map(({ data }) => data['question'])).toEqual(['a\tb "c"\r\nd', 'say "hi"']);
		expect([...(await examples[1]!.images[0]!.read())]).toEqual([104, 105]);
	});

	it('an unknown benchmark names the known ones', () => {
		expect(() => findBenchmark('nocaps')).toThrow(/mme, mmbench, seed/);
	});
});

it.each(benchmarks.map((benchmark): [string, Benchmark] => [benchmark.name, benchmark]))(
	'%s gives no score without answers',
	(_, benchmark) => expect(benchmark.score([]).scores).toEqual([])
);
