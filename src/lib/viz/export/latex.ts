import type { Table } from '../figure.ts';
import { bestRows, printed, type PaperTable } from '../paper-table.ts';
import { linesOf, widthOf } from '../type.ts';
import { escapeLatex, shownByPdfLatex } from './latex-text.ts';

/** Lines of a page: a table that needs more with its caption becomes a longtable. */
const LONG = 40;
/** Type of a table, points. */
const TYPE = 10;
/** Points that a table has on a page, and between two columns. */
const PAGE = 340;
const GAP = 12;
/** Points of a column of a two-column paper; what is wider goes over both. */
const COLUMN = 236;
/** Points after which the head of a column of short cells is broken, and a column of long texts. */
const HEAD = 60;
const TEXT = 140;

export interface Caption {
	readonly id: string;
	readonly title: string;
	readonly readingAid: string;
	readonly provenance: string;
}

const captionText = ({ title, readingAid, provenance }: Caption) =>
	`\\textbf{${escapeLatex(title)}.} ${escapeLatex(readingAid)} ${escapeLatex(provenance.replace(/\.?$/, '.'))}`;

/** Points that a text needs on one line, at most. */
const needed = (text: string) => widthOf(shownByPdfLatex(text), TYPE);

/** A column as it is set. */
interface Column {
	/** Of `tabular`. */
	readonly kind: string;
	readonly head: string;
	readonly cells: readonly string[];
	/** Points, about. */
	readonly width: number;
	/** Lines of its head, and of every cell. */
	readonly lines: readonly number[];
}

/**
 * Numbers as a paper sets them, in `booktabs`: three significant digits, intervals beside them, the best of a column in bold. What does not fit
 * is broken as in `latexTable`.
 */
export function latexPaperTable(table: PaperTable, caption: Caption): string {
	const names = table.heads.map((head, i) =>
		setColumn(
			head,
			table.rows.map(({ names }) => names[i] ?? '')
		)
	);
	const columns = table.columns.map(({ name, better }, column) => {
		const best = bestRows(table, column, better);
		const cells = table.rows.map(({ cells }) => cells[column] && printed(cells[column]));
		const plain = cells.map((cell) =>
			cell ? `${cell.value} ${cell.interval.replace('±', '±±')}`.trim() : '–'
		);
		return {
			...setColumn(name, plain, 'r'),
			cells: cells.map((cell, row) => {
				if (!cell) return '--';
				const value = escapeLatex(cell.value);
				const interval = cell.interval === '' ? '' : ` ${escapeLatex(cell.interval)}`;
				return `${best.has(row) ? `\\textbf{${value}}` : value}${interval}`;
			})
		};
	});
	const cells = table.rows.flatMap((row) => row.cells).flatMap((cell) => (cell ? [printed(cell)] : []));
	const notes = [
		...(cells.some(({ interval }) => interval !== '')
			? [
					`Beside a value ± half its ${table.interval ?? '95 % interval'}, or [low, high] where that is uneven.`
				]
			: []),
		...(table.columns.some(({ better }) => better !== undefined) ? ['Bold: best of the column.'] : [])
	];
	return setTable([...names, ...columns], {
		...caption,
		readingAid: notes.join(' '),
		provenance: caption.provenance
	});
}

/**
 * The numbers as a `booktabs` table, all of them. Many rows make a `longtable`; columns that do not fit beside each other follow below, with
 * the first one again.
 */
export function latexTable(table: Table, caption: Caption): string {
	const columns = table.columns.map((head, i) =>
		setColumn(
			head,
			table.rows.map((row) => row[i] ?? NaN)
		)
	);
	return setTable(columns, caption);
}

function setTable(columns: readonly Column[], caption: Caption): string {
	const blocks = blocksOf(columns);
	const title = `\\caption{${captionText(caption)}}`;
	const label = `\\label{tab:${caption.id}}`;
	const lines = blocks.reduce((sum, block) => sum + linesOfBlock(block), 0);
	if (lines + linesIn(captionText(caption), PAGE) > LONG)
		return [
			'% \\usepackage{booktabs,longtable}  (in a document of one column, or after \\onecolumn)',
			...blocks.flatMap((block, i) => [
				`\\begin{longtable}{${kinds(block)}}`,
				...(i === 0 ? [`  ${title}`, `  ${label} \\\\`] : []),
				...head(block),
				'    \\endfirsthead',
				...head(block),
				'    \\endhead',
				'    \\bottomrule',
				'    \\endfoot',
				...body(block),
				'\\end{longtable}'
			]),
			''
		].join('\n');
	const wide = Math.max(...blocks.map(widthOfBlock)) > COLUMN ? 'table*' : 'table';
	return [
		'% \\usepackage{booktabs}',
		`\\begin{${wide}}`,
		'  \\centering',
		`  ${title}`,
		`  ${label}`,
		blocks
			.map((block) =>
				[
					`  \\begin{tabular}{${kinds(block)}}`,
					...head(block),
					...body(block),
					'    \\bottomrule',
					'  \\end{tabular}'
				].join('\n')
			)
			.join('\n\n  \\medskip\n'),
		`\\end{${wide}}`,
		''
	].join('\n');
}

