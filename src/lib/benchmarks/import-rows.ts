import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Data, Result } from './benchmark.ts';
import { Columns, type ForeignRow } from './formats/columns.ts';
import { checkData } from './formats/files.ts';
import { benchmarks } from './registry.ts';

/**
 * Results from the rows of another tool, scored by our rules afterwards. They keep the rows' own order as their ids unless a row has one.
 * @throws InputError naming the row that cannot be used
 */
export function resultsOfRows(
	benchmark: Benchmark,
	rows: readonly (ForeignRow & { readonly id?: number })[],
	name: string
): Result[] {
	if (!benchmark.fromRow) {
		const others = benchmarks.filter(({ fromRow }) => fromRow).map(({ name }) => name);
		throw new InputError(
			`Answers of other tools to ${benchmark.title} cannot be taken in; upstream's own result file can, and tables of ${others.join(', ')}.`
		);
	}
	if (rows.length === 0) throw new InputError(`${name} has no rows; give the file as the tool wrote it.`);
	const places = new Map<number, string>();
	return rows.map((row, i) => {
		const id = row.id ?? i;
		const before = places.get(id);
		if (before !== undefined)
			throw new InputError(
				`${row.where}: example ${id} is there already (${before}); the file has been joined or edited, export it again.`
			);
		places.set(id, row.where);
		const data = benchmark.fromRow!(new Columns({ ...row, file: name }));
		return { id, pred: row.pred, data: checkData<Data>(data, benchmark.fields, row.where) };
	});
}

/** Objects and strings of a JSON value, for rows that nest the data set's columns. */
export function columnsOf(value: Json | undefined): JsonObject<Json> {
	return isObject(value) ? value : {};
}
