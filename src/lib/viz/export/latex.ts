import type { Table } from '../figure.ts';

const special: Readonly<Record<string, string>> = {
	'\\': '\\textbackslash{}',
	'{': '\\{',
	'}': '\\}',
	'&': '\\&',
	'%': '\\%',
	$: '\\$',
	'#': '\\#',
	_: '\\_',
	'~': '\\textasciitilde{}',
	'^': '\\textasciicircum{}',
	'−': '$-$',
	'×': '$\\times$',
	'·': '$\\cdot$',
	'→': '$\\rightarrow$',
	'←': '$\\leftarrow$',
	'√': '$\\surd$',
	'±': '$\\pm$',
	'≤': '$\\leq$',
	'≥': '$\\geq$',
	ε: '$\\varepsilon$',
	Σ: '$\\Sigma$',
	'∂': '$\\partial$',
	'‖': '$\\Vert$',
	'²': '$^2$',
	'³': '$^3$',
	'–': '--',
	'—': '---',
	'’': "'",
	'‘': '`',
	'“': '``',
	'”': "''",
	'…': '\\ldots{}',
	'\u00A0': '~'
};

/** Text that LaTeX sets as it stands. */
export function escapeLatex(text: string): string {
	return [...text].map((letter) => special[letter] ?? letter).join('');
}

/** Rows from which a table no longer fits a page and becomes a longtable. */
const LONG = 45;

export interface Caption {
	readonly id: string;
	readonly title: string;
	readonly readingAid: string;
	readonly provenance: string;
}

const captionText = ({ title, readingAid, provenance }: Caption) =>
	`\\textbf{${escapeLatex(title)}.} ${escapeLatex(readingAid)} ${escapeLatex(provenance.replace(/\.?$/, '.'))}`;

/** The numbers as a `booktabs` table, all of them; many rows make a `longtable`. */
export function latexTable(table: Table, caption: Caption): string {
	const isWords = table.columns.map((_, column) => table.rows.some((row) => typeof row[column] === 'string'));
	const alignment = isWords.map((words) => (words ? 'l' : 'r')).join('');
	const line = (cells: readonly string[]) => `    ${cells.join(' & ')} \\\\`;
	const head = line(table.columns.map(escapeLatex));
	const body = table.rows.map((row) =>
		line(row.map((cell) => (typeof cell === 'number' ? latexNumber(cell) : escapeLatex(cell))))
	);
	const end = `\\caption{${captionText(caption)}}\n  \\label{tab:${caption.id}}`;
	if (table.rows.length > LONG)
		return [
			'% \\usepackage{booktabs,longtable}',
			`\\begin{longtable}{@{}${alignment}@{}}`,
			`  ${end} \\\\`,
			'    \\toprule',
			head,
			'    \\midrule',
			'    \\endhead',
			...body,
			'    \\bottomrule',
			'\\end{longtable}',
			''
		].join('\n');
	return [
		'% \\usepackage{booktabs}',
		'\\begin{table}',
		'  \\centering',
		`  ${end}`,
		`  \\begin{tabular}{@{}${alignment}@{}}`,
		'    \\toprule',
		head,
		'    \\midrule',
		...body,
		'    \\bottomrule',
		'  \\end{tabular}',
		'\\end{table}',
		''
	].join('\n');
}

/** Includes the PDF of the figure, with a caption of its title, reading aid and provenance. */
export function latexFigure(file: string, wide: boolean, caption: Caption): string {
	const figure = wide ? 'figure*' : 'figure';
	return [
		'% \\usepackage{graphicx}',
		`\\begin{${figure}}`,
		'  \\centering',
		`  \\includegraphics[width=${wide ? '\\textwidth' : '\\columnwidth'}]{${file}}`,
		`  \\caption{${captionText(caption)}}`,
		`  \\label{fig:${caption.id}}`,
		`\\end{${figure}}`,
		''
	].join('\n');
}

function latexNumber(value: number): string {
	if (!Number.isFinite(value)) return '--';
	const [mantissa, exponent] = `${value}`.split('e');
	const digits = mantissa!.startsWith('-') ? `$-$${mantissa!.slice(1)}` : mantissa!;
	return exponent === undefined ? digits : `${digits}$\\times 10^{${Number(exponent)}}$`;
}
