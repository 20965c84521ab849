import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import type { ByteSource } from '../checkpoint/source.ts';
import { InputError, isUsable, usable } from '../tensor/errors.ts';
import type { Benchmark } from './benchmark.ts';
import { numberField, readJson, readJsonLines } from './formats/files.ts';
import type { Imported, TokenCost } from './imported.ts';
import type { ForeignRow } from './formats/columns.ts';
import { columnsOf, resultsOfRows } from './import-rows.ts';

/**
 * Samples of lmms-eval (`--log_samples`): a line each of `{doc_id, doc, target, resps, filtered_resps, …}`, where `doc` holds the data
 * set's columns. The oldest versions name it `input`; since 0.4 there is none, and what is left of the columns stands in the objects of the
 * metrics, the question in the prompt, `input`. The raw responses are scored, by our rules, all of them where there are repeats.
 *
 * @throws InputError naming file and line
 */
export async function importLmms(
	source: ByteSource,
	benchmark: Benchmark,
	beside: readonly ByteSource[] = []
): Promise<Imported> {
	const lines = await readJsonLines(source);
	const rows = lines.map(({ read, where }) => () => {
		const value = read();
		const doc = columnsOf(value['doc'] ?? value['input']);
		const whole = Object.keys(doc).length > 0 || typeof value['input'] !== 'string';
		const columns = { ...targetOf(value), ...(whole ? doc : columnsOfPrompt(value)) };
		return {
			...{ id: idOf(value, where), columns, where },
			...answersOf(value, where),
			...(!whole && { advice: WITHOUT_DOC })
		};
	});
	const { results, notes } = await resultsOfRows(benchmark, rows, source.name);
	const read = await Promise.all(lines.map((line) => usable(line.read)));
	const values = read.filter(isUsable);
	const summary = await summaryOf(source.name, beside);
	const prompt = values.map(({ input }) => input).find((input) => typeof input === 'string');
	const tokens = tokenCost(values) ?? summary.tokens;
	return {
		results,
		about: {
			...summary.about,
			...(prompt !== undefined && { prompt }),
			...(tokens !== undefined && { tokens })
		},
		notes
	};
}

/** Reasoning that a model writes before its answer; the harness cuts it off before it scores. */
const REASONING = /^.*<\/think>/s;

/** Tokens of an average question; undefined when the harness did not count them. */
function tokenCost(lines: readonly JsonObject<Json>[]): TokenCost | undefined {
	const counted = lines.flatMap(({ token_counts }) =>
		Array.isArray(token_counts)
			? [(token_counts as readonly Json[]).filter(isObject) as JsonObject<Json>[]]
			: []
	);
	const questions = counted.filter((counts) => counts.length > 0);
	if (questions.length === 0) return undefined;
	const mean = (field: string) =>
		questions.reduce(
			(sum, counts) =>
				sum + counts.reduce((total, count) => total + Number(count[field] ?? 0), 0) / counts.length,
			0
		) / questions.length;
	return cost(mean('input_tokens'), mean('output_tokens'), questions.length);
}

const cost = (input: number, output: number, questions: number): TokenCost => ({
	...(input > 0 && { input }),
	...{ output, questions }
});

/** Whether a file is `…_results.json` of lmms-eval: scores of tasks and the settings of the run, no answers. */
export async function isLmmsSummary(source: ByteSource): Promise<boolean> {
	if (!/results\.json$/i.test(source.name) || source.size === 0) return false;
	const file = await readJson(source).catch(() => undefined);
	return isObject(file) && isObject(file['results']) && ('n-samples' in file || isObject(file['configs']));
}

/** What the summaries put in beside the samples say: of the task whose name the samples' file ends with. */
async function summaryOf(
	name: string,
	beside: readonly ByteSource[]
): Promise<{ about: { version?: string; model?: string }; tokens?: TokenCost }> {
	for (const source of beside) {
		if (!(await isLmmsSummary(source))) continue;
		const file = (await readJson(source)) as JsonObject<Json>;
		const task = Object.keys(file['results'] as JsonObject<Json>).find((task) =>
			name.endsWith(`_${task}.jsonl`)
		);
		if (task === undefined) continue;
		const { lmms_eval_version: version, model_name: model, efficiency } = file;
		const byTask =
			isObject(efficiency) && isObject(efficiency['by_task']) ? efficiency['by_task'][task] : undefined;
		const of = isObject(byTask) ? (field: string) => Number(byTask[field] ?? 0) : undefined;
		const counted = of?.('docs_with_token_counts') ?? 0;
		return {
			about: {
				...(typeof version === 'string' && { version }),
				...(typeof model === 'string' && model !== '' && { model })
			},
			...(of &&
				counted > 0 && {
					tokens: cost(of('total_input_tokens') / counted, of('avg_output_tokens_per_sample'), counted)
				})
		};
	}
	return { about: {} };
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

/** Texts of a list of lists, in order. */
function textsIn(value: Json | undefined): string[] {
	if (typeof value === 'string' || typeof value === 'number') return [String(value)];
	// Among several answers, one that is missing.
	if (value === null) return [''];
	return Array.isArray(value) ? (value as readonly Json[]).flatMap(textsIn) : [];
}

/** A list of one truth is that truth. */
function targetOf({ target: said }: JsonObject<Json>): JsonObject<Json> {
	const target: Json | undefined = Array.isArray(said) && said.length === 1 ? (said[0] as Json) : said;
	return typeof target === 'string' || typeof target === 'number' ? { target } : {};
}

/** `doc_id`, a number or one as text. */
function idOf(value: JsonObject<Json>, where: string): number {
	const id = value['doc_id'];
	return typeof id === 'string' && /^\d+$/.test(id) ? Number(id) : numberField(value, 'doc_id', where);
}

/** `resps` is a list of requests, each a list of answers; `filtered_resps` a list of answers. Repeats (`--repeats`) are more of either. */
function answersOf(value: JsonObject<Json>, where: string): Pick<ForeignRow, 'pred' | 'repeats'> {
	for (const field of ['resps', 'filtered_resps'] as const) {
		const [pred, ...repeats] = textsIn(value[field]).map((text) => text.replace(REASONING, '').trimStart());
		if (pred !== undefined) return { pred, repeats };
	}
	// The question was asked, and nothing came: that is an answer that is missing, not a row to leave out.
	if ('resps' in value || 'filtered_resps' in value) return { pred: '', repeats: [] };
	throw new InputError(
		`${where}: there is no text in "resps" or "filtered_resps"; run lmms-eval with --log_samples and a task that generates.`
	);
}
