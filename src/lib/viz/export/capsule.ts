import { strFromU8, strToU8, unzlibSync, zlibSync } from 'fflate';
import { fromBase64, toBase64 } from '../../bytes/base64.ts';
import { isObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Table } from '../figure.ts';

/** What a figure was made from; it travels in every exported file, so that the file can be opened again as a live figure. */
export interface Capsule {
	readonly format: typeof FORMAT;
	readonly version: 1;
	/** Version of the workbench. */
	readonly application: string;
	/** ISO 8601. */
	readonly created: string;
	readonly figure: {
		readonly id: string;
		readonly title: string;
		/** Which of the figures of that id on the page, from 0. */
		readonly ordinal: number;
	};
	readonly provenance: string;
	readonly method: string;
	/** The set of images that it is taken over, where it is taken over one. */
	readonly set?: CapsuleSet;
	readonly origin: CapsuleOrigin;
	readonly table: PackedTable;
	/** What it is drawn from (`packDrawing`); absent where that would be too large. */
	readonly drawing?: string;
}

/** Images by sha256 and name, and what they are called together. */
export interface CapsuleSet {
	readonly name: string;
	readonly members: readonly { readonly id: string; readonly name: string }[];
}

/** The workbench's state behind the figure. */
export interface CapsuleOrigin {
	/** Page and its state, as path and query below the site's root. */
	readonly address: string;
	readonly model?: {
		readonly name: string;
		readonly dtype: string;
		/** sha256 of each of the model's files. */
		readonly files: Readonly<Record<string, string>>;
	};
	readonly backend?: string;
	readonly projector?: string;
	/** M */
	readonly tokens?: number;
	readonly prompt?: string;
	readonly image?: {
		/** sha256 of the file. */
		readonly id: string;
		readonly name: string;
		/** The file in base64, when it is small. */
		readonly base64?: string;
	};
	readonly settings?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** The figure's numbers, so that a recomputation can be compared with them. */
export interface PackedTable {
	readonly columns: readonly string[];
	readonly rows: number;
	/** JSON of the rows, null where there is no number, deflated, base64. Absent when that would be too large. */
	readonly packed?: string;
}

const FORMAT = 'honeybee-figure';
/** Bytes of packed numbers that still travel with a figure. */
const MOST = 4 * 1024 * 1024;

export interface CapsuleParts extends Omit<Capsule, 'format' | 'version' | 'created' | 'table'> {
	readonly table: Table;
}

export function makeCapsule(parts: CapsuleParts, now = new Date()): Capsule {
	const { table, ...rest } = parts;
	return { format: FORMAT, version: 1, created: now.toISOString(), ...rest, table: pack(table) };
}

function pack({ columns, rows }: Table): PackedTable {
	const packed = toBase64(zlibSync(strToU8(JSON.stringify(rows)), { level: 6 }));
	return { columns, rows: rows.length, ...(packed.length <= MOST && { packed }) };
}

/** The numbers kept in a capsule; undefined when they were too many. @throws InputError when they are damaged. */
export function unpack(table: PackedTable): Table | undefined {
	if (table.packed === undefined) return undefined;
	try {
		const rows: unknown = JSON.parse(strFromU8(unzlibSync(fromBase64(table.packed))));
		if (!Array.isArray(rows) || !rows.every(Array.isArray)) throw new Error('no rows');
		return {
			columns: table.columns,
			rows: rows.map((row: unknown[]) =>
				row.map((cell) => (typeof cell === 'number' || typeof cell === 'string' ? cell : NaN))
			)
		};
	} catch {
		throw new InputError('The numbers in this figure are damaged; it can be shown again, but not compared.');
	}
}

/** The capsule as ASCII text. */
export function capsuleText(capsule: Capsule): string {
	return JSON.stringify(capsule).replace(
		/[^\x20-\x7e]/g,
		(letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
	);
}

/** @throws InputError when the text is no capsule of this version. */
export function parseCapsule(text: string): Capsule {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw new InputError('What this figure says of its origin is damaged; export it again.');
	}
	if (!isCapsule(value))
		throw new InputError(
			'What this figure says of its origin is not in a form this workbench knows; export it again.'
		);
	return value;
}

function isCapsule(value: unknown): value is Capsule {
	if (!isObject(value) || value['format'] !== FORMAT || value['version'] !== 1) return false;
	const { figure, origin, table } = value;
	return (
		isObject(figure) &&
		typeof figure['id'] === 'string' &&
		typeof figure['ordinal'] === 'number' &&
		isObject(origin) &&
		typeof origin['address'] === 'string' &&
		isOptional(origin['projector'], 'string') &&
		isOptional(origin['tokens'], 'number') &&
		isOptional(origin['prompt'], 'string') &&
		isOptional(origin['model'], 'object') &&
		isOptional(origin['image'], 'object') &&
		isObject(table) &&
		Array.isArray(table['columns']) &&
		table['columns'].every((column) => typeof column === 'string') &&
		isOptional(table['packed'], 'string') &&
		isOptional(value['drawing'], 'string')
	);
}

function isOptional(value: unknown, type: 'string' | 'number' | 'object'): boolean {
	return value === undefined || (typeof value === type && value !== null);
}

/** What a comparison of numbers says. */
export type Comparison =
	| {
			readonly same: true;
			readonly rows: number;
			readonly columns: number;
			/** The largest difference, in parts of its column's largest magnitude; 0 for the same numbers. */
			readonly apart: number;
	  }
	| { readonly same: false; readonly words: string };

/**
 * Whether two tables hold the same numbers, or the first place where they do not.
 * @param rounding numbers of another backend: those are the same that differ by no more than this part of their column's largest
 * magnitude, whole numbers excepted
 */
export function compareTables(kept: Table, now: Table, rounding = 0): Comparison {
	const differ = (words: string): Comparison => ({ same: false, words });
	const column = kept.columns.findIndex((name, i) => name !== now.columns[i]);
	if (column >= 0 || kept.columns.length !== now.columns.length)
		return differ(
			column >= 0
				? `column ${column + 1} is “${now.columns[column] ?? 'absent'}”, in the file “${kept.columns[column]}”`
				: `there are ${now.columns.length} columns, in the file ${kept.columns.length}`
		);
	let largest = 0;
	let apart = 0;
	let first: string | undefined;
	const magnitudes = kept.columns.map((_, i) =>
		kept.rows.reduce((most, row) => Math.max(most, typeof row[i] === 'number' ? Math.abs(row[i]) || 0 : 0), 0)
	);
	let count = 0;
	const rows = Math.min(kept.rows.length, now.rows.length);
	for (let row = 0; row < rows; row++)
		for (let i = 0; i < kept.columns.length; i++) {
			const [before, after] = [kept.rows[row]![i]!, now.rows[row]![i]!];
			if (Object.is(before, after) || before === after) continue;
			const whole = Number.isInteger(before) && Number.isInteger(after);
			if (typeof before === 'number' && typeof after === 'number' && !whole) {
				const part = Math.abs(after - before) / magnitudes[i]!;
				if (part <= rounding) {
					apart = Math.max(apart, part);
					continue;
				}
			}
			count++;
			first ??= `row ${row + 1}, “${kept.columns[i]}”: ${after}, in the file ${before}`;
			if (typeof before === 'number' && typeof after === 'number')
				largest = Math.max(largest, Math.abs(after - before) / (Math.abs(before) || 1));
		}
	if (first !== undefined)
		return differ(
			`${first} (${count} of ${rows * kept.columns.length} cells differ${largest > 0 ? `, by at most ${largest.toPrecision(2)} of their value` : ''})`
		);
	if (kept.rows.length !== now.rows.length)
		return differ(`there are ${now.rows.length} rows, in the file ${kept.rows.length}`);
	return { same: true, rows, columns: kept.columns.length, apart };
}
