import type { ByteSource, SourceFolder } from '../checkpoint/source.ts';
import { formatTemplate } from '../model/text/prompts.ts';
import { InputError } from '../tensor/errors.ts';
import { answerNotes, DRAWING_SEED, unansweredBy, unansweredOf } from './answers.ts';
import type { Benchmark, Example, ExampleImage, Outcome, Report, Result, Unit } from './benchmark.ts';
import { decodeBase64 } from './formats/base64.ts';
import { openFirst, UniqueIds, visiblePaths } from './formats/files.ts';
import { examplesOfRows, type Asked, type RowReader } from './rows.ts';
import { readTsv, type TsvRow } from './formats/tsv.ts';
import { writeXlsx } from './formats/xlsx.ts';
import { PythonRandom } from './python/random.ts';
import { words } from './python/text.ts';

const LETTERS = ['A', 'B', 'C', 'D', 'E'] as const;
const MATCHED = ['A', 'B', 'C', 'D'] as const;
const PREFIX = 'The answer is ';
const NOT_AVAILABLE = 'N/A';
/** Rows whose index is equal up to a multiple of this ask the same with the options shifted. */
const CIRCLE = 1_000_000;
/** What stands in `answer` where the split has none. */
const NO_ANSWER = 'None';

/** Cells that pandas takes for missing. */
const MISSING = new Set(
	'|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null'.split(
		'|'
	)
);

export type MmbenchData = {
	readonly question: string;
	readonly hint: string;
	readonly index: number;
	/** A letter; "None" in splits without answers. */
	readonly answer: string;
	readonly category: string;
	readonly l2_category: string;
	/** A to E; "N/A" where there is none. */
	readonly options_dict: { readonly [letter: string]: string };
};

/**
 * MMBench (Liu et al. 2023, arXiv 2307.06281), circular evaluation: a question counts only when it is answered right with its
 * options in every rotation that the file has.
 */
export const mmbench: Benchmark<MmbenchData> = {
	name: 'mmbench',
	title: 'MMBench',
	upstreamTask: 'MMBTask',
	publishedAs: 'MMB',
	files: ['mmbench_dev_20230712.tsv (or another mmbench_*.tsv) with images as base64'],
	generation: { max_new_tokens: 128 },
	fields: {
		question: 'string',
		index: 'number',
		answer: 'string',
		category: 'string',
		l2_category: 'string',
		options_dict: 'options'
	},
	fromRow: (row) => ({
		question: row.text('question'),
		hint: row.optional('hint'),
		index: row.number('index'),
		answer: row.truth('answer', 'target').toUpperCase(),
		category: row.text('category'),
		l2_category: row.text('l2-category', 'L2-category'),
		options_dict: { A: '', B: '', C: '', D: '', ...row.options() }
	}),
	identity: ({ index, question }) => `${index}: ${question}`,
	examples,
	prompt(data, imageCount) {
		const options = LETTERS.map((letter) => `${letter}. ${data.options_dict[letter] ?? NOT_AVAILABLE}\n`);
		const question = `${data.question}\nContext: ${data.hint}\nThere are several options:\n${options.join('')}`;
		return formatTemplate('mmb', [{ question }], { imageCount });
	},
	posed: {
		set: 'MMBench',
		question: ({ question, hint, options_dict }) => ({
			kind: 'choice',
			text: question,
			...(hint !== NOT_AVAILABLE && { hint }),
			options: optionsOf(options_dict)
		})
	},
	score
};

/** Options up to the first that is missing. */
function optionsOf(options: MmbenchData['options_dict']): string[] {
	const all = LETTERS.map((letter) => options[letter] ?? NOT_AVAILABLE);
	const end = all.indexOf(NOT_AVAILABLE);
	return end < 0 ? all : all.slice(0, end);
}

