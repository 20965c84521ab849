import type { Json } from '../bytes/json.ts';
import type { ByteSource, SourceFolder } from '../checkpoint/source.ts';
import { formatTemplate } from '../model/text/prompts.ts';
import { InputError } from '../tensor/errors.ts';
import { accuracyReport, percent, rightOf } from './accuracy.ts';
import { answerNotes, DRAWING_SEED, drawnNote, letterReading, unansweredBy } from './answers.ts';
import type { Benchmark, Example, ExampleImage, Outcome, Report, Result } from './benchmark.ts';
import {
	idField,
	imageFile,
	listRows,
	readJson,
	stringField,
	UniqueIds,
	visiblePaths
} from './formats/files.ts';
import { readParquet } from './formats/parquet.ts';
import { examplesOfRows, type Asked, type RowReader } from './rows.ts';
import { parsePythonList } from './formats/python-literal.ts';
import { letter } from '../model/text/options.ts';
import { evalOpen, parseOpenResponse } from './mmmu-open.ts';
import { PythonRandom } from './python/random.ts';

const SPLIT = 'validation';

const DOMAINS: Readonly<Record<string, readonly string[]>> = {
	'Art and Design': ['Art', 'Art_Theory', 'Design', 'Music'],
	Business: ['Accounting', 'Economics', 'Finance', 'Manage', 'Marketing'],
	Science: ['Biology', 'Chemistry', 'Geography', 'Math', 'Physics'],
	'Health and Medicine': [
		'Basic_Medical_Science',
		'Clinical_Medicine',
		'Diagnostics_and_Laboratory_Medicine',
		'Pharmacy',
		'Public_Health'
	],
	'Humanities and Social Science': ['History', 'Literature', 'Sociology', 'Psychology'],
	'Tech and Engineering': [
		'Agriculture',
		'Architecture_and_Engineering',
		'Computer_Science',
		'Electronics',
		'Energy_and_Power',
		'Materials',
		'Mechanical_Engineering'
	]
};
/** In upstream's order, by which the examples are numbered. */
const SUBJECTS = Object.values(DOMAINS).flat().sort();

export type MmmuData = {
	/** With the options, when there are some. */
	readonly question: string;
	readonly answer: string;
	/** `validation_<Subject>_<number>` */
	readonly id: string;
	readonly question_type: string;
	/** Letters; empty for open questions. */
	readonly all_choices: readonly string[];
	/** Always 0: upstream looks for image tags in the characters of a string. */
	readonly num_option_images: number;
};

/** MMMU, validation (Yue et al. 2023, arXiv 2311.16502): college-level questions; of several images the first is shown. */
export const mmmu: Benchmark<MmmuData> = {
	name: 'mmmu',
	title: 'MMMU',
	upstreamTask: 'MMMUTask',
	publishedAs: 'MMMU',
	files: [
		'<Subject>/validation-00000-of-00001.parquet for each subject, as in the data set on the Hugging Face hub,',
		"or upstream's cache: validation.json and images/"
	],
	officialCount: 900,
	generation: { max_new_tokens: 40 },
	fields: { answer: 'string', id: 'string', question_type: 'string', all_choices: 'strings' },
	fromRow(row) {
		const options = Object.keys(row.options());
		const list = row.list('answer');
		const answer = list ? JSON.stringify(list) : row.truth('answer', 'target');
		const kind = row.optional('question_type');
		const multiple = kind === '' ? options.length > 0 : kind === MULTIPLE_CHOICE;
		return {
			question: row.text('question'),
			answer,
			id: row.text('id'),
			question_type: multiple ? MULTIPLE_CHOICE : 'open',
			all_choices: multiple ? choicesUpTo([...options, answer]) : [],
			num_option_images: 0
		};
	},
	identity: ({ id }) => id,
	examples,
	prompt: ({ question, question_type }, imageCount) =>
		formatTemplate(question_type === MULTIPLE_CHOICE ? 'mmb' : 'eval-vqa', [{ question }], { imageCount }),
	posed: {
		set: 'MMMU',
		question: ({ question, question_type, all_choices }) =>
			question_type === MULTIPLE_CHOICE
				? { kind: 'choice', ...takenApart(question, all_choices) }
				: { kind: 'short', text: question }
	},
	score
};

/** Letters from A to the last of these: an option called "None" or "NA" is an empty cell in tables that pandas wrote. */
function choicesUpTo(letters: readonly string[]): string[] {
	const last = Math.max(
		...letters.filter((text) => /^[A-Z]$/.test(text)).map((text) => text.charCodeAt(0) - 65)
	);
	return Array.from({ length: last + 1 }, (_, i) => letter(i));
}

const MULTIPLE_CHOICE = 'multiple-choice';
/** Between a question and its options, a line each. */
const OPTIONS = '\nThere are several options:\n';

