import { strToU8, zipSync } from 'fflate';
import { readSheet } from 'read-excel-file/universal';
import { characterOf } from '../../bytes/text.ts';
import { InputError } from '../../tensor/errors.ts';
import { readZip, writeZip } from './zip.ts';

const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

/** Longest text of a cell in Excel. */
const CELL_LIMIT = 32767;

/**
 * An Excel workbook with one sheet: a row of column names and rows of numbers and text. Written here and not by write-excel-file, which is
 * asynchronous where scoring is not, and adds styles and themes that a submission does not need.
 */
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

/** Parts of a workbook that are read; pictures and the like are not. */
const READ = /\.(xml|rels)$/;

/**
 * Rows of the first sheet of an Excel workbook, as text; the first row names the columns. Reads what pandas, openpyxl and
 * Excel write (shared and inline strings, numbers as they are written, booleans as 1 and 0); formulas give their stored value.
 *
 * @throws InputError when it is no workbook or too large when unpacked
 */
export async function readXlsx(bytes: Uint8Array, name: string): Promise<Record<string, string>[]> {
	const parts = readZip(bytes, name, (path) => READ.test(path));
	const plain = Object.entries(parts).map(([path, part]) => [path, withoutReferences(part)] as const);
	// Stored: the reader's own unpacking cannot grow.
	const workbook = zipSync(Object.fromEntries(plain), { level: 0 });
	const rows = await readSheet(workbook.buffer, { trim: false, parseNumber: (text: string) => text }).catch(
		() => {
			throw new InputError(`${name} is not an Excel workbook (.xlsx); save it as .xlsx, .tsv or .csv.`);
		}
	);
	const [header, ...body] = rows.map((row) => row.map(cellText));
	if (!header?.length)
		throw new InputError(`${name} has no row of column names; it is another kind of table.`);
	return body.map((row) => Object.fromEntries(header.map((column, i) => [column, row[i] ?? ''])));
}

function cellText(value: unknown): string {
	if (value === null || value === undefined) return '';
	if (typeof value === 'boolean') return value ? '1' : '0';
	if (value instanceof Date) return value.toISOString();
	return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/**
 * XML with the characters that numbers stand for beyond the first 65,536 in their place: the reader cuts such numbers to 16 bits.
 * A number that is no character becomes U+FFFD, as in a text that is not valid UTF-8.
 */
function withoutReferences(part: Uint8Array): Uint8Array {
	const text = new TextDecoder().decode(part);
	const plain = text.replace(/&#(?:x([\da-f]+)|(\d+));/gi, (whole, hex?: string, decimal?: string) => {
		const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
		return code < 0x10000 ? whole : characterOf(code);
	});
	return plain === text ? part : strToU8(plain);
}
