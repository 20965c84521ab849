import { csvFormatRows } from 'd3';
import type { Table } from '../figure.ts';

/** The figure's table as CSV (RFC 4180), empty where there is no number. */
export function csvText(table: Table): string {
	const cells = table.rows.map((row) => row.map((cell) => (Number.isNaN(cell) ? '' : `${cell}`)));
	return `${csvFormatRows([[...table.columns], ...cells])}\n`;
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

/**
 * The table as a NumPy file: a structured array with the column heads as field names, float64 for numbers (NaN where there is none),
 * fixed-width text for columns that have words. `np.load(file)['column']`.
 */
export function npyBytes(table: Table): Uint8Array<ArrayBuffer> {
	const fields = fieldNames(table.columns).map((name, column) => {
		const cells = table.rows.map((row) => row[column]);
		const words = cells.some((cell) => typeof cell === 'string');
		const length = words ? Math.max(1, ...cells.map((cell) => [...String(cell)].length)) : 0;
		return { name, column, words, size: words ? length * 4 : 8, type: words ? `<U${length}` : '<f8' };
	});
	const descr = fields.map(({ name, type }) => `(${pythonString(name)}, '${type}')`).join(', ');
	const dictionary = `{'descr': [${descr}], 'fortran_order': False, 'shape': (${table.rows.length},), }`;
	// Version 2.0 (32-bit header length); names beyond Latin-1 need 3.0, which is UTF-8.
	const text = new TextEncoder().encode(dictionary);
	const prefix = 12;
	const padded = Math.ceil((prefix + text.length + 1) / 64) * 64;
	const rowSize = fields.reduce((sum, { size }) => sum + size, 0);
	const out = new Uint8Array(padded + rowSize * table.rows.length);
	const view = new DataView(out.buffer);
	out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 3, 0]);
	view.setUint32(8, padded - prefix, true);
	out.set(text, prefix);
	out.fill(0x20, prefix + text.length, padded - 1);
	out[padded - 1] = 0x0a;
	let at = padded;
	for (const row of table.rows)
		for (const { column, words, size } of fields) {
			const cell = row[column];
			if (words)
				[...String(cell ?? '')].forEach((letter, i) =>
					view.setUint32(at + 4 * i, letter.codePointAt(0)!, true)
				);
			else view.setFloat64(at, typeof cell === 'number' ? cell : NaN, true);
			at += size;
		}
	return out;
}

/** NumPy refuses two fields of one name and empty names. */
function fieldNames(columns: readonly string[]): string[] {
	const seen = new Map<string, number>();
	return columns.map((column) => {
		const name = column === '' ? 'column' : column;
		const count = seen.get(name) ?? 0;
		seen.set(name, count + 1);
		return count === 0 ? name : `${name} ${count + 1}`;
	});
}

function pythonString(text: string): string {
	return `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, ' ')}'`;
}
