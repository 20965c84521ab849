import { InputError } from '../../tensor/errors.ts';
import { readZip, writeZip } from './zip.ts';

const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

/** Longest text of a cell in Excel. */
const CELL_LIMIT = 32767;

/** An Excel workbook with one sheet: a row of column names and rows of numbers and text. */
export function writeXlsx(
	columns: readonly string[],
	rows: readonly (readonly (string | number)[])[]
): Uint8Array {
	const sheetRows = [columns, ...rows].map(
		(row, r) =>
			`<row r="${r + 1}">${row.map((value, c) => cell(value, columnName(c) + (r + 1))).join('')}</row>`
	);
	const type = (name: string) => `application/vnd.openxmlformats-officedocument.spreadsheetml.${name}+xml`;
	return writeZip({
		'[Content_Types].xml': `${HEAD}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${type('sheet.main')}"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${type('worksheet')}"/></Types>`,
		'_rels/.rels': `${HEAD}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		'xl/workbook.xml': `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		'xl/_rels/workbook.xml.rels': `${HEAD}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		'xl/worksheets/sheet1.xml': `${HEAD}<worksheet xmlns="${MAIN}"><sheetData>${sheetRows.join('')}</sheetData></worksheet>`
	});
}

function cell(value: string | number, reference: string): string {
	if (typeof value === 'number') return `<c r="${reference}"><v>${value}</v></c>`;
	if (value === '') return '';
	const text = escapeXml(value.slice(0, CELL_LIMIT));
	return `<c r="${reference}" t="inlineStr"><is><t xml:space="preserve">${text}</t></is></c>`;
}

/** A, B, …, Z, AA, … */
function columnName(index: number): string {
	const last = String.fromCharCode(65 + (index % 26));
	return index < 26 ? last : columnName(Math.floor(index / 26) - 1) + last;
}

function escapeXml(text: string): string {
	return (
		text
			// Characters that XML cannot hold.
			// eslint-disable-next-line no-control-regex
			.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
			.replaceAll('&', '&amp;')
			.replaceAll('<', '&lt;')
			.replaceAll('>', '&gt;')
	);
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
	return text
		.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, name: string) =>
			name.startsWith('#')
				? String.fromCodePoint(name[1] === 'x' ? parseInt(name.slice(2), 16) : Number(name.slice(1)))
				: (entities[name] ?? whole)
		)
		.replace(/_x([\dA-F]{4})_/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

/**
 * Rows of the first sheet of an Excel workbook, as text; the first row names the columns. Reads what pandas, openpyxl and
 * Excel write (shared and inline strings, numbers, booleans); formulas give their stored value.
 */
export async function readXlsx(bytes: Uint8Array, name: string): Promise<Record<string, string>[]> {
	const files = await readZip(bytes, name);
	const text = (path: string) => {
		const file = files.get(path);
		return file && new TextDecoder().decode(file);
	};
	const sheets = [...files.keys()].filter((path) => /^xl\/worksheets\/[^/]+\.xml$/.test(path)).sort();
	const sheet = text(
		sheets.includes('xl/worksheets/sheet1.xml') ? 'xl/worksheets/sheet1.xml' : (sheets[0] ?? '')
	);
	if (!sheet)
		throw new InputError(`${name} is not an Excel workbook (.xlsx); save it as .xlsx, .tsv or .csv.`);
	const shared = elements(text('xl/sharedStrings.xml') ?? '', 'si').map(({ content }) => plainText(content));
	const rows = elements(sheet, 'row').map(({ content }) => {
		const cells: string[] = [];
		for (const { attributes, content: inner } of elements(content, 'c')) {
			const column = /\br="([A-Z]+)\d+"/.exec(attributes)?.[1];
			const type = /\bt="(\w+)"/.exec(attributes)?.[1];
			const value = elements(inner, 'v')[0]?.content ?? '';
			cells[column ? columnIndex(column) : cells.length] =
				type === 's'
					? (shared[Number(value)] ?? '')
					: type === 'inlineStr'
						? plainText(inner)
						: unescapeXml(value);
		}
		return Array.from(cells, (cell) => cell ?? '');
	});
	const [header, ...body] = rows;
	if (!header?.length)
		throw new InputError(`${name} has no row of column names; it is another kind of table.`);
	return body.map((row) => Object.fromEntries(header.map((column, i) => [column, row[i] ?? ''])));
}

/** Elements of a name that do not contain one of the same name. */
function elements(xml: string, name: string): { attributes: string; content: string }[] {
	const pattern = new RegExp(`<${name}(\\s[^>]*?)?(?:/>|>([\\s\\S]*?)</${name}>)`, 'g');
	return [...xml.matchAll(pattern)].map(([, attributes = '', content = '']) => ({ attributes, content }));
}

/** Text of the runs of a string, without phonetic guides. */
function plainText(xml: string): string {
	return elements(xml.replace(/<rPh[\s\S]*?<\/rPh>/g, ''), 't')
		.map(({ content }) => unescapeXml(content))
		.join('');
}

function columnIndex(name: string): number {
	return [...name].reduce((index, character) => index * 26 + character.charCodeAt(0) - 64, 0) - 1;
}
