import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { escapeLatex, latexFigure, latexTable } from '../../../src/lib/viz/export/latex.ts';
import { csvText, jsonText, npyBytes } from '../../../src/lib/viz/export/numbers.ts';

const table = {
	columns: ['projector', 'M', "value (patches'), ×"],
	rows: [
		['c-abs, "new"', 36, -0.5],
		['d-abs', 144, NaN],
		['Résampler', 9, 1.25e-7]
	]
};
const caption = { id: 'sweep', title: 'A & B', readingAid: '100 % of M_1.', provenance: 'mini · wasm' };

/** Fields and rows of a structured NumPy file of version 3, read by the format's description. */
function readNpy(bytes: Uint8Array) {
	const view = new DataView(bytes.buffer, bytes.byteOffset);
	const size = view.getUint32(8, true);
	const header = new TextDecoder().decode(bytes.subarray(12, 12 + size));
	const fields = [...header.matchAll(/\(('(?:\\.|[^'])*'), '(<f8|<U\d+)'\)/g)].map(([, name, type]) => ({
		name: name!.slice(1, -1).replace(/\\(.)/g, '$1'),
		type: type!
	}));
	const count = Number(/'shape': \((\d+),\)/.exec(header)![1]);
	let at = 12 + size;
	const rows = Array.from({ length: count }, () =>
		fields.map(({ type }) => {
			if (type === '<f8') return view.getFloat64((at += 8) - 8, true);
			let text = '';
			for (let i = Number(type.slice(2)); i > 0; i--, at += 4) {
				const code = view.getUint32(at, true);
				if (code) text += String.fromCodePoint(code);
			}
			return text;
		})
	);
	return { header, fields, rows, end: at, aligned: (12 + size) % 64 === 0 };
}

describe('numbers', () => {
	it('writes CSV with quoting and empty cells', () => {
		expect(csvText(table)).toBe(
			'projector,M,"value (patches\'), ×"\n"c-abs, ""new""",36,-0.5\nd-abs,144,\nRésampler,9,1.25e-7\n'
		);
	});

	it('writes JSON with null where there is no number', () => {
		const about = { figure: 'f', title: 't', provenance: 'p', method: 'm' };
		const value = JSON.parse(jsonText(table, about)) as { rows: unknown[][]; figure: string };
		expect(value.figure).toBe('f');
		expect(value.rows[1]).toEqual(['d-abs', 144, null]);
	});

	it('writes a structured NumPy array', () => {
		const bytes = npyBytes(table);
		expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 3, 0]);
		const { fields, rows, end, aligned, header } = readNpy(bytes);
		expect(aligned).toBe(true);
		expect(header.endsWith('\n')).toBe(true);
		expect(fields.map(({ name }) => name)).toEqual(table.columns);
		expect(rows).toEqual(table.rows);
		expect(end).toBe(bytes.length);
	});

	const numpy = (() => {
		try {
			execFileSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' });
			return true;
		} catch {
			return false;
		}
	})();

	it.runIf(numpy)('is read by NumPy itself', () => {
		const file = join(mkdtempSync(join(tmpdir(), 'npy-')), 'table.npy');
		writeFileSync(file, npyBytes(table));
		const out = execFileSync(
			'python3',
			[
				'-c',
				'import numpy,sys; a=numpy.load(sys.argv[1]); print(a["projector"][2], a["M"].sum(), a.dtype.names[2])',
				file
			],
			{ encoding: 'utf8', env: { ...process.env, PYTHONIOENCODING: 'utf8' } }
		);
		expect(out.trim()).toBe("Résampler 189.0 value (patches'), ×");
	});

	it('gives fields of the same name names of their own', () => {
		const { fields } = readNpy(npyBytes({ columns: ['a', 'a', ''], rows: [[1, 2, 3]] }));
		expect(fields.map(({ name }) => name)).toEqual(['a', 'a 2', 'column']);
	});
});

describe('LaTeX', () => {
	it('escapes what LaTeX would read as commands', () => {
		expect(escapeLatex('50 % of a_b & {c} \\ − √M')).toBe(
			'50 \\% of a\\_b \\& \\{c\\} \\textbackslash{} $-$ $\\surd$M'
		);
	});

	it('makes a booktabs table of all numbers', () => {
		const text = latexTable(table, caption);
		expect(text).toContain('\\begin{tabular}{@{}lrr@{}}');
		for (const rule of ['toprule', 'midrule', 'bottomrule']) expect(text).toContain(`\\${rule}`);
		expect(text).toContain('c-abs, "new" & 36 & $-$0.5 \\\\');
		expect(text).toContain('d-abs & 144 & -- \\\\');
		expect(text).toContain('1.25$\\times 10^{-7}$');
		expect(text.match(/(?<!\\)[&]/g)!.length).toBe(2 * 4);
	});

	it('breaks long tables over pages', () => {
		const rows = Array.from({ length: 60 }, (_, i) => ['x', i, i]);
		const text = latexTable({ columns: table.columns, rows }, caption);
		expect(text).toContain('\\begin{longtable}');
		expect(text.match(/^ +x & /gm)!.length).toBe(60);
	});

	it('captions a figure with title, reading aid and provenance', () => {
		const text = latexFigure('sweep.pdf', false, caption);
		expect(text).toContain('\\includegraphics[width=\\columnwidth]{sweep.pdf}');
		expect(text).toContain('\\caption{\\textbf{A \\& B.} 100 \\% of M\\_1. mini $\\cdot$ wasm.}');
		expect(latexFigure('sweep.pdf', true, caption)).toContain('\\begin{figure*}');
	});
});