async function* examples(folder: SourceFolder): AsyncGenerator<Example<MmbenchData>, void, void> {
	const names = (await visiblePaths(folder)).filter((path) => /^mmbench_.*\.tsv$/i.test(path));
	const source = await openFirst(folder, 'mmbench_dev_20230712.tsv', ...names.sort());
	const indices = new UniqueIds('the index');
	const images = new TableImages(source);
	yield* examplesOfRows(rows(source, indices, images), `${source.name} has no rows; download it again.`);
}

async function* rows(
	source: ByteSource,
	indices: UniqueIds,
	images: TableImages
): AsyncGenerator<RowReader<MmbenchData>, void, void> {
	let checked = false;
	for await (const row of readTsv(source, new Set(['image']))) {
		if (!checked && !row.damaged) checkColumns(row, source.name);
		checked ||= !row.damaged;
		yield () => questionOf(row, `${source.name}, line ${row.line}`, indices, images);
	}
}

async function questionOf(
	{ damaged, ...row }: TsvRow,
	where: string,
	indices: UniqueIds,
	images: TableImages
): Promise<Asked<MmbenchData>> {
	if (damaged) throw damaged;
	const index = Number(row.cells['index']);
	if (!Number.isSafeInteger(index) || row.cells['index'] === '')
		throw new InputError(
			`${where}: the index is "${row.cells['index']}", not a whole number; download the file again.`
		);
	indices.add(index, where);
	const cell = (name: string) => {
		const text = row.cells[name];
		return text === undefined || MISSING.has(text) ? NOT_AVAILABLE : text;
	};
	const truth = row.cells['answer'] ?? '';
	const answer = MISSING.has(truth) ? NO_ANSWER : truth.toUpperCase();
	const options_dict = Object.fromEntries(LETTERS.map((letter) => [letter, cell(letter)]));
	return {
		images: [await images.of(row, index, where)],
		data: {
			question: row.cells['question']!,
			hint: cell('hint'),
			index,
			answer,
			category: row.cells['category']!,
			l2_category: row.cells['l2-category']!,
			options_dict
		},
		...(answer !== NO_ANSWER &&
			!Object.hasOwn(options_dict, answer) && {
				unusable: `${where}: the answer is "${truth}" instead of a letter of an option; download the file again.`
			})
	};
}

function checkColumns({ cells, ranges }: TsvRow, name: string): void {
	const missing = ['index', 'question', 'A', 'B', 'category', 'l2-category', 'image'].filter(
		(column) => !(column in cells) && !(column in ranges)
	);
	if (missing.length > 0)
		throw new InputError(
			`${name} has no column ${missing.join(', ')}; give an official MMBench file (its columns are index, question, hint, A to D, answer, category, l2-category, image).`
		);
}

/** Longest value of the image column that is no image but the index of the row that has it (VLMEvalKit's files). */
const LONGEST_REFERENCE = 64;

/** Images of the table; rows that show the same picture may name the index of the first of them. */
class TableImages {
	readonly #source: ByteSource;
	readonly #rows = new Map<number, TsvRow>();

	constructor(source: ByteSource) {
		this.#source = source;
	}

