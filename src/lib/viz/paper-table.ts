/** A figure's numbers as a paper sets them: what is compared in rows, what was measured in columns. */
export interface PaperTable {
	/** What tells the rows apart, e.g. ["Projector", "M"]. */
	readonly heads: readonly string[];
	readonly columns: readonly PaperColumn[];
	readonly rows: readonly PaperRow[];
	/** What stands beside values, "95 % interval" when absent. */
	readonly interval?: string;
}

export interface PaperColumn {
	/** With its unit in brackets. */
	readonly name: string;
	/** Which values are better; the best of the column are set in bold. Absent: neither is. */
	readonly better?: 'more' | 'less' | undefined;
}

export interface PaperRow {
	readonly names: readonly (string | number)[];
	/** One for each column; nothing where it was not measured. */
	readonly cells: readonly (PaperCell | undefined)[];
}

export interface PaperCell {
	readonly value: number;
	/** 95 % interval, or quartiles. */
	readonly low?: number | undefined;
	readonly high?: number | undefined;
}

/** One number of a table that is still long: its row, its column, itself. */
export interface PaperEntry {
	readonly names: readonly (string | number)[];
	readonly column: string;
	readonly cell: PaperCell;
}

/** Rows and columns in their order of appearance. @param better which values of a column are better */
export function pivoted(
	heads: readonly string[],
	entries: readonly PaperEntry[],
	better: (column: string) => PaperColumn['better'] = () => undefined
): PaperTable {
	const columns = [...new Set(entries.map(({ column }) => column))];
	const rows = Map.groupBy(entries, ({ names }) => JSON.stringify(names));
	return {
		heads,
		columns: columns.map((name) => ({ name, better: better(name) })),
		rows: [...rows.values()].map((own) => ({
			names: own[0]!.names,
			cells: columns.map((name) => own.find(({ column }) => column === name)?.cell)
		}))
	};
}

/** A map as a matrix: its cells where they lie. @param values row-major */
export function matrixTable(values: ArrayLike<number>, columns: number, of: string): PaperTable {
	return {
		heads: [`${of}: row`],
		columns: Array.from({ length: columns }, (_, column) => ({ name: `${column}` })),
		rows: Array.from({ length: Math.ceil(values.length / columns) }, (_, row) => ({
			names: [row],
			cells: Array.from({ length: columns }, (_, column) => {
				const value = values[row * columns + column];
				return value === undefined || Number.isNaN(value) ? undefined : { value };
			})
		}))
	};
}

/** Decimals that show three significant digits of the value. */
function decimalsOf(value: number): number {
	if (value === 0 || !Number.isFinite(value)) return 0;
	return Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}

/** A number of a table: what stands for the value, and for its interval. */
export interface PrintedCell {
	readonly value: string;
	/** "± half" where the interval is even about the value, else "[low, high]"; empty without one. */
	readonly interval: string;
}

/** Three significant digits, the interval with as many decimals. */
export function printed({ value, low, high }: PaperCell): PrintedCell {
	// Counts stay whole.
	const decimals = Number.isInteger(value) && low === undefined ? 0 : decimalsOf(value);
	const scientific = Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-4);
	const write = (one: number) =>
		(scientific ? one.toExponential(2) : one.toFixed(decimals))
			.replace(/^-(0(\.0+)?)$/, '$1')
			.replace('-', '−');
	if (low === undefined || high === undefined || Number.isNaN(low) || Number.isNaN(high))
		return { value: write(value), interval: '' };
	const [below, above] = [value - low, high - value];
	const half = (below + above) / 2;
	const tiny = !scientific && half < 0.5 * 10 ** -decimals && half > 1e-4 * Math.abs(value);
	const even = Math.abs(below - above) <= 0.1 * half || write(below) === write(above);
	return {
		value: write(value),
		// Half an interval that would round to nothing keeps a digit.
		interval: even ? `± ${tiny ? half.toPrecision(1) : write(half)}` : `[${write(low)}, ${write(high)}]`
	};
}

/** The best rows of a column, as their values are printed; none where no value is better or all are alike. */
export function bestRows(
	{ rows }: PaperTable,
	column: number,
	better: PaperColumn['better']
): ReadonlySet<number> {
	const values = rows.map(({ cells }) => cells[column]?.value);
	const known = values.filter((value) => value !== undefined && Number.isFinite(value));
	if (better === undefined || known.length < 2) return new Set();
	const best = (better === 'more' ? Math.max : Math.min)(...(known as number[]));
	const as = (value: number | undefined) =>
		value === undefined ? '' : printed({ value, low: value, high: value }).value;
	const found = values.flatMap((value, row) => (as(value) === as(best) ? [row] : []));
	return new Set(found.length < known.length ? found : []);
}