/** Includes the PDF of the figure as large as it is, so that its type keeps its size, with a caption of its title, reading aid and provenance. */
export function latexFigure(file: string, wide: boolean, caption: Caption): string {
	const figure = wide ? 'figure*' : 'figure';
	return [
		'% \\usepackage{graphicx}',
		`\\begin{${figure}}`,
		'  \\centering',
		`  \\makebox[\\linewidth]{\\includegraphics{${file}}}`,
		`  \\caption{${captionText(caption)}}`,
		`  \\label{fig:${caption.id}}`,
		`\\end{${figure}}`,
		''
	].join('\n');
}

function setColumn(name: string, cells: readonly (string | number)[], set?: 'l' | 'r'): Column {
	const isText = cells.some((cell) => typeof cell === 'string');
	const widest = Math.max(0, ...cells.map((cell) => needed(`${cell}`)));
	const isLong = isText && widest > TEXT;
	const side = set ?? (isText ? 'l' : 'r');
	const lines = linesOf(name, Math.max(HEAD, Math.min(widest, TEXT)), TYPE);
	const unbroken = lines.some((line) => needed(line) > TEXT);
	const headWidth = unbroken ? TEXT : Math.max(...lines.map(needed));
	const head = lines.map(escapeLatex).join(' \\\\ ');
	return {
		kind: side,
		head: unbroken
			? paragraph('b', name)
			: lines.length > 1
				? `\\begin{tabular}[b]{@{}${side}@{}}${head}\\end{tabular}`
				: head,
		cells: cells.map((cell) => {
			if (typeof cell === 'number') return latexNumber(cell);
			return isLong ? paragraph('t', cell) : escapeLatex(cell);
		}),
		width: Math.max(isLong ? TEXT : widest, headWidth),
		lines: [
			unbroken ? linesIn(name, TEXT) : lines.length,
			...cells.map((cell) => (isLong ? linesIn(`${cell}`, TEXT) : 1))
		]
	};
}

const paragraph = (align: 't' | 'b', text: string) =>
	`\\parbox[${align}]{${TEXT}pt}{\\raggedright ${escapeLatex(text)}\\strut}`;

/** Lines of a text broken at a width; its right edge is ragged. */
function linesIn(text: string, width: number): number {
	return Math.max(1, Math.ceil(needed(text) / (0.8 * width)));
}

/** Columns that fit beside each other; every block begins with those that say what a row is. */
function blocksOf(columns: readonly Column[]): readonly (readonly Column[])[] {
	const key = keyOf(columns);
	const blocks: Column[][] = [[...key]];
	for (const column of columns.slice(key.length)) {
		const last = blocks.at(-1)!;
		if (last.length === key.length || widthOfBlock([...last, column]) <= PAGE) last.push(column);
		else blocks.push([...key, column]);
	}
	return blocks;
}

/** The fewest columns from the left that tell every row from the others, where they leave room; else the first. */
function keyOf(columns: readonly Column[]): readonly Column[] {
	for (let count = 1; count <= columns.length; count++) {
		const key = columns.slice(0, count);
		if (widthOfBlock(key) > 0.6 * PAGE) break;
		const rows = columns[0]!.cells.map((_, row) => JSON.stringify(key.map(({ cells }) => cells[row])));
		if (new Set(rows).size === rows.length) return key;
	}
	return columns.slice(0, 1);
}

function widthOfBlock(block: readonly Column[]): number {
	return block.reduce((sum, { width }) => sum + width + GAP, -GAP);
}

/** Lines of a block with its rules. */
function linesOfBlock(block: readonly Column[]): number {
	const rows = block[0]?.lines.map((_, i) => Math.max(...block.map(({ lines }) => lines[i]!))) ?? [];
	return rows.reduce((sum, lines) => sum + lines, 2);
}

const kinds = (block: readonly Column[]) => `@{}${block.map(({ kind }) => kind).join('')}@{}`;
const line = (cells: readonly string[]) => `    ${cells.join(' & ')} \\\\`;

function head(block: readonly Column[]): string[] {
	return ['    \\toprule', line(block.map((column) => column.head)), '    \\midrule'];
}

function body(block: readonly Column[]): string[] {
	return (block[0]?.cells ?? []).map((_, row) => line(block.map(({ cells }) => cells[row]!)));
}

function latexNumber(value: number): string {
	if (Number.isNaN(value)) return '--';
	const sign = value < 0 ? '$-$' : '';
	if (!Number.isFinite(value)) return `${sign}$\\infty$`;
	const [mantissa, exponent] = `${Math.abs(value)}`.split('e');
	return `${sign}${mantissa}${exponent === undefined ? '' : `$\\times 10^{${Number(exponent)}}$`}`;
}
