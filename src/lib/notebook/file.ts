/**
 * A notebook's file: Notebook Kit's open format, written so that every cell comes back.
 *
 * Notebook Kit 2.1.8 writes two kinds of text that it does not read back: lines of nothing but spaces lose these, and text with `<!--` and
 * `<script`, or with `</script` before a slash or at its end, ends its element elsewhere and takes the cells below with it. Spaces are kept
 * as any other text is. A text that would still not come back stands in the attribute `data-text`, as JSON, beside what other programs
 * then read; once these have changed the cell, the attribute counts no more.
 */
import { deserialize, serialize, type Cell, type Notebook } from '@observablehq/notebook-kit';

const EXACT = 'data-text';

/** @throws Error of the parser, never for a file that is merely odd */
export function readNotebook(text: string): Notebook {
	const notebook = deserialize(text);
	const scripts = new DOMParser().parseFromString(text, 'text/html').querySelectorAll('notebook script');
	const cells = notebook.cells.map((cell, i) => {
		const exact = exactText(scripts[i]?.getAttribute(EXACT));
		return exact !== undefined && approximate(exact) === cell.value ? { ...cell, value: exact } : cell;
	});
	return { ...notebook, cells };
}

/**
 * The file, once it has been read back and found the same.
 * @throws Error when it would not come back; nothing is to be replaced by it then
 */
export function writeNotebook(notebook: Notebook): string {
	const plain = written(notebook, new Set());
	const lost = differing(notebook, plain);
	if (lost.length === 0) return plain;
	const text = written(notebook, new Set(lost));
	const [cell] = differing(notebook, text);
	if (cell === undefined) return text;
	throw new Error(
		`${cell === 0 ? 'The notebook’s title' : `Cell ${cell}`} would not come back as it is, so nothing was saved; undo its last change, or download the notebook as it was.`
	);
}

/** @param exact numbers of the cells whose text stands in an attribute */
function written(notebook: Notebook, exact: ReadonlySet<number>): string {
	const blank = serialize({ ...notebook, cells: notebook.cells.map((cell) => ({ ...cell, value: '' })) });
	const root = new DOMParser().parseFromString(blank, 'text/html').querySelector('notebook')!;
	root.querySelectorAll('script').forEach((script, i) => {
		const { id, value } = notebook.cells[i]!;
		const kept = exact.has(id);
		if (kept) script.setAttribute(EXACT, JSON.stringify(value));
		const lines = (kept ? approximate(value) : value)
			.split('\n')
			.map((line) => (line === '' ? '' : `    ${line}`));
		script.textContent = `\n${lines.join('\n')}\n  `.replace(/<(?=\\*\/script(\s|>))/gi, '<\\');
	});
	return `<!doctype html>\n${root.outerHTML}\n`;
}

/** Numbers of cells that do not come back; all of them, should one be lost; 0 for what stands above them. */
function differing(notebook: Notebook, text: string): number[] {
	const back = readNotebook(text);
	const { cells } = notebook;
	if (back.cells.length !== cells.length) return cells.map(({ id }) => id);
	const out = cells.filter((cell, i) => !same(cell, back.cells[i]!)).map(({ id }) => id);
	const above = ({ title, theme, readOnly }: Notebook) => JSON.stringify([title, theme, readOnly ?? false]);
	return above(notebook) === above(back) ? out : [0, ...out];
}

function same(a: Cell, b: Cell): boolean {
	const text = ({ id, mode, value, pinned, hidden, output, format, database }: Cell) =>
		JSON.stringify([id, mode, value, pinned, hidden, output, format, database]);
	return text(a) === text(b);
}

/** The nearest text that Notebook Kit reads as it was written; in a string of JavaScript it is the same. */
function approximate(text: string): string {
	return text
		.replace(/\r\n?/g, '\n')
		.replace(/\0/g, '\ufffd')
		.toWellFormed()
		.replace(/<(?=!--|\/?script)/gi, '<\\');
}

function exactText(json: string | null | undefined): string | undefined {
	try {
		const value: unknown = JSON.parse(json ?? '');
		return typeof value === 'string' ? value : undefined;
	} catch {
		return undefined;
	}
}
