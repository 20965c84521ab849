import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import type { SourceFolder } from '../checkpoint/source.ts';
import { formatConversation } from '../model/text/prompts.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Example } from './benchmark.ts';
import { imageFile, openFirst, readJson, readText, stringField, UniqueIds } from './formats/files.ts';
import { examplesOfRows, type RowReader } from './rows.ts';
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
	posed: { set: 'MM-Vet', question: ({ question }) => ({ kind: 'open', text: question }) },
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
	const repeated = repeatedOf(await readText(source), source.name);
	const rows = keysOf(file, source.name).map((question_id): RowReader<MmvetData> => async () => {
		const where = `${source.name}, ${question_id}`;
		const value = file[question_id];
		if (!isObject(value))
			throw new InputError(`${where}, is missing; the file is damaged, download it again.`);
		const again = repeated.get(question_id);
		if (again) throw again;
		const capability = value['capability'];
		return {
			images: [await imageFile(folder, [`images/${stringField(value, 'imagename', where)}`], where)],
			data: {
				question: stringField(value, 'question', where),
				question_id,
				answer: stringField(value, 'answer', where),
				capability: Array.isArray(capability) ? capability.map(String) : []
			}
		};
	});
	yield* examplesOfRows(rows, `${source.name} has no questions; download it again.`);
}

/** `v1_0` to the last there is, then keys of another form. */
function keysOf(file: JsonObject<Json>, name: string): string[] {
	const keys = Object.keys(file);
	const numbers = keys.flatMap((key) => (/^v1_\d+$/.test(key) ? [Number(key.slice(3))] : []));
	const count = Math.max(-1, ...numbers) + 1;
	if (count > 10 * keys.length)
		throw new InputError(`${name} has ${keys.length} of ${count} questions; download it again.`);
	const others = keys.filter((key) => !/^v1_\d+$/.test(key));
	return [...Array.from({ length: count }, (_, i) => `v1_${i}`), ...others];
}

/** Of a key that is there twice, JSON keeps the last without a word. */
function repeatedOf(text: string, name: string): ReadonlyMap<string, InputError> {
	const ids = new UniqueIds('the question');
	const found = new Map<string, InputError>();
	for (const [i, line] of text.split('\n').entries())
		for (const [, key = ''] of line.matchAll(/"(v1_\d+)"\s*:/g)) {
			const again = ids.again(key, `${name}, line ${i + 1}`);
			if (again) found.set(key, again);
		}
	return found;
}
