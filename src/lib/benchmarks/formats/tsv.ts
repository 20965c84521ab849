import type { ByteSource } from '../../checkpoint/source.ts';
import { InputError } from '../../tensor/errors.ts';

const TAB = '\t';
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const QUOTE = 34;
const CHUNK = 1 << 20;

export interface TsvRow {
	/** Line on which the row begins, from 1. */
	readonly line: number;
	/** Text of every column that is not deferred. */
	readonly cells: Readonly<Record<string, string>>;
	/** Bytes of the file in which the deferred columns lie, without their quotes. */
	readonly ranges: Readonly<Record<string, { readonly start: number; readonly end: number }>>;
	/** Why it could not be read; cells and ranges are empty then. */
	readonly damaged?: InputError;
}

type State = 'start' | 'plain' | 'quoted' | 'quote in quoted';

/** A field read so far. */
interface Field {
	bytes: number[];
	start: number;
	end: number;
}

/**
 * Rows of a file of separated values with a header, read piece by piece: quoted fields may hold separators, line ends and doubled
 * quotes, as `pandas.read_csv(sep="\t")` reads them. Large columns can be deferred: only where they lie is kept.
 *
 * @param separator one character, a tab if not said
 * A row of another number of columns, or of bytes that are no text, says so (`damaged`).
 * @throws InputError naming the line when a quote is not closed, so that nobody can tell where the next row begins
 */
export async function* readTsv(
	source: ByteSource,
	deferred: ReadonlySet<string> = new Set(),
	separator = TAB
): AsyncGenerator<TsvRow, void, void> {
	if (source.size === 0) throw new InputError(`${source.name} is empty; download it again.`);
	const between = separator.charCodeAt(0);
	let header: string[] | undefined;
	let state: State = 'start';
	let line = 1;
	let rowLine = 1;
	let fields: Field[] = [];
	let field: Field = { bytes: [], start: 0, end: 0 };
	let keep = true;
	let previous = 0;

	const beginField = (at: number) => {
		field = { bytes: [], start: at, end: at };
		keep = !(header && deferred.has(header[fields.length] ?? ''));
		state = 'start';
	};
	const endRow = (): TsvRow | undefined => {
		fields.push(field);
		const row = fields;
		fields = [];
		if (row.length === 1 && row[0]!.start === row[0]!.end && row[0]!.bytes.length === 0) return undefined;
		const texts = header ? [] : row.map(({ bytes }) => decode(bytes, source.name, rowLine));
		if (!header) {
			header = texts.map((text, i) => (i === 0 ? text.replace(/^\ufeff/, '') : text));
			const twice = header.find((name, i) => header!.indexOf(name) !== i);
			if (twice !== undefined) throw new InputError(`${source.name} has two columns "${twice}"; remove one.`);
			return undefined;
		}
		try {
			return { line: rowLine, ...cellsOf(row, header, deferred, source.name, rowLine) };
		} catch (error) {
			if (!(error instanceof InputError)) throw error;
			return { line: rowLine, cells: {}, ranges: {}, damaged: error };
		}
	};

	for (let offset = 0; offset < source.size; offset += CHUNK) {
		const piece = await source.read(offset, Math.min(offset + CHUNK, source.size));
		for (let i = 0; i < piece.length; i++) {
			const byte = piece[i]!;
			const at = offset + i;
			const secondHalf = byte === LINE_FEED && previous === CARRIAGE_RETURN;
			previous = byte;
			if (byte === CARRIAGE_RETURN || (byte === LINE_FEED && !secondHalf)) line++;
			if (secondHalf && state === 'start') {
				// The row ended with \r.
				field.start = field.end = at + 1;
				continue;
			}
			if (state === 'quoted') {
				if (byte === QUOTE) state = 'quote in quoted';
				else {
					if (keep) field.bytes.push(byte);
					field.end = at + 1;
				}
			} else if (state === 'quote in quoted' && byte === QUOTE) {
				state = 'quoted';
				if (keep) field.bytes.push(byte);
				field.end = at + 1;
			} else if (byte === between) {
				fields.push(field);
				beginField(at + 1);
			} else if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
				const row = endRow();
				beginField(at + 1);
				rowLine = line;
				if (row) yield row;
			} else if (state === 'start' && byte === QUOTE) {
				state = 'quoted';
				field.start = field.end = at + 1;
			} else {
				state = 'plain';
				if (keep) field.bytes.push(byte);
				field.end = at + 1;
			}
		}
	}
	if (state === 'quoted')
		throw new InputError(
			`${source.name}, line ${rowLine}: a quote is not closed; the file is damaged or cut off, download it again.`
		);
	if (fields.length > 0 || field.end > field.start || field.bytes.length > 0) {
		const row = endRow();
		if (row) yield row;
	}
	if (!header) throw new InputError(`${source.name} has no header line; it is another kind of file.`);
}

function cellsOf(
	row: readonly Field[],
	header: readonly string[],
	deferred: ReadonlySet<string>,
	name: string,
	line: number
): Pick<TsvRow, 'cells' | 'ranges'> {
	if (row.length !== header.length)
		throw new InputError(
			`${name}, line ${line}, has ${row.length} columns instead of ${header.length}; the file is damaged or cut off, download it again.`
		);
	const cells: Record<string, string> = {};
	const ranges: Record<string, { start: number; end: number }> = {};
	for (const [i, column] of header.entries()) {
		const { start, end, bytes } = row[i]!;
		if (deferred.has(column)) ranges[column] = { start, end };
		else cells[column] = decode(bytes, name, line);
	}
	return { cells, ranges };
}

function decode(bytes: readonly number[], name: string, line: number): string {
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
	} catch {
		throw new InputError(`${name}, line ${line}, is not UTF-8 text; it is damaged or another kind of file.`);
	}
}
