import { isObject } from '../bytes/json.ts';
import type { SourceFolder } from '../checkpoint/source.ts';
import { formatConversation } from '../model/text/prompts.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Example } from './benchmark.ts';
import { imageFile, openFirst, readJson, readText, stringField, UniqueIds } from './formats/files.ts';
import { judgedReport } from './judged.ts';

export type MmvetData = {
	readonly question: string;
	/** `v1_<number>` */
	readonly question_id: string;
	/** Parts joined by `<AND>` or `<OR>`. */
	readonly answer: string;
	/** rec, ocr, know, gen, spat, math */
	readonly capability: readonly string[];
};

/** MM-Vet (Yu et al. 2023, arXiv 2308.02490): GPT-4 grades answers from 0 to 1. */
export const mmvet: Benchmark<MmvetData> = {
	name: 'mmvet',
	title: 'MM-Vet',
	upstreamTask: 'MMVetTask',
	publishedAs: 'MM-Vet',
	files: ['mm-vet.json', 'images/'],
	officialCount: 218,
	generation: { max_new_tokens: 1024 },
	fields: { question: 'string', question_id: 'string' },
	examples,
	prompt: ({ question }, imageCount) => formatConversation('free-form', [{ question, imageCount }]),
	score: (results) =>
		judgedReport(
			'mmvet',
			results,
			({ capability }) => (Array.isArray(capability) ? capability.map(String) : []),
			[
				{
					path: 'MM-Vet_answers.json',
					content: JSON.stringify(
						Object.fromEntries(results.map(({ pred, data }) => [data.question_id, pred])),
						null,
						2
					)
				}
			],
			"MM-Vet's mm-vet_evaluator (GPT-4)"
		)
};

async function* examples(folder: SourceFolder): AsyncGenerator<Example<MmvetData>, void, void> {
	const source = await openFirst(folder, 'mm-vet.json');
	const file = await readJson(source);
	if (!isObject(file)) throw new InputError(`${source.name} is not a JSON object; give MM-Vet's own file.`);
	refuseRepeated(await readText(source), source.name);
	for (let id = 0; id < Object.keys(file).length; id++) {
		const question_id = `v1_${id}`;
		const where = `${source.name}, ${question_id}`;
		const value = file[question_id];
		if (!isObject(value))
			throw new InputError(`${where}, is missing; the file is damaged, download it again.`);
		const capability = value['capability'];
		yield {
			id,
			images: [await imageFile(folder, [`images/${stringField(value, 'imagename', where)}`], where)],
			data: {
				question: stringField(value, 'question', where),
				question_id,
				answer: stringField(value, 'answer', where),
				capability: Array.isArray(capability) ? capability.map(String) : []
			}
		};
	}
}

/** Of a key that is there twice, JSON keeps the last without a word. */
function refuseRepeated(text: string, name: string): void {
	const ids = new UniqueIds('the question');
	for (const [i, line] of text.split('\n').entries())
		for (const [, key] of line.matchAll(/"(v1_\d+)"\s*:/g)) ids.add(key!, `${name}, line ${i + 1}`);
}
