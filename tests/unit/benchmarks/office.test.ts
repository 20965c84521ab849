import { strToU8, unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readXlsx, writeXlsx } from '../../../src/lib/benchmarks/formats/xlsx.ts';
import { readZip, writeZip } from '../../../src/lib/benchmarks/formats/zip.ts';
import { InputError } from '../../../src/lib/tensor/errors.ts';

const workbook = (columns: readonly string[], ...rows: (string | number)[][]) =>
	unzipSync(writeXlsx(columns, rows));
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('zip archives', () => {
	it('are read as they were written, and written alike every time', () => {
		const files = { 'a.xml': '<a>ä</a>', 'b/c.xml': '' };
		const archive = writeZip(files);
		expect(writeZip(files)).toEqual(archive);
		expect(
			Object.fromEntries(Object.entries(readZip(archive, 'x.zip')).map(([path, file]) => [path, text(file)]))
		).toEqual(files);
	});

	it('that grow beyond a limit are refused in one sentence, before anything is unpacked', async () => {
		const bomb = zipSync({ 'xl/worksheets/sheet1.xml': new Uint8Array(2 ** 24) });
		expect(bomb.length).toBeLessThan(2 ** 16);
		expect(() => readZip(bomb, 'bomb.xlsx', undefined, 2 ** 20)).toThrow(InputError);
		expect(() => readZip(bomb, 'bomb.xlsx', undefined, 2 ** 20)).toThrow(
			/^bomb\.xlsx would unpack to more than 1 MiB, too much for a document; [^.]*\.$/
		);
		// One that names a small size in its directory is given no more room than that.
		const lying = bomb.slice();
		const view = new DataView(lying.buffer);
		for (let at = 0; at + 28 < lying.length; at++)
			if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 1024, true);
		const read = () => readZip(lying, 'lying.xlsx', undefined, 2 ** 20);
		const found = (() => {
			try {
				return Object.values(read())[0]!.length;
			} catch (error) {
				expect(error).toBeInstanceOf(InputError);
				return 0;
			}
		})();
		expect(found).toBeLessThanOrEqual(1024);
	});

	it('that are damaged are refused', () => {
		const archive = writeZip({ a: 'text' });
		for (const bytes of [new Uint8Array(), archive.subarray(0, 40), strToU8('no archive at all, but text')])
			expect(() => readZip(bytes, 'x.xlsx')).toThrow(/x\.xlsx is not a whole zip archive/);
	});
});

describe('Excel workbooks', () => {
	it('keep text and numbers as they are written', async () => {
		const rows = [
			[1, ' two ', 'a < b & "c"'],
			[0.1, '', 'Grüße 😀\nline'],
			['007', 'x', '']
		];
		expect(await readXlsx(writeXlsx(['id', 'b', 'c'], rows), 'x.xlsx')).toEqual(
			rows.map(([id, b, c]) => ({ id: String(id), b: String(b), c: String(c) }))
		);
	});

	it('give the first sheet of the workbook, whatever its file is called', async () => {
		const files = workbook(['a'], ['second']);
		const first = workbook(['a'], ['first'])['xl/worksheets/sheet1.xml']!;
		const rename = (path: string, from: string, to: string) =>
			(files[path] = strToU8(text(files[path]!).replace(from, to)));
		files['xl/worksheets/other.xml'] = first;
		rename('xl/workbook.xml', '<sheets>', '<sheets><sheet name="First" sheetId="2" r:id="rId2"/>');
		rename(
			'xl/_rels/workbook.xml.rels',
			'</Relationships>',
			'<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/other.xml"/></Relationships>'
		);
		rename(
			'[Content_Types].xml',
			'</Types>',
			'<Override PartName="/xl/worksheets/other.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
		);
		expect(await readXlsx(zipSync(files), 'x.xlsx')).toEqual([{ a: 'first' }]);
	});

	it('may name characters by numbers, those that do not exist among them', async () => {
		const files = workbook(['a'], ['HERE']);
		const sheet = 'xl/worksheets/sheet1.xml';
		files[sheet] = strToU8(
			text(files[sheet]!).replace('HERE', 'A&#66;&#x1F600;&#128512;&#x110000;&#99999999;')
		);
		expect(await readXlsx(zipSync(files), 'x.xlsx')).toEqual([{ a: 'AB😀😀\ufffd\ufffd' }]);
	});

	it('that are no workbooks, or have no columns, are refused by name', async () => {
		await expect(readXlsx(writeZip({ 'a.txt': 'a' }), 'x.xlsx')).rejects.toThrow(
			/x\.xlsx is not an Excel workbook/
		);
		await expect(readXlsx(strToU8('index,prediction'), 'x.xlsx')).rejects.toThrow(InputError);
		await expect(readXlsx(writeXlsx([], []), 'x.xlsx')).rejects.toThrow(/no row of column names/);
	});
});