	async of(row: TsvRow, index: number, where: string): Promise<ExampleImage> {
		const { start, end } = row.ranges['image']!;
		if (start === end) throw new InputError(`${where}: the image is missing; download the file again.`);
		let owner = row;
		if (end - start > LONGEST_REFERENCE) this.#rows.set(index, row);
		else {
			const text = await this.#text(row);
			const found = /^\d+$/.test(text) ? await this.#find(Number(text)) : row;
			if (!found)
				throw new InputError(
					`${where}: the image is that of index ${text}, and no row of this index has one; take the whole file.`
				);
			owner = found;
			// Rows after it may name this one.
			this.#rows.set(index, found);
		}
		return {
			name: `${this.#source.name} line ${owner.line}`,
			read: async () => decodeBase64(await this.#text(owner), where)
		};
	}

	async #text({ ranges }: TsvRow): Promise<string> {
		const { start, end } = ranges['image']!;
		return new TextDecoder('latin1').decode(await this.#source.read(start, end));
	}

	/** The row of this index that has an image of its own: a former one as a rule, else a later one. */
	async #find(index: number): Promise<TsvRow | undefined> {
		const former = this.#rows.get(index);
		if (former) return former;
		for await (const row of readTsv(this.#source, new Set(['image']))) {
			if (row.damaged || Number(row.cells['index']) !== index) continue;
			const { start, end } = row.ranges['image']!;
			if (end - start > LONGEST_REFERENCE) return row;
		}
		return undefined;
	}
}

/** The letter that an answer names, as upstream's first and strict step; undefined when not exactly one. */
export function inferOption(answer: string): string | undefined {
	if (answer.includes('Failed to obtain answer via API')) return undefined;
	const parts = new Set(words(answer));
	const written = (before: string, after: string) =>
		LETTERS.filter((letter) => parts.has(before + letter + after));
	const bare = written('', '');
	// "A" may be an article.
	if (bare.length === 1 && !(parts.has('A') && words(answer).length > 3)) return bare[0];
	const marks = ['|.', '|,', '|:', '|)', '|).', '(|)', '(|).', ':|', ':|,', ':|.', ':|)', ':|).'];
	for (const mark of marks) {
		const [before = '', after = ''] = mark.split('|');
		const found = written(before, after);
		if (found.length === 1) return found[0];
	}
	return undefined;
}

/** The option whose text the answer contains; undefined when not exactly one. An empty text is contained in everything. */
export function inferText(answer: string, options: Readonly<Record<string, string>>): string | undefined {
	const lower = answer.toLowerCase();
	const found = MATCHED.filter((letter) => {
		const option = options[letter];
		return option !== undefined && lower.includes(option.toLowerCase());
	});
	return found.length === 1 ? found[0] : undefined;
}

/** Letter of an answer, upstream's way; undefined when it cannot be understood. */
export function inferAnswer(answer: string, options: Readonly<Record<string, string>>): string | undefined {
	return inferOption(answer) ?? inferText(answer, options);
}

/** Removes as many leading characters as the phrase has, wherever the phrase stands, and all dots; as upstream does. */
export function withoutPrefix(pred: string): string {
	return pred.includes(PREFIX) ? pred.slice(PREFIX.length).replaceAll('.', '') : pred;
}

/** Options as upstream matches them: a missing one is the empty text. */
function matchedOptions(data: MmbenchData): Record<string, string> {
	return Object.fromEntries(
		Object.entries(data.options_dict).map(([letter, text]) => [letter, text === NOT_AVAILABLE ? '' : text])
	);
}

interface Judged {
	readonly hit: boolean;
	/** Letter of each row, undefined for rows that were not looked at since the group had failed. */
	readonly letters: readonly (string | undefined)[];
	readonly drawn: ReadonlySet<number>;
}

/**
 * All rows of one question: right only when every row is. Answers that cannot be understood are drawn from the right ones, but not in a
 * file without rotations: there a draw could only be right.
 */
function judge(rows: readonly Result<MmbenchData>[], random: PythonRandom, circular: boolean): Judged {
	const truths = rows.map(({ data }) => data.answer);
	const letters = rows.map(({ pred, data }) =>
		unansweredBy(pred) ? undefined : inferAnswer(withoutPrefix(pred), matchedOptions(data))
	);
	const drawn = new Set<number>();
	if (letters.some((letter, i) => letter !== undefined && letter !== truths[i]))
		return { hit: false, letters, drawn };
	if (rows.some(({ pred }) => unansweredBy(pred)) || (!circular && letters.includes(undefined)))
		return { hit: false, letters, drawn };
	for (let i = 0; i < rows.length; i++) {
		if (letters[i] !== undefined) continue;
		letters[i] = random.choice(truths);
		drawn.add(i);
		if (letters[i] !== truths[i]) return { hit: false, letters, drawn };
	}
	return { hit: true, letters, drawn };
}

function score(all: readonly Result<MmbenchData>[]): Report {
	const files = [{ path: 'MMB_submission.xlsx', content: submission(all) }];
	const base = { benchmark: 'mmbench', combine: 'mean', files } as const;
	const results = all.filter(({ data }) => data.answer !== NO_ANSWER);
	if (results.length === 0)
		return {
			...base,
			scores: [],
			tables: [],
			outcomes: [],
			units: [],
			notes: ['This split has no answers; send MMB_submission.xlsx to the official server.']
		};
	const random = new PythonRandom(DRAWING_SEED);
	const outcomes: Outcome[] = [];
	const units: Unit[] = [];
	let drawn = 0;
	const groups = [...Map.groupBy(results, ({ data }) => data.index % CIRCLE).values()];
	const circular = groups.some((rows) => rows.length > 1);
	for (const rows of groups) {
		const judged = judge(rows, random, circular);
		const categories = [rows[0]!.data.l2_category, rows[0]!.data.category];
		drawn += judged.drawn.size;
		rows.forEach(({ id, pred, data }, i) => {
			outcomes.push({
				id,
				categories,
				parsed: judged.letters[i] ?? null,
				drawn: judged.drawn.has(i),
				...unansweredOf(pred),
				credit: Number(judged.letters[i] === data.answer)
			});
		});
		units.push({
			stratum: 'all',
			categories,
			sum: judged.hit ? 100 : 0,
			count: 1,
			ids: rows.map(({ id }) => id)
		});
	}
	const untold = all.length - results.length;
	const notes = [
		...(untold > 0
			? [`${untold} of ${all.length} rows do not say what is right and are left out of the score.`]
			: []),
		...answerNotes(outcomes),
		...(drawn > 0
			? [
					`${drawn} answer${drawn === 1 ? '' : 's'} could not be understood and ${drawn === 1 ? 'was' : 'were'} drawn at random from the right letters of the question, as upstream does (Python's seed ${DRAWING_SEED}); a matcher may score MMB_submission.xlsx instead.`
				]
			: [])
	];
	const plain =
		(100 * outcomes.filter((outcome) => outcome.credit === 1 && !outcome.drawn).length) / outcomes.length;
	if (!circular)
		notes.push(
			'Every question was asked once: the accuracy is plain (one pass), not comparable with circular evaluation.'
		);
	return {
		...base,
		scores: [
			...(circular ? [{ name: 'accuracy, circular', value: percent(units), unit: '%' as const }] : []),
			{ name: 'accuracy, plain', value: plain, unit: '%' }
		],
		tables: [{ title: 'MMBench', columns: ['Task', 'Questions', 'Right', 'Accuracy'], rows: table(units) }],
		outcomes,
		units,
		notes
	};
}

function percent(units: readonly Unit[]): number {
	return units.reduce((sum, unit) => sum + unit.sum, 0) / units.length;
}

function table(units: readonly Unit[]): (string | number)[][] {
	const row = (name: string, of: readonly Unit[]) => [
		name,
		of.length,
		of.filter(({ sum }) => sum > 0).length,
		percent(of)
	];
	const parents = Map.groupBy(units, ({ categories }) => categories[0]!);
	return [
		...[...parents].flatMap(([parent, ofParent]) => [
			row(parent, ofParent),
			...[...Map.groupBy(ofParent, ({ categories }) => categories[1]!)].map(([child, ofChild]) =>
				row(`${parent}/${child}`, ofChild)
			)
		]),
		row('Total', units)
	];
}

function submission(results: readonly Result<MmbenchData>[]): Uint8Array {
	const columns = ['index', 'question', 'prediction', 'category', 'l2_category', 'answer', ...MATCHED];
	const rows = results.map(({ pred, data }) => {
		const options = matchedOptions(data);
		return [
			data.index,
			data.question,
			withoutPrefix(pred),
			data.category,
			data.l2_category,
			data.answer,
			...MATCHED.map((letter) => options[letter] ?? '')
		];
	});
	return writeXlsx(columns, rows);
}
