import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import type { ByteSource } from '../checkpoint/source.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Result } from './benchmark.ts';
import { numberField, readJsonLines } from './formats/files.ts';
import { columnsOf, resultsOfRows } from './import-rows.ts';

/**
 * Samples of lmms-eval (`--log_samples`): a line each of `{doc_id, doc, target, resps, filtered_resps, …}`, where `doc` holds the data
 * set's columns. The oldest versions name it `input`; since 0.4 there is none, and what is left of the columns stands in the objects of the
 * metrics, the question in the prompt, `input`. The raw response is scored, by our rules.
 *
 * @throws InputError naming file and line
 */
export async function importLmms(source: ByteSource, benchmark: Benchmark): Promise<Result[]> {
	const lines = await readJsonLines(source);
	const rows = lines.map(({ value, where }) => {
		const doc = columnsOf(value['doc'] ?? value['input']);
		const whole = Object.keys(doc).length > 0 || typeof value['input'] !== 'string';
		const columns = { ...targetOf(value), ...(whole ? doc : columnsOfPrompt(value)) };
		return {
			...{ id: numberField(value, 'doc_id', where), columns, where, pred: responseOf(value, where) },
			...(!whole && { advice: WITHOUT_DOC })
		};
	});
	return resultsOfRows(benchmark, rows, source.name);
}

const WITHOUT_DOC =
	'lmms-eval has not written the columns of the data set ("doc") since 0.4, and the objects of the metrics lack this one; add it to the lines from the data set, by "doc_id"';

/** Instructions that the harness's tasks put after the question. */
const INSTRUCTION =
	/\n\s*(Answer the question using a single word or phrase|Answer with the option's letter[^\n]*)\.?\s*$/;

/** Columns of a line without `doc`: those of the metrics' objects, and question and options as the prompt has them. */
function columnsOfPrompt(value: JsonObject<Json>): JsonObject<Json> {
	const { input } = value;
	const prompt = (typeof input === 'string' ? input : '').replace(INSTRUCTION, '');
	const options = Object.fromEntries(
		[...prompt.matchAll(/^([A-I])\. (.*)$/gm)].map(([, letter = '', text = '']) => [letter, text])
	);
	const question = prompt.replace(/^[A-I]\. .*$/gm, '').trim();
	const metrics = Object.values(value).filter(isObject) as JsonObject<Json>[];
	return Object.assign({ question, ...options }, ...metrics) as JsonObject<Json>;
}

const targetOf = ({ target }: JsonObject<Json>): JsonObject<Json> =>
	typeof target === 'string' || typeof target === 'number' ? { target } : {};

/** `resps` is a list of requests, each a list of answers; `filtered_resps` a list of answers. */
function responseOf(value: JsonObject<Json>, where: string): string {
	for (const field of ['resps', 'filtered_resps'] as const) {
		let found: Json | undefined = value[field];
		while (Array.isArray(found)) found = found[0] as Json | undefined;
		if (typeof found === 'string') return found;
	}
	throw new InputError(
		`${where}: there is no text in "resps" or "filtered_resps"; run lmms-eval with --log_samples and a task that generates.`
	);
}
