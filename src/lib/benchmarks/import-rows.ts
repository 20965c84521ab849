import { isObject, type Json, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import type { Benchmark, Data, Result } from './benchmark.ts';
import { checkData } from './formats/files.ts';
import { parsePythonList } from './formats/python-literal.ts';

/** A row of another tool's output: the data set's own columns and the answer. */
export interface ForeignRow {
	readonly columns: JsonObject<Json>;
	readonly pred: string;
	/** File and line, for messages. */
	readonly where: string;
}

/** Reads columns; their names differ in case and hyphens between tools. */
class Columns {
	readonly #values: ReadonlyMap<string, Json>;
	readonly #where: string;

	constructor({ columns, where }: ForeignRow) {
		this.#values = new Map(Object.entries(columns).map(([name, value]) => [canonical(name), value]));
		this.#where = where;
	}

	/** The first of these columns that has a value, as text; '' when all are empty or "nan", as pandas writes it. */
	optional(...names: readonly string[]): string {
		for (const name of names) {
			const value = this.#values.get(canonical(name));
			if (typeof value === 'number') return String(value);
			if (typeof value === 'string' && value !== '' && value !== 'nan') return value;
		}
		return '';
	}

	text(...names: readonly string[]): string {
		const value = this.optional(...names);
		if (value !== '') return value;
		throw new InputError(
			`${this.#where}: the column "${names[0]}" is missing or empty; give the file as the tool wrote it.`
		);
	}

	number(...names: readonly string[]): number {
		const value = Number(this.text(...names));
		if (Number.isFinite(value)) return value;
		throw new InputError(
			`${this.#where}: "${names[0]}" is "${this.text(...names)}" instead of a number; give the file as the tool wrote it.`
		);
	}

	/** A list, as JSON or as Python prints it; undefined when there is none. */
	list(name: string): string[] | undefined {
		const value = this.#values.get(canonical(name));
		if (Array.isArray(value)) return value.map(String);
		return typeof value === 'string' && value.startsWith('[') ? parsePythonList(value) : undefined;
	}

	/** Options A to D (E), in columns of one letter, `choice_a`, or a list. */
	options(): Record<string, string> {
		const list = this.list('choices') ?? this.list('options');
		const entries = [...'ABCDEFGHI'].map((letter, i): [string, string] => [
			letter,
			list?.[i] ?? this.optional(letter, `choice_${letter}`)
		]);
		return Object.fromEntries(entries.filter(([, option]) => option !== ''));
	}
}

const canonical = (name: string) => name.toLowerCase().replaceAll('-', '_');

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

/** A letter, from a letter or an index. */
function letterOf(answer: string): string {
	return /^\d+$/.test(answer) ? String.fromCharCode(65 + Number(answer)) : answer.toUpperCase();
}

/** What our scoring needs of a row, by benchmark. */
const readers: Readonly<Record<string, (row: Columns) => Data>> = {
	mme: (row) => ({
		question: row.text('question'),
		answer: capital(row.text('answer', 'target')),
		image_id: row.text('question_id', 'image_path', 'image_name', 'image_id', 'index').split('/').at(-1)!,
		image_path: row.optional('question_id', 'image_path'),
		dataset_name: row.text('category', 'dataset_name')
	}),
	pope: (row) => ({
		question: row.text('question', 'text'),
		answer: row.text('answer', 'label', 'target').toLowerCase(),
		image_path: row.optional('image_source', 'image', 'image_path'),
		category: row.text('category')
	}),
	mmbench(row) {
		return {
			question: row.text('question'),
			hint: row.optional('hint'),
			index: row.number('index'),
			answer: row.text('answer', 'target').toUpperCase(),
			category: row.text('category'),
			l2_category: row.text('l2-category', 'L2-category'),
			options_dict: { A: '', B: '', C: '', D: '', ...row.options() }
		};
	},
	seed: (row) => {
		const id = row.optional('question_type_id');
		return {
			question: row.text('question'),
			answer: letterOf(row.text('answer', 'target')),
			choices: Object.values(row.options()),
			image_path: '',
			question_id: row.optional('question_id', 'index'),
			question_type_id: id === '' ? 0 : Number(id),
			question_type: row.optional('question_type', 'category') || `type ${id}`
		};
	},
	sqa(row) {
		const choices = Object.values(row.options());
		const letter = letterOf(row.text('answer', 'target'));
		return {
			question: row.text('question'),
			question_id: row.optional('question_id', 'id', 'index'),
			// Tables of both tools are of the questions with an image.
			image_path: 'image',
			answer: letter,
			choices,
			answer_index: letter.charCodeAt(0) - 65
		};
	},
	mmmu(row) {
		const options = row.options();
		const letters = Object.keys(options);
		const kind = row.optional('question_type');
		const multiple = kind === '' ? letters.length > 0 : kind === 'multiple-choice';
		return {
			question: row.text('question'),
			answer: row.text('answer', 'target'),
			id: row.text('id'),
			question_type: multiple ? 'multiple-choice' : 'open',
			all_choices: multiple ? letters : [],
			num_option_images: 0
		};
	}
};

/**
 * Results from the rows of another tool, scored by our rules afterwards. They keep the rows' own order as their ids unless a row has one.
 * @throws InputError naming the row that cannot be used
 */
export function resultsOfRows(
	benchmark: Benchmark,
	rows: readonly (ForeignRow & { readonly id?: number })[],
	name: string
): Result[] {
	const read = readers[benchmark.name];
	if (!read)
		throw new InputError(
			`Answers of other tools to ${benchmark.title} cannot be taken in; upstream's own result file can, and tables of ${Object.keys(readers).join(', ')}.`
		);
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
		const data = read(new Columns(row));
		return { id, pred: row.pred, data: checkData<Data>(data, benchmark.fields, row.where) };
	});
}

/** Objects and strings of a JSON value, for rows that nest the data set's columns. */
export function columnsOf(value: Json | undefined): JsonObject<Json> {
	return isObject(value) ? value : {};
}
