import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { importResults } from '../../../src/lib/benchmarks/import.ts';
import { findBenchmark } from '../../../src/lib/benchmarks/registry.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { examplesOf } from './support.ts';

/** Files as they become when people save, rename or copy them. */
const fixture = (name: string) => readFileSync(`tests/fixtures/imports/${name}`, 'utf8');
const utf8 = (text: string) => new TextEncoder().encode(text);
const utf16 = (text: string, mark = true) =>
	new Uint8Array(Buffer.from(mark ? `\ufeff${text}` : text, 'utf16le'));
const bigEndian = (text: string) => new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le').swap16());
const savings: readonly [how: string, save: (text: string) => Uint8Array][] = [
	['UTF-8 with a mark', (text) => utf8(`\ufeff${text}`)],
	['UTF-16', utf16],
	['UTF-16 without a mark', (text) => utf16(text, false)],
	['UTF-16, big end first', bigEndian],
	['CR LF', (text) => utf8(text.replaceAll('\n', '\r\n'))]
];

describe.each(savings)('%s', (_, save) => {
	const files = [
		['vlmevalkit/model_POPE.tsv', 'pope'],
		['vlmevalkit/model_POPE.csv', 'pope'],
		['vlmevalkit/model_POPE.json', 'pope'],
		['lmms-eval-0.7.3/20260901_120000_samples_pope_adv.jsonl', 'pope'],
		['lmms-eval-0.7.3/20260901_120000_samples_mme.jsonl', 'mme']
	] as const;
	it.each(files)('%s', async (path, benchmark) => {
		const read = async (name: string, bytes: Uint8Array) =>
			(await importResults(memorySource(name, bytes), findBenchmark(benchmark))).results.map(
				({ id, pred, data }) => ({ id, pred, answer: data['answer'] })
			);
		const name = path.split('/').at(-1)!;
		expect(await read(name.toUpperCase().replace('POPE_ADV', 'pope_adv'), save(fixture(path)))).toEqual(
			await read(name, utf8(fixture(path)))
		);
	});

	it('files of MME and MMBench', async () => {
		const mme = (text: Uint8Array, image = 'existence/a.jpg', txt = 'existence/a.txt') =>
			examplesOf(findBenchmark('mme'), { [image]: new Uint8Array([1]), [txt]: text });
		const questions = 'Is it?\tYes\nIs it not?\tNo\n';
		const plain = await mme(utf8(questions));
		expect(plain).toHaveLength(2);
		const dataOf = (examples: typeof plain) => examples.map(({ data }) => data['question']);
		expect(dataOf(await mme(save(questions)))).toEqual(dataOf(plain));
		const large = await mme(save(questions), 'existence/a.JPG', 'existence/a.TXT');
		expect(dataOf(large)).toEqual(dataOf(plain));
		expect(await large[0]!.images[0]!.read()).toEqual(new Uint8Array([1]));

		const picture = Buffer.from('a picture').toString('base64');
		const table = `index\tquestion\thint\tA\tB\tC\tD\tanswer\tcategory\tl2-category\timage\n1\tWhich?\t\tx\ty\t\t\tA\tc\tl\t${picture}\n`;
		const [example] = await examplesOf(findBenchmark('mmbench'), { 'MMBench_DEV_EN.TSV': save(table) });
		expect(Buffer.from(await example!.images[0]!.read()).toString()).toBe('a picture');
	});
});

it('images whose names differ in large and small letters', async () => {
	const line = JSON.stringify({ question_id: 1, image: 'COCO_1.jpg', text: 'Is it?', label: 'yes' });
	const files = { 'coco_pope_random.json': line, 'val2014/coco_1.JPG': new Uint8Array([7]) };
	const others = { 'coco_pope_popular.json': line, 'coco_pope_adversarial.json': line };
	const examples = await examplesOf(findBenchmark('pope'), { ...files, ...others });
	expect(await examples[0]!.images[0]!.read()).toEqual(new Uint8Array([7]));
});
