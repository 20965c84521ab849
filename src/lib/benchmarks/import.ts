import type { ByteSource } from '../checkpoint/source.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Result } from './benchmark.ts';
import { importLmms } from './import-lmms.ts';
import { importUpstream } from './import-upstream.ts';
import { importVlmeval, isTableOfRows } from './import-vlmeval.ts';

/** Other tools' result files: by what their names end with. */
const importers: readonly {
	readonly ends: string;
	readonly tool: string;
	/** Tells files of the same ending apart; absent: all are this tool's. */
	readonly fits?: (source: ByteSource) => Promise<boolean>;
	readonly read: (source: ByteSource, benchmark: Benchmark) => Promise<Result[]>;
}[] = [
	{ ends: '.json', tool: 'VLMEvalKit', fits: isTableOfRows, read: importVlmeval },
	{ ends: '.json', tool: 'upstream', read: importUpstream },
	{ ends: '.jsonl', tool: 'lmms-eval', read: importLmms },
	{ ends: '.xlsx', tool: 'VLMEvalKit', read: importVlmeval },
	{ ends: '.tsv', tool: 'VLMEvalKit', read: importVlmeval },
	{ ends: '.csv', tool: 'VLMEvalKit', read: importVlmeval }
];

export const importable: readonly string[] = [...new Set(importers.map(({ ends }) => ends))];

/**
 * Results from a file of upstream's evaluation, lmms-eval or VLMEvalKit.
 * @throws InputError when the file is none of them, naming the line that cannot be used
 */
export async function importResults(
	source: ByteSource,
	benchmark: Benchmark
): Promise<{ readonly tool: string; readonly results: Result[] }> {
	for (const { ends, tool, fits, read } of importers)
		if (source.name.toLowerCase().endsWith(ends) && (!fits || (await fits(source))))
			return { tool, results: await read(source, benchmark) };
	throw new InputError(
		`${source.name} is not a result file that is known here; give upstream's .json, lmms-eval's .jsonl or VLMEvalKit's .xlsx, .tsv, .csv or .json.`
	);
}
