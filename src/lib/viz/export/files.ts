import { zipSync, strToU8 } from 'fflate';
import type { Figure, FigureOptions, Selection, Table } from '../figure.ts';
import { makeCapsule, type Capsule, type CapsuleOrigin, type CapsuleSet } from './capsule.ts';
import { packDrawing } from './drawing.ts';
import { embedInPng, embedInSvg } from './embed.ts';
import { latexFigure, latexPaperTable, latexTable } from './latex.ts';
import { csvText, jsonText, npyBytes } from './numbers.ts';
import type { PdfMeans } from './pdf.ts';
import { keepPicturesOnce } from './pictures.ts';
import { drawnWidth, inchesPerPixel, type PrintOptions } from './print.ts';
import { rasterise } from './raster.ts';
import { LETTER_ROOM, printedFigure, svgText } from './svg-file.ts';

/** A figure as it stands on a page: all that an export needs. */
export interface Exportable {
	readonly figure: Figure<unknown, object>;
	readonly rows: unknown;
	readonly options: Omit<FigureOptions, 'width'>;
	readonly selection: Selection;
	readonly provenance: string;
	readonly method: string;
	/** Which of the figures of that id on the page. */
	readonly ordinal: number;
	/** The set of images that it is taken over. */
	readonly set?: CapsuleSet | undefined;
	/** What it was made from, where that is not the workbench as it is now: a figure that was opened from a file. */
	readonly origin?: CapsuleOrigin | undefined;
	/** Page and its state that the file opens, where it is not the page it is exported from. */
	readonly address?: string | undefined;
	/** The page's model has computed nothing of it, so that the file does not name it as its origin. */
	readonly elsewhere?: boolean | undefined;
}

/**
 * What a figure says of its method: the phrase of how this one was made, its own words, and where it shows places what the model says of them.
 * @param caveat the model's (`ModelManifest.provenance.caveat`)
 */
export function fullMethod(
	{ method, ofPlaces }: Pick<Figure<never>, 'method' | 'ofPlaces'>,
	phrase: string | undefined,
	caveat: string | undefined
): string {
	const words = phrase === undefined ? method : `${phrase}. ${method}`;
	return ofPlaces && caveat !== undefined ? `${words} ${caveat}` : words;
}

export const formats = ['svg', 'pdf', 'png', 'csv', 'json', 'npy', 'table.tex', 'figure.tex'] as const;
export type Format = (typeof formats)[number];

export interface FormatMeaning {
	readonly label: string;
	/** What it is good for, a phrase. */
	readonly hint: string;
	readonly type: string;
	readonly what: 'picture' | 'numbers' | 'LaTeX';
}

export const meanings: Readonly<Record<Format, FormatMeaning>> = {
	svg: {
		label: 'SVG',
		hint: 'vector picture, text stays text: Illustrator, Inkscape, the web',
		type: 'image/svg+xml',
		what: 'picture'
	},
	pdf: { label: 'PDF', hint: 'vector picture for LaTeX', type: 'application/pdf', what: 'picture' },
	png: {
		label: 'PNG',
		hint: 'pixels at the resolution chosen here: slides, messages',
		type: 'image/png',
		what: 'picture'
	},
	csv: { label: 'CSV', hint: 'the table behind the figure', type: 'text/csv', what: 'numbers' },
	json: {
		label: 'JSON',
		hint: 'the same with what it was made from; opens here again',
		type: 'application/json',
		what: 'numbers'
	},
	npy: { label: 'NPY', hint: 'array for NumPy', type: 'application/octet-stream', what: 'numbers' },
	'table.tex': { label: 'table', hint: 'booktabs table of the numbers', type: 'text/x-tex', what: 'LaTeX' },
	'figure.tex': {
		label: 'figure with caption',
		hint: 'figure environment with \\includegraphics, caption and label; goes with the PDF',
		type: 'text/x-tex',
		what: 'LaTeX'
	}
};

export interface ExportContext {
	readonly print: PrintOptions;
	/** Version of the workbench. */
	readonly application: string;
	readonly origin?: CapsuleOrigin;
	/** What PDFs are made with; the page's own when absent. */
	readonly pdf?: PdfMeans;
}

/** Name of a figure's files without extension: its id, its number when it is not the first, its panel letter. */
export function baseName({ figure, ordinal }: Exportable, print: PrintOptions): string {
	const letter = print.letter.replace(/[^\p{L}\p{N}]/gu, '');
	return [figure.id, ...(ordinal > 0 ? [`${ordinal + 1}`] : []), ...(letter ? [letter] : [])].join('-');
}

