import type { Json, JsonObject } from '../bytes/json.ts';
import type { ByteSource } from '../checkpoint/source.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Result } from './benchmark.ts';
import { numberField, readJsonLines } from './formats/files.ts';
import { columnsOf, resultsOfRows } from './import-rows.ts';

/**
 * Samples of lmms-eval (`--log_samples`): a line each of `{doc_id, doc, target, resps, filtered_resps, …}`, where `doc` holds the data
 * set's columns. Older versions name it `input`. The raw response is scored, by our rules.
 *
 * @throws InputError naming file and line
 */
export async function importLmms(source: ByteSource, benchmark: Benchmark): Promise<Result[]> {
	const lines = await readJsonLines(source);
	const rows = lines.map(({ value, where }) => {
		const columns = { ...targetOf(value), ...columnsOf(value['doc'] ?? value['input']) };
		return { id: numberField(value, 'doc_id', where), columns, where, pred: responseOf(value, where) };
	});
	return resultsOfRows(benchmark, rows, source.name);
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
