import type { ByteSource } from '../checkpoint/source.ts';
import type { Json, JsonObject } from '../bytes/json.ts';
import { InputError, usable } from '../tensor/errors.ts';
import type { Benchmark } from './benchmark.ts';
import { asUtf8, listRows, readJson } from './formats/files.ts';
import { readTsv } from './formats/tsv.ts';
import { readXlsx } from './formats/xlsx.ts';
import type { ForeignRow } from './formats/columns.ts';
import { resultsOfRows } from './import-rows.ts';
import type { Imported } from './imported.ts';

/**
 * A prediction table of VLMEvalKit (`<model>_<data set>.xlsx`, `.tsv` or `.csv`, or `.json` with `PRED_FORMAT=json`): the data set's columns without the images, and `prediction`. Reasoning that
 * the tool has cut off stands in `thinking`, records of agents in `extra_records`; neither is scored, by the tool or here. The tool asks every question once; a list in `prediction` holds repeats. A judged table
 * says in `hit` what the tool takes for right.
 *
 * @throws InputError naming file and row
 */
export async function importVlmeval(source: ByteSource, benchmark: Benchmark): Promise<Imported> {
	const rows = await tableOf(source);
	const { results, notes } = await resultsOfRows(
		benchmark,
		rows.map(({ cells, where, damaged }) => (): ForeignRow => {
			if (damaged) throw damaged;
			const { prediction, ...columns } = cells;
			if (prediction === undefined)
				throw new InputError(
					`${where}: there is no column "prediction"; give the table that VLMEvalKit wrote, not the data set's.`
				);
			const [pred = '', ...repeats] = Array.isArray(prediction)
				? prediction.map(textOf)
				: [textOf(prediction)];
			return { columns, where, pred, repeats };
		}),
		source.name
	);
	return { results, about: {}, notes: [...notes, ...hitNotes(rows.map(({ cells }) => cells))] };
}

/** What the tool itself takes for right, in a table that it or its judge has scored. */
function hitNotes(rows: readonly JsonObject<Json>[]): string[] {
	const hits = rows.map(({ hit }) => Number(hit ?? NaN)).filter((hit) => !Number.isNaN(hit));
	if (hits.length === 0 || !rows.some((row) => textOf(row['hit'] ?? null) !== '')) return [];
	const right = hits.reduce((sum, hit) => sum + hit, 0);
	return [
		`The file’s own column "hit" has ${right} of ${hits.length} right (${((100 * right) / hits.length).toFixed(1)} %); the scores here are made from "prediction".`
	];
}

/** Whether a `.json` holds a list of rows; upstream's own results are an object. */
export async function isTableOfRows(source: ByteSource): Promise<boolean> {
	const text = await asUtf8(source);
	const start = await text.read(0, Math.min(text.size, 64));
	return new TextDecoder().decode(start).trimStart().startsWith('[');
}

/** Missing answers are empty; numbers are what pandas made of an answer of digits. */
const textOf = (value: Json): string =>
	value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

interface TableRow {
	readonly cells: JsonObject<Json>;
	readonly where: string;
	/** Why it could not be read. */
	readonly damaged?: InputError;
}

async function tableOf(source: ByteSource): Promise<TableRow[]> {
	if (source.size === 0) throw new InputError(`${source.name} is empty; export it again.`);
	if (source.name.toLowerCase().endsWith('.json')) {
		const rows = await readJson(source);
		if (!Array.isArray(rows))
			throw new InputError(`${source.name} is not a list of rows; it is another kind of file.`);
		const read = listRows(rows as readonly Json[], source.name, 'row').map(async ({ where, read }) => {
			const cells = await usable(read);
			return cells instanceof InputError ? { cells: {}, where, damaged: cells } : { cells, where };
		});
		return Promise.all(read);
	}
	if (source.name.toLowerCase().endsWith('.xlsx')) {
		const rows = await readXlsx(await source.read(0, source.size), source.name);
		const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
		const empty = Object.fromEntries(columns.map((column) => [column, '']));
		return rows.map((row, i) => ({ cells: { ...empty, ...row }, where: `${source.name}, row ${i + 2}` }));
	}
	const rows: TableRow[] = [];
	const separator = source.name.toLowerCase().endsWith('.csv') ? ',' : undefined;
	for await (const { line, ...row } of readTsv(await asUtf8(source), new Set(['image']), separator))
		rows.push({ ...row, where: `${source.name}, line ${line}` });
	return rows;
}
