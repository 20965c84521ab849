import type { ByteSource } from '../checkpoint/source.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Result } from './benchmark.ts';
import { readTsv } from './formats/tsv.ts';
import { readXlsx } from './formats/xlsx.ts';
import type { ForeignRow } from './formats/columns.ts';
import { resultsOfRows } from './import-rows.ts';

/**
 * A prediction table of VLMEvalKit (`<model>_<data set>.xlsx` or `.tsv`): the data set's columns without the images, and `prediction`.
 *
 * @throws InputError naming file and row
 */
export async function importVlmeval(source: ByteSource, benchmark: Benchmark): Promise<Result[]> {
	const rows = await tableOf(source);
	return resultsOfRows(
		benchmark,
		rows.map(({ cells, where }): ForeignRow => {
			const { prediction, ...columns } = cells;
			if (prediction === undefined)
				throw new InputError(
					`${where}: there is no column "prediction"; give the table that VLMEvalKit wrote, not the data set's.`
				);
			return { columns, where, pred: prediction };
		}),
		source.name
	);
}

async function tableOf(
	source: ByteSource
): Promise<{ readonly cells: Readonly<Record<string, string>>; readonly where: string }[]> {
	if (source.size === 0) throw new InputError(`${source.name} is empty; export it again.`);
	if (source.name.endsWith('.xlsx')) {
		const rows = await readXlsx(await source.read(0, source.size), source.name);
		const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
		const empty = Object.fromEntries(columns.map((column) => [column, '']));
		return rows.map((row, i) => ({ cells: { ...empty, ...row }, where: `${source.name}, row ${i + 2}` }));
	}
	const rows = [];
	for await (const { cells, line } of readTsv(source, new Set(['image'])))
		rows.push({ cells, where: `${source.name}, line ${line}` });
	return rows;
}
