import { toBase64 } from '../../bytes/base64.ts';
import { InputError } from '../../tensor/errors.ts';
import { jsPDF } from 'jspdf';
// Its entry for Node is no module; this file is the same code for both.
import { svg2pdf } from 'svg2pdf.js/dist/svg2pdf.es.js';
import { capsuleText, type Capsule } from './capsule.ts';
import { CAPSULE_FILE } from './embed.ts';
import type { Typeface } from './print.ts';

const POINTS_PER_INCH = 72;

/** Names of the families that are embedded, in the PDF, and where the figure is measured. */
const families: Readonly<Record<Typeface, string>> = { sans: 'LiberationSans', serif: 'LiberationSerif' };

/** Fonts with the widths of Arial and Times, and with the signs that figures use; PDF's own fonts have no − or →. */
export type FontFiles = Readonly<Record<'normal' | 'bold', Uint8Array<ArrayBuffer>>>;

/** What a PDF is made with, where it is made. */
export interface PdfMeans {
	readonly document: Document;
	fonts(typeface: Typeface): Promise<FontFiles>;
	/** Runs what needs the document, in which text of the embedded fonts can be measured by `width` (of type 1). */
	within<T>(measure: Measure, work: () => Promise<T>): Promise<T>;
}

export interface Measure {
	readonly family: string;
	readonly fonts: FontFiles;
	/** Of a text in type of one pixel. */
	width(text: string, bold: boolean): number;
}

/** What jsPDF offers its own plug-ins for writing objects; its types leave it out. */
interface Writer {
	readonly events: { subscribe(topic: 'postPutResources' | 'putCatalog', callback: () => void): void };
	newObject(): number;
	write(...words: (string | number)[]): void;
	getFont(family: string, style: string): { readonly metadata: FontMetadata };
}

/** A font as jsPDF has read it. */
interface FontMetadata {
	readonly cmap: { readonly unicode: { readonly codeMap: Record<number, number> } };
	characterToGlyph(code: number): number;
}

export interface PdfOptions {
	readonly inches: { readonly width: number; readonly height: number };
	readonly typeface: Typeface;
	readonly title: string;
	readonly capsule?: Capsule;
}

/**
 * A printed figure as PDF: vector shapes, text with embedded fonts, the capsule attached.
 * @throws InputError naming letters that the embedded fonts do not have
 */
export async function pdfFile(
	svg: SVGSVGElement,
	options: PdfOptions,
	means: PdfMeans
): Promise<Uint8Array<ArrayBuffer>> {
	const { typeface, title, capsule } = options;
	const width = options.inches.width * POINTS_PER_INCH;
	const height = options.inches.height * POINTS_PER_INCH;
	const pdf = new jsPDF({
		unit: 'pt',
		format: [width, height],
		orientation: width > height ? 'landscape' : 'portrait',
		compress: true,
		putOnlyUsedFonts: true
	});
	const family = families[typeface];
	const fonts = await means.fonts(typeface);
	for (const style of ['normal', 'bold'] as const) {
		const file = `${family}-${style}.ttf`;
		pdf.addFileToVFS(file, toBase64(fonts[style]));
		pdf.addFont(file, family, style);
	}
	const { internal } = pdf as unknown as { internal: Writer };
	const metadata = {
		normal: internal.getFont(family, 'normal').metadata,
		bold: internal.getFont(family, 'bold').metadata
	};
	for (const font of Object.values(metadata)) giveMissing(font);
	pdf.setFont(family);
	pdf.setDocumentProperties({ title, creator: 'Honeybee workbench' });
	if (capsule) attach(pdf, CAPSULE_FILE, capsuleText(capsule));
	const drawing = prepared(svg, family);
	refuseUnknown(drawing, metadata.normal);
	const measure = {
		family,
		fonts,
		width: (text: string, bold: boolean) =>
			pdf.setFont(family, bold ? 'bold' : 'normal').getStringUnitWidth(text)
	};
	// Measuring text needs a drawing that is part of the page.
	const holder = means.document.createElement('div');
	holder.setAttribute('style', 'position:absolute; left:-10000px; top:0; visibility:hidden;');
	holder.append(drawing);
	means.document.body.append(holder);
	try {
		await means.within(measure, () => svg2pdf(drawing, pdf, { x: 0, y: 0, width, height }));
	} finally {
		holder.remove();
	}
	return new Uint8Array(pdf.output('arraybuffer'));
}

