import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import { InputError, isUsable, usable } from '../tensor/errors.ts';
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
 * Odd rows, those without a truth among them, are left out and counted.
 * @param rows each read when it is its turn
 * @throws InputError the first row's, when none can be used or most do not fit the benchmark
 */
export async function resultsOfRows(
	benchmark: Benchmark,
	rows: readonly (() => ForeignRow & { readonly id?: number })[],
	name: string
): Promise<RowResults> {
	if (!benchmark.fromRow) {
		const others = benchmarks.filter(({ fromRow }) => fromRow).map(({ name }) => name);
		throw new InputError(
			`Answers of other tools to ${benchmark.title} cannot be taken in; upstream's own result file can, and tables of ${others.join(', ')}.`
		);
	}
	if (rows.length === 0) throw new InputError(`${name} has no rows; give the file as the tool wrote it.`);
	const places = new Map<number, string>();
	const read = await Promise.all(
		rows.map((row, i) => usable(() => resultOfRow(benchmark, row(), i, name, places)))
	);
	const odd = read.filter((one) => one instanceof InputError);
	const results = read.filter(isUsable);
	if (results.length === 0) throw odd[0]!;
	const strange = odd.filter((one) => !(one instanceof MissingTruth) && !(one instanceof RepeatedRow));
	if (strange.length > rows.length / 2)
		throw new InputError(
			`${strange[0]!.message} So it is, or alike, with ${strange.length} of ${rows.length} rows: see whether ${name} is of ${benchmark.title}.`
		);
	const untold = odd.filter((one) => one instanceof MissingTruth);
	const others = odd.filter((one) => !(one instanceof MissingTruth));
	return {
		results,
		notes: [
			...leftOut(untold, rows.length, 'does not say what is right', 'do not say what is right'),
			...leftOut(others, rows.length, 'cannot be used', 'cannot be used')
		]
	};
}

/** A row whose question came before. */
class RepeatedRow extends InputError {}

function resultOfRow(
	benchmark: Benchmark,
	row: ForeignRow & { readonly id?: number },
	i: number,
	name: string,
	places: Map<number, string>
): Result {
	const id = row.id ?? i;
	const before = places.get(id);
	if (before !== undefined)
		throw new RepeatedRow(
			`${row.where}: example ${id} is there already (${before}); another filter of the tool has read the same answer, or the file has been joined or edited.`
		);
	places.set(id, row.where);
	const data = benchmark.fromRow!(new Columns({ ...row, file: name }));
	return {
		...{ id, pred: row.pred },
		...(row.repeats && row.repeats.length > 0 && { repeats: row.repeats }),
		data: checkData<Data>(data, benchmark.fields, row.where)
	};
}

/** Says how many rows are left out, and why the first is. */
function leftOut(odd: readonly InputError[], of: number, one: string, many: string): string[] {
	const [first] = odd;
	if (!first) return [];
	const words = odd.length === 1 ? `${one} and is` : `${many} and are`;
	return [`${odd.length} of ${of} rows ${words} left out of the score. The first: ${first.message}`];
}

/** Objects and strings of a JSON value, for rows that nest the data set's columns. */
export function columnsOf(value: Json | undefined): JsonObject<Json> {
	return isObject(value) ? value : {};
}
