import { csvFormatRows } from 'd3';
import type { Table } from '../figure.ts';

/** The figure's table as CSV (RFC 4180), empty where there is no number. */
export function csvText(table: Table): string {
	return `${csvFormatRows([[...table.columns], ...table.rows.map((row) => row.map(words))])}\n`;
}

/** A cell as text, empty where there is no number. */
function words(cell: string | number): string {
	return Number.isNaN(cell) ? '' : `${cell}`;
}

/** What a JSON file says besides the numbers. */
export interface About {
	readonly figure: string;
	readonly title: string;
	readonly provenance: string;
	readonly method: string;
}

/** JSON with columns and rows; null where there is no number. */
export function jsonText(table: Table, about: About, capsule?: object): string {
	const rows = table.rows.map((row) =>
		row.map((cell) => (typeof cell === 'number' && !Number.isFinite(cell) ? null : cell))
	);
	return `${JSON.stringify({ ...about, columns: table.columns, rows, ...(capsule && { capsule }) })}\n`;
}

/** Characters that NumPy leaves free for the number of rows, so that a file can grow in place. */
const ROWS_DIGITS = 21;
/** The header ends at a multiple of so many bytes. */
const ALIGNMENT = 64;

/**
 * The table as a NumPy file: a structured array with the column heads as field names, float64 for numbers (NaN where there is none),
 * fixed-width text for columns that have words. `np.load(file)['column']`. Byte for byte what `np.save` writes of that array.
 */
export function npyBytes(table: Table): Uint8Array<ArrayBuffer> {
	const fields = fieldNames(table.columns).map((name, column) => {
		const cells = table.rows.map((row) => row[column] ?? NaN);
		const isText = cells.some((cell) => typeof cell === 'string');
		const length = isText
			? cells.reduce<number>((most, cell) => Math.max(most, [...words(cell)].length), 1)
			: 0;
		return { name, column, isText, size: isText ? length * 4 : 8, type: isText ? `<U${length}` : '<f8' };
	});
	const header = npyHeader(fields, table.rows.length);
	const rowSize = fields.reduce((sum, { size }) => sum + size, 0);
	const out = new Uint8Array(header.length + rowSize * table.rows.length);
	out.set(header);
	const view = new DataView(out.buffer);
	let at = header.length;
	for (const row of table.rows)
		for (const { column, isText, size } of fields) {
			const cell = row[column] ?? NaN;
			if (isText)
				[...words(cell)].forEach((letter, i) => view.setUint32(at + 4 * i, letter.codePointAt(0)!, true));
			else view.setFloat64(at, typeof cell === 'number' ? cell : NaN, true);
			at += size;
		}
	return out;
}

/** All before the rows, as `numpy.lib.format` lays it out (NEP 1). */
function npyHeader(
	fields: readonly { readonly name: string; readonly type: string }[],
	rows: number
): Uint8Array {
	const descr = fields.map(({ name, type }) => `(${pythonString(name)}, '${type}')`).join(', ');
	const dictionary =
		`{'descr': [${descr}], 'fortran_order': False, 'shape': (${rows},), }` +
		' '.repeat(ROWS_DIGITS - `${rows}`.length);
	// Version 1.0 is Latin-1 with a length of 16 bits; version 3.0 is UTF-8 with one of 32.
	const latin1 = /^[\0-\xff]*$/.test(dictionary);
	const short = latin1 && dictionary.length + ALIGNMENT < 0x10000;
	const text = short
		? Uint8Array.from(dictionary, (letter) => letter.charCodeAt(0))
		: new TextEncoder().encode(dictionary);
	const prefix = short ? 10 : 12;
	// A header that needs no padding gets a whole stretch of it.
	const padding = ALIGNMENT - ((prefix + text.length + 1) % ALIGNMENT);
	const out = new Uint8Array(prefix + text.length + padding + 1).fill(0x20);
	out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, short ? 1 : 3, 0]);
	const view = new DataView(out.buffer);
	if (short) view.setUint16(8, out.length - prefix, true);
	else view.setUint32(8, out.length - prefix, true);
	out.set(text, prefix);
	out[out.length - 1] = 0x0a;
	return out;
}

/** NumPy refuses two fields of one name and empty names. */
function fieldNames(columns: readonly string[]): string[] {
	const taken = new Set<string>();
	return columns.map((column) => {
		const name = column === '' ? 'column' : column;
		let free = name;
		for (let count = 2; taken.has(free) || (free !== name && columns.includes(free)); count++)
			free = `${name} ${count}`;
		taken.add(free);
		return free;
	});
}

/** Letters of `repr` that have names of their own. */
const named: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text as Python's `repr` writes it. */
function pythonString(text: string): string {
	const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
	const letters = [...text].map((letter) => {
		if (letter === quote) return `\\${letter}`;
		if (letter === ' ' || !/[\\\p{C}\p{Z}]/u.test(letter)) return letter;
		const code = letter.codePointAt(0)!;
		const [mark, digits] = code < 0x100 ? ['x', 2] : code < 0x10000 ? ['u', 4] : ['U', 8];
		return named[letter] ?? `\\${mark}${code.toString(16).padStart(digits, '0')}`;
	});
	return quote + letters.join('') + quote;
}
