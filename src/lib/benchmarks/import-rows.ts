import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Data, Result } from './benchmark.ts';
import { Columns, MissingTruth, type ForeignRow } from './formats/columns.ts';
import { checkData } from './formats/files.ts';
import { benchmarks } from './registry.ts';

/** Results of rows, and what must be known of the rows that gave none. */
export interface RowResults {
	readonly results: Result[];
	readonly notes: readonly string[];
}

/**
 * Results from the rows of another tool, scored by our rules afterwards. They keep the rows' own order as their ids unless a row has one.
 * Rows without a truth are left out and counted.
 * @throws InputError naming the row that cannot be used, or the first one when none has a truth
 */
export function resultsOfRows(
	benchmark: Benchmark,
	rows: readonly (ForeignRow & { readonly id?: number })[],
	name: string
): RowResults {
	if (!benchmark.fromRow) {
		const others = benchmarks.filter(({ fromRow }) => fromRow).map(({ name }) => name);
		throw new InputError(
			`Answers of other tools to ${benchmark.title} cannot be taken in; upstream's own result file can, and tables of ${others.join(', ')}.`
		);
	}
	if (rows.length === 0) throw new InputError(`${name} has no rows; give the file as the tool wrote it.`);
	const places = new Map<number, string>();
	const untold: MissingTruth[] = [];
	const results = rows.flatMap((row, i): Result[] => {
		const id = row.id ?? i;
		const before = places.get(id);
		if (before !== undefined)
			throw new InputError(
				`${row.where}: example ${id} is there already (${before}); the file has been joined or edited, export it again.`
			);
		places.set(id, row.where);
		try {
			const data = benchmark.fromRow!(new Columns({ ...row, file: name }));
			return [{ id, pred: row.pred, data: checkData<Data>(data, benchmark.fields, row.where) }];
		} catch (error) {
			if (!(error instanceof MissingTruth)) throw error;
			untold.push(error);
			return [];
		}
	});
	const [first] = untold;
	if (!first) return { results, notes: [] };
	if (results.length === 0) throw first;
	return {
		results,
		notes: [
			`${untold.length} of ${rows.length} rows do not say what is right and are left out of the score. The first: ${first.message}`
		]
	};
}

/** Objects and strings of a JSON value, for rows that nest the data set's columns. */
export function columnsOf(value: Json | undefined): JsonObject<Json> {
	return isObject(value) ? value : {};
}