/** A question as it is asked here, without its options, and these. */
function takenApart(question: string, letters: readonly string[]): { text: string; options: string[] } {
	const at = question.lastIndexOf(OPTIONS);
	let rest = question.slice(at + OPTIONS.length);
	const options = letters.map((one, i) => {
		const next = letters[i + 1];
		const end = next === undefined ? rest.lastIndexOf('\n') : rest.indexOf(`\n${next}. `);
		const option = rest.slice(`${one}. `.length, end);
		rest = rest.slice(end + 1);
		return option;
	});
	return { text: question.slice(0, at), options };
}
const TEXT_COLUMNS = ['id', 'question', 'options', 'answer', 'question_type'];

/** A row of the data set, whichever file it lies in. */
interface Row {
	readonly where: string;
	/** @throws InputError when it is no object */
	read(): { readonly [key: string]: Json };
	image(): Promise<ExampleImage>;
}

async function* examples(folder: SourceFolder): AsyncGenerator<Example<MmmuData>, void, void> {
	const cache = await folder.open(`${SPLIT}.json`);
	const ids = new UniqueIds('id');
	const list = cache ? cachedRows(folder, cache) : parquetRows(folder);
	yield* examplesOfRows(readers(list, ids), `${folder.name} has no questions of MMMU; download it again.`);
}

async function* readers(
	rows: AsyncIterable<Row>,
	ids: UniqueIds
): AsyncGenerator<RowReader<MmmuData>, void, void> {
	for await (const row of rows) yield () => questionOf(row, ids);
}

async function questionOf({ where, read, image }: Row, ids: UniqueIds): Promise<Asked<MmmuData>> {
	const fields = read();
	const id = idField(fields, 'id', where);
	ids.add(id, where);
	const place = `${where} (${id})`;
	const text = stringField(fields, 'question', place);
	const question_type = stringField(fields, 'question_type', place);
	const stored = fields['options'];
	const written = Array.isArray(stored) ? '' : stringField(fields, 'options', place);
	const options = Array.isArray(stored) ? stored.map(String) : parsePythonList(written, true);
	if (!options)
		throw new InputError(
			`${place}: "options" is ${written.slice(0, 40)}, not a list of strings; the file is damaged.`
		);
	const choice = question_type === MULTIPLE_CHOICE;
	const list = options.map((option, i) => `${letter(i)}. ${option}\n`).join('');
	const answer = stringField(fields, 'answer', place);
	const all_choices = choice ? options.map((_, i) => letter(i)) : [];
	return {
		images: [await image()],
		data: {
			question: choice ? `${text}${OPTIONS}${list}` : text,
			answer,
			id,
			question_type,
			all_choices,
			num_option_images: 0
		},
		...((choice ? !all_choices.includes(answer) : answer === '') && {
			unusable: `${place}: the answer is "${answer}"${choice ? ` and the options are ${all_choices.join(', ') || 'none'}` : ''}; download the file again.`
		})
	};
}

async function* cachedRows(folder: SourceFolder, source: ByteSource): AsyncGenerator<Row, void, void> {
	const rows = await readJson(source);
	if (!Array.isArray(rows))
		throw new InputError(`${source.name} is not a list; give upstream's cache of MMMU.`);
	for (const row of listRows(rows as readonly Json[], source.name, 'question')) {
		const { where, read } = row;
		yield {
			...row,
			image: async () => imageFile(folder, [`images/${stringField(read(), 'image_1', where)}`], where)
		};
	}
}

async function* parquetRows(folder: SourceFolder): AsyncGenerator<Row, void, void> {
	const paths = (await visiblePaths(folder)).filter(
		(path) => /\.parquet$/i.test(path) && path.includes(`${SPLIT}-`)
	);
	if (paths.length === 0)
		throw new InputError(
			`${folder.name} has neither ${SPLIT}.json nor <Subject>/${SPLIT}-….parquet; give a copy of the MMMU data set.`
		);
	const rankOf = (path: string) => {
		const at = SUBJECTS.findIndex((subject) => path.split('/').includes(subject));
		return at < 0 ? SUBJECTS.length : at;
	};
	for (const path of paths.sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))) {
		const source = await folder.open(path);
		if (!source) continue;
		const rows = await readParquet(source, TEXT_COLUMNS);
		const images = parquetImages(folder, path);
		for (const [i, row] of rows.entries()) {
			const where = `${path}, row ${i + 1}`;
			const fields = Object.fromEntries(TEXT_COLUMNS.map((column) => [column, textOf(row[column])]));
			yield {
				where,
				read: () => fields,
				image: async () => ({ name: `${path} row ${i + 1}`, read: () => images(i, where) })
			};
		}
	}
}

/** Text of a column, which may be stored as bytes without a word that they are text. */
const textOf = (value: unknown): Json =>
	value instanceof Uint8Array ? new TextDecoder().decode(value) : (value as Json);

