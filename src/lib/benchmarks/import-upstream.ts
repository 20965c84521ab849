import { isObject } from '../bytes/json.ts';
import type { ByteSource } from '../checkpoint/source.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Data } from './benchmark.ts';
import { checkData, readJson, stringField } from './formats/files.ts';
import type { Imported } from './imported.ts';

/**
 * Results of upstream's `eval_tasks.py`: `{Task}_prediction_results_all.json`, an object id → {pred, …data}. They are scored as our
 * own are.
 *
 * @throws InputError naming the file and the id that cannot be used
 */
export async function importUpstream<D extends Data>(
	source: ByteSource,
	benchmark: Benchmark<D>
): Promise<Imported<D>> {
	const file = await readJson(source);
	if (!isObject(file))
		throw new InputError(
			`${source.name} is not an object of results; give upstream's ${benchmark.upstreamTask ?? 'task'}_prediction_results_all.json.`
		);
	const results = Object.entries(file)
		.map(([key, value]) => {
			const where = `${source.name}, id ${key}`;
			const id = Number(key);
			if (!Number.isSafeInteger(id) || !isObject(value))
				throw new InputError(`${where}, is not a result of upstream's evaluation; give its own file.`);
			const pred = stringField(value, 'pred', where);
			const { pred: _, ...data } = value;
			return { id, pred, data: checkData<D>(benchmark.complete?.(data) ?? data, benchmark.fields, where) };
		})
		.sort((a, b) => a.id - b.id);
	return { results, about: {}, notes: [] };
}
