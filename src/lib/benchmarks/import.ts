import type { ByteSource } from '../checkpoint/source.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Result } from './benchmark.ts';
import { importLmms, isLmmsSummary } from './import-lmms.ts';
import { importUpstream } from './import-upstream.ts';
import { importVlmeval, isTableOfRows } from './import-vlmeval.ts';
import type { Imported, ImportSource } from './imported.ts';

/** Other tools' result files: by what their names end with. */
const importers: readonly {
	readonly ends: string;
	readonly tool: string;
	/** Tells files of the same ending apart; absent: all are this tool's. */
	readonly fits?: (source: ByteSource) => Promise<boolean>;
	readonly read: (
		source: ByteSource,
		benchmark: Benchmark,
		beside: readonly ByteSource[]
	) => Promise<Imported>;
}[] = [
	{ ends: '.json', tool: 'VLMEvalKit', fits: isTableOfRows, read: importVlmeval },
	{ ends: '.json', tool: 'upstream', read: importUpstream },
	{ ends: '.jsonl', tool: 'lmms-eval', read: importLmms },
	{ ends: '.xlsx', tool: 'VLMEvalKit', read: importVlmeval },
	{ ends: '.tsv', tool: 'VLMEvalKit', read: importVlmeval },
	{ ends: '.csv', tool: 'VLMEvalKit', read: importVlmeval }
];

const SAMPLES = '…_samples_….jsonl, by --log_samples';

export const importable: readonly string[] = [...new Set(importers.map(({ ends }) => ends))];

export interface ImportedResults {
	readonly results: Result[];
	readonly source: ImportSource;
	/** Sentences that a reader of the scores has to know. */
	readonly notes: readonly string[];
}

/** Whether a file says something about others that are put in with it, and holds no answers itself. */
export const isBeside = isLmmsSummary;

/**
 * Results from a file of upstream's evaluation, lmms-eval or VLMEvalKit.
 * @param beside other files of the same run (`isBeside`), which may tell version, model and costs
 * @throws InputError when the file is none of them, naming the line that cannot be used
 */
export async function importResults(
	source: ByteSource,
	benchmark: Benchmark,
	beside: readonly ByteSource[] = []
): Promise<ImportedResults> {
	if (await isBeside(source))
		throw new InputError(
			`${source.name} is lmms-eval's summary, which holds no answers; put its samples (${SAMPLES}) in, this file together with them.`
		);
	for (const { ends, tool, fits, read } of importers)
		if (source.name.toLowerCase().endsWith(ends) && (!fits || (await fits(source)))) {
			const { results, about, notes } = await read(source, benchmark, beside);
			return { results, source: { ...about, tool, file: source.name }, notes };
		}
	throw new InputError(
		`${source.name} is not a result file that is known here; give upstream's .json, lmms-eval's .jsonl or VLMEvalKit's .xlsx, .tsv, .csv or .json.`
	);
}