/** Images of the file that was read last: a subject's 30 rows are read at once, and are asked for in order. */
let opened:
	{ readonly folder: SourceFolder; readonly path: string; readonly rows: Promise<unknown[]> } | undefined;

function parquetImages(
	folder: SourceFolder,
	path: string
): (row: number, where: string) => Promise<Uint8Array> {
	const read = async () => {
		const source = await folder.open(path);
		if (!source) throw new InputError(`${path} is gone from ${folder.name}; put it back.`);
		return (await readParquet(source, ['image_1'])).map(({ image_1 }) => image_1);
	};
	return async (row, where) => {
		if (opened?.folder !== folder || opened.path !== path) opened = { folder, path, rows: read() };
		const value = (await opened.rows)[row];
		const bytes =
			value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null | undefined)?.bytes;
		if (!(bytes instanceof Uint8Array))
			throw new InputError(`${where}: image_1 has no bytes; download the file again.`);
		return bytes;
	};
}

const splitOf = (id: string) => /^(dev|test)_/.exec(id)?.[1] ?? SPLIT;

/** One split; the others of the file are scored apart. */
function score(all: readonly Result<MmmuData>[]): Report {
	const splits = Map.groupBy(all, ({ data }) => splitOf(data.id));
	const main = splits.has(SPLIT) ? SPLIT : (splits.keys().next().value ?? SPLIT);
	const report = scoreSplit(splits.get(main) ?? []);
	const others = [...splits].filter(([split]) => split !== main);
	const apart = others.map(([split, results]) => {
		const [headline] = scoreSplit(results).scores;
		return { name: `accuracy, ${split}`, value: headline?.value ?? 0, unit: '%' as const };
	});
	return {
		...report,
		scores: [...report.scores, ...apart],
		notes: [
			...report.notes,
			...(main === SPLIT ? [] : [`The answers are of the split ${main}, not of ${SPLIT}.`]),
			...others.map(
				([split, results], i) =>
					`${results.length} of ${all.length} answers are of the split ${split} and are scored apart: ${apart[i]!.value.toFixed(1)} %.`
			)
		]
	};
}

/** Right answers of an open question; some are lists as Python prints them. */
const truthsOf = ({ answer }: MmmuData): readonly string[] => parsePythonList(answer) ?? [answer];

function scoreSplit(results: readonly Result<MmmuData>[]): Report {
	const random = new PythonRandom(DRAWING_SEED);
	const domainOf = new Map(
		Object.entries(DOMAINS).flatMap(([domain, subjects]) => subjects.map((subject) => [subject, domain]))
	);
	const answers = results.map(({ id, pred, data }): Outcome => {
		const subject = data.id.split('_').slice(1, -1).join('_');
		const categories = [domainOf.get(subject) ?? 'Other', subject];
		const unanswered = unansweredBy(pred);
		if (unanswered) return { id, categories, parsed: null, drawn: false, unanswered, credit: 0 };
		if (data.question_type !== MULTIPLE_CHOICE) {
			const parsed = parseOpenResponse(pred);
			return {
				id,
				categories,
				parsed: parsed.join(' | '),
				drawn: false,
				credit: Number(evalOpen(truthsOf(data), parsed))
			};
		}
		const drawn = !data.all_choices.includes(pred);
		const parsed = drawn ? random.choice(data.all_choices) : pred;
		return { id, categories, parsed, drawn, credit: Number(parsed === data.answer) };
	});
	const lists = results.filter(
		({ data }) => data.question_type !== MULTIPLE_CHOICE && truthsOf(data).length > 1
	).length;
	const lenient = letterReading(
		answers,
		results.map(({ pred, data }) => ({ pred, letters: data.all_choices, truth: data.answer }))
	);
	const base = accuracyReport({
		benchmark: 'mmmu',
		title: 'MMMU',
		rowName: 'Subject',
		order: Object.keys(DOMAINS),
		answers
	});
	const row = (name: string, of: readonly Outcome[]) => [name, percent(of), rightOf(of), of.length];
	const rows = Object.entries(DOMAINS).flatMap(([domain, subjects]) => {
		const ofDomain = answers.filter(({ categories }) => categories[0] === domain);
		return ofDomain.length === 0
			? []
			: [
					row(`Overall-${domain}`, ofDomain),
					...subjects.flatMap((subject) => {
						const of = ofDomain.filter(({ categories }) => categories[1] === subject);
						return of.length > 0 ? [row(subject, of)] : [];
					})
				];
	});
	return {
		...base,
		scores: [...base.scores, ...lenient.scores],
		tables: [{ ...base.tables[0]!, rows: [...rows, row('Overall', answers)] }],
		files: [],
		notes: [
			...answerNotes(answers),
			...drawnNote(answers, 'were no bare letter'),
			...lenient.notes,
			...(lists > 0
				? [
						`${lists} of ${answers.length} truths are lists: any of their answers is right, where upstream compares with the text of the list.`
					]
				: [])
		]
	};
}