export function capsuleOf(item: Exportable, context: ExportContext, table: Table): Capsule | undefined {
	const { figure, ordinal, provenance, method, address, set, rows, elsewhere } = item;
	const origin = item.origin ?? context.origin;
	if (origin === undefined) return undefined;
	const { projectors: _, document: __, emit: ___, ...options } = item.options;
	const drawing = packDrawing({ rows, options });
	return makeCapsule({
		application: context.application,
		figure: { id: figure.id, title: figure.title, ordinal },
		provenance,
		method,
		...(set && { set }),
		origin: {
			...(elsewhere ? { address: origin.address } : origin),
			...(address !== undefined && { address })
		},
		table,
		...(drawing !== undefined && { drawing })
	});
}

/** One file of one figure. PNG needs a browser, and PDF, unless the context has means for it. */
export async function exportFile(
	item: Exportable,
	format: Format,
	context: ExportContext
): Promise<Uint8Array<ArrayBuffer>> {
	const { figure, rows, provenance, method } = item;
	const { print } = context;
	const table = figure.table(rows);
	const caption = { id: figure.id, title: figure.title, readingAid: figure.readingAid, provenance };
	switch (format) {
		case 'csv':
			return text(csvText(table));
		case 'npy':
			return npyBytes(table);
		case 'json':
			return text(
				jsonText(
					table,
					{ figure: figure.id, title: figure.title, provenance, method },
					capsuleOf(item, context, table)
				)
			);
		case 'table.tex':
			return text(
				figure.paper
					? latexPaperTable(figure.paper(rows, item.options.projectors), caption)
					: latexTable(table, caption)
			);
		case 'figure.tex':
			return text(latexFigure(`${baseName(item, print)}.pdf`, print.inches > 3.5, caption));
		case 'svg':
		case 'png':
		case 'pdf':
			return pictureFile(item, format, context, table);
	}
}

async function pictureFile(
	item: Exportable,
	format: 'svg' | 'png' | 'pdf',
	context: ExportContext,
	table: Table
): Promise<Uint8Array<ArrayBuffer>> {
	const { figure, rows } = item;
	const { print } = context;
	const capsule = capsuleOf(item, context, table);
	const svg = await printedFigure(
		figure,
		rows,
		{ ...item.options, selection: item.selection },
		print,
		format
	);
	const inches = sizeOf(svg);
	if (format === 'pdf') {
		const { pdfFile } = await import('./pdf.ts');
		return pdfFile(
			svg,
			{ inches, typeface: print.typeface, title: figure.title, ...(capsule && { capsule }) },
			context.pdf ?? (await import('./pdf-page.ts')).pageMeans
		);
	}
	keepPicturesOnce(svg);
	if (format === 'png') {
		const png = await rasterise(svgText(svg), inches, print.dpi);
		return embedInPng(png, capsule, print.dpi);
	}
	if (capsule) embedInSvg(svg, capsule);
	return text(svgText(svg));
}

/** Inches that a figure will be high on paper. @throws as the figure's `draw` */
export function printedHeight({ figure, rows, options, selection }: Exportable, print: PrintOptions): number {
	const svg = figure.draw(rows, {
		...options,
		selection,
		width: drawnWidth(print),
		height: undefined,
		printed: true,
		...(print.panels && { panels: print.panels })
	});
	const height = Number((svg.getAttribute('viewBox') ?? '').split(' ')[3]);
	return (height + (print.letter === '' ? 0 : LETTER_ROOM)) * inchesPerPixel(print);
}

/** Inches of a printed figure. */
export function sizeOf(svg: SVGSVGElement): { width: number; height: number } {
	return {
		width: Number.parseFloat(svg.getAttribute('width') ?? ''),
		height: Number.parseFloat(svg.getAttribute('height') ?? '')
	};
}

/** The figures of a page in the given formats, as one zip file. */
export async function exportAll(
	items: readonly Exportable[],
	chosen: readonly Format[],
	context: ExportContext,
	onProgress: (done: number, total: number) => void = () => undefined
): Promise<Uint8Array<ArrayBuffer>> {
	const files: Record<string, Uint8Array> = {};
	let done = 0;
	for (const item of items)
		for (const format of chosen) {
			files[`${baseName(item, context.print)}.${format}`] = await exportFile(item, format, context);
			onProgress(++done, items.length * chosen.length);
		}
	files['README.txt'] = text(contents(items, context));
	return zipSync(files, { level: 6 });
}

function contents(items: readonly Exportable[], { print }: ExportContext): string {
	return items
		.map(
			(item) =>
				`${baseName(item, print)}\n  ${item.figure.title}. ${item.figure.readingAid}\n  ${item.provenance}\n  ${item.method}\n`
		)
		.join('\n');
}

function text(content: string): Uint8Array<ArrayBuffer> {
	return strToU8(content);
}
