import type { Json, JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { parsePythonList } from './python-literal.ts';

/** A row of another tool's output: the data set's own columns and the answer. */
export interface ForeignRow {
	readonly columns: JsonObject<Json>;
	readonly pred: string;
	/** Further answers, where the question was asked several times. */
	readonly repeats?: readonly string[];
	/** File and line, for messages. */
	readonly where: string;
	/** Name of the file. */
	readonly file?: string;
	/** What to do about a column that is missing. */
	readonly advice?: string;
}

/** A row that cannot be scored, since it does not say what is right. */
export class MissingTruth extends InputError {}

/** Reads columns; their names differ in case and hyphens between tools. */
export class Columns {
	readonly #values: ReadonlyMap<string, Json>;
	readonly #where: string;
	readonly #advice: string;
	/** Name of the file, which may say what the columns do not. */
	readonly file: string;

	constructor({ columns, where, file = '', advice = 'give the file as the tool wrote it' }: ForeignRow) {
		this.file = file;
		this.#advice = advice;
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

	/** Whether the column is there and says that it has nothing. */
	isNull(name: string): boolean {
		return this.#values.get(canonical(name)) === null;
	}

	text(...names: readonly string[]): string {
		const value = this.optional(...names);
		if (value !== '') return value;
		throw new InputError(`${this.#where}: the column "${names[0]}" is missing or empty; ${this.#advice}.`);
	}

	/** The truth of a question. @throws MissingTruth where the row has none */
	truth(...names: readonly string[]): string {
		const value = this.optional(...names);
		if (value !== '') return value;
		throw new MissingTruth(`${this.#where}: the truth ("${names[0]}") is missing or empty; ${this.#advice}.`);
	}

	number(...names: readonly string[]): number {
		const value = Number(this.text(...names));
		if (Number.isFinite(value)) return value;
		throw new InputError(
			`${this.#where}: "${names[0]}" is "${this.text(...names)}" instead of a number; give the file as the tool wrote it.`
		);
	}

	/** A truth that is yes or no, written in any case, with or without a full stop. */
	yesOrNo(...names: readonly string[]): 'yes' | 'no' {
		const text = this.truth(...names);
		const word = yesOrNo(text);
		if (word) return word;
		throw new InputError(
			`${this.#where}: "${names[0]}" is "${text}" instead of yes or no; give the file as the tool wrote it.`
		);
	}

	/** A list, as JSON or as Python prints it; undefined when there is none. */
	list(name: string): string[] | undefined {
		const value = this.#values.get(canonical(name));
		if (Array.isArray(value)) return value.map(String);
		return typeof value === 'string' && value.startsWith('[')
			? parsePythonList(value, name !== 'answer')
			: undefined;
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

/** yes or no, written in any case, with or without a full stop; undefined for all else. */
export function yesOrNo(text: string): 'yes' | 'no' | undefined {
	const word = text.trim().replace(/\.$/, '').toLowerCase();
	return word === 'yes' || word === 'no' ? word : undefined;
}

/** Name of a file without its folders and ending. */
export const baseName = (path: string) =>
	path
		.split('/')
		.at(-1)!
		.replace(/\.[^.]+$/, '');

/** First letter large, the others small. */
export const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

/** A letter, from a letter or an index. */
export function letterOf(answer: string): string {
	return /^\d+$/.test(answer) ? String.fromCharCode(65 + Number(answer)) : answer.toUpperCase();
}