/** Tokenizers write the space before a word as ▁, which the fonts lack: a low bar of theirs, which figures never use, stands for it. */
function giveMissing({ cmap }: FontMetadata): void {
	const { codeMap } = cmap.unicode;
	codeMap['▁'.charCodeAt(0)] ??= codeMap['ˍ'.charCodeAt(0)]!;
	// Letters that are not seen have pictures of themselves in these fonts, all but one.
	for (const unseen of '\u200C\u200D\u200E\u200F\u2060\uFEFF')
		codeMap[unseen.charCodeAt(0)] = codeMap['\u200B'.charCodeAt(0)]!;
}

/** @throws InputError naming letters that the font lacks: they would be left out */
function refuseUnknown(drawing: SVGSVGElement, font: FontMetadata): void {
	const letters = new Set(
		Array.from(drawing.querySelectorAll('text')).flatMap((text) => [...(text.textContent ?? '')])
	);
	const unknown = [...letters].filter(
		(letter) =>
			!/[\s\u00A0\u200B-\u200F\u2060]/.test(letter) &&
			!(letter.length === 1 && font.characterToGlyph(letter.charCodeAt(0)) > 0)
	);
	if (unknown.length === 0) return;
	const codes = unknown.map(
		(letter) => `U+${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
	);
	throw new InputError(
		`The fonts for the PDF have no ${unknown.slice(0, 12).join(' ')} (${codes.slice(0, 12).join(', ')}${codes.length > 12 ? ` and ${codes.length - 12} more` : ''}); export SVG or PNG, which take the fonts of this machine.`
	);
}

/** A copy in the embedded family, without metadata; letters and their marks are one where there is such a letter. */
function prepared(svg: SVGSVGElement, family: string): SVGSVGElement {
	const copy = svg.cloneNode(true) as SVGSVGElement;
	copy.querySelectorAll('metadata').forEach((element) => element.remove());
	for (const element of [copy, ...Array.from(copy.querySelectorAll('[font-family]'))])
		element.setAttribute('font-family', family);
	copy.querySelectorAll('text').forEach((text) => {
		const composed = (text.textContent ?? '').normalize('NFC');
		// Lines run from left to right: jsPDF leaves one that has no letter of that kind unordered.
		const ordered = /\p{Script=Hebrew}/u.test(composed) ? `\u200E${composed}` : composed;
		if (text.children.length === 0 && ordered !== text.textContent) text.textContent = ordered;
	});
	// Two weights are embedded.
	copy.querySelectorAll('[font-weight]').forEach((element) => {
		const weight = element.getAttribute('font-weight') ?? '';
		element.setAttribute('font-weight', weight === 'bold' || Number(weight) >= 600 ? 'bold' : 'normal');
	});
	// Readers smooth the edges of neighbouring cells, and paper shines through; a hair of the same colour closes the gap.
	copy.querySelectorAll('g[shape-rendering="crispEdges"]:not([opacity]) > path').forEach((cells) => {
		cells.setAttribute('stroke', cells.getAttribute('fill') ?? 'none');
		cells.setAttribute('stroke-width', '0.35');
	});
	return copy;
}

/** Embeds a text file that readers show among the document's attachments (PDF 1.7, 7.11.4). */
function attach(pdf: jsPDF, name: string, ascii: string): void {
	const { internal } = pdf as unknown as { internal: Writer };
	let specification = 0;
	internal.events.subscribe('postPutResources', () => {
		const file = internal.newObject();
		internal.write(
			`<< /Type /EmbeddedFile /Subtype /application#2Fjson /Length ${ascii.length} /Params << /Size ${ascii.length} >> >>`
		);
		internal.write('stream');
		internal.write(ascii);
		internal.write('endstream');
		internal.write('endobj');
		specification = internal.newObject();
		internal.write(
			`<< /Type /Filespec /F (${name}) /UF (${name}) /EF << /F ${file} 0 R >> /AFRelationship /Source >>`
		);
		internal.write('endobj');
	});
	internal.events.subscribe('putCatalog', () => {
		internal.write(`/Names << /EmbeddedFiles << /Names [(${name}) ${specification} 0 R] >> >>`);
		internal.write(`/AF [${specification} 0 R]`);
	});
}
