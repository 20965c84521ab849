import { toBase64 } from '../../bytes/base64.ts';
import { jsPDF } from 'jspdf';
import { svg2pdf } from 'svg2pdf.js';
import { capsuleText, type Capsule } from './capsule.ts';
import { CAPSULE_FILE } from './embed.ts';
import sansBold from './fonts/LiberationSans-Bold.ttf?url';
import sansRegular from './fonts/LiberationSans-Regular.ttf?url';
import serifBold from './fonts/LiberationSerif-Bold.ttf?url';
import serifRegular from './fonts/LiberationSerif-Regular.ttf?url';
import type { Typeface } from './print.ts';

const POINTS_PER_INCH = 72;

interface Family {
	/** Its name in the PDF, and in the page while the figure is measured. */
	readonly name: string;
	/** Addresses of its files. */
	readonly files: Readonly<Record<'normal' | 'bold', string>>;
}

/** Fonts with the widths of Arial and Times, and with the signs that figures use; PDF's own fonts have no − or →. */
const fonts: Readonly<Record<Typeface, Family>> = {
	sans: { name: 'LiberationSans', files: { normal: sansRegular, bold: sansBold } },
	serif: { name: 'LiberationSerif', files: { normal: serifRegular, bold: serifBold } }
};

/** What jsPDF offers its own plug-ins for writing objects; its types leave it out. */
interface Writer {
	readonly events: { subscribe(topic: 'postPutResources' | 'putCatalog', callback: () => void): void };
	newObject(): number;
	write(...words: (string | number)[]): void;
}

export interface PdfOptions {
	readonly inches: { readonly width: number; readonly height: number };
	readonly typeface: Typeface;
	readonly title: string;
	readonly capsule?: Capsule;
}

/** A printed figure as PDF: vector shapes, text with embedded fonts, the capsule attached. In the browser only. */
export async function pdfFile(svg: SVGSVGElement, options: PdfOptions): Promise<Uint8Array<ArrayBuffer>> {
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
	const family = fonts[typeface];
	for (const [style, address] of Object.entries(family.files)) {
		const bytes = await bytesAt(address);
		const file = `${family.name}-${style}.ttf`;
		pdf.addFileToVFS(file, toBase64(bytes));
		pdf.addFont(file, family.name, style);
		await makeMeasurable(family.name, style, bytes);
	}
	pdf.setFont(family.name);
	pdf.setDocumentProperties({ title, creator: 'Honeybee workbench' });
	if (capsule) attach(pdf, CAPSULE_FILE, capsuleText(capsule));
	const drawing = prepared(svg, family.name);
	// Measuring text needs a drawing that is part of the page.
	const holder = document.createElement('div');
	holder.style.cssText = 'position:absolute; left:-10000px; top:0; visibility:hidden;';
	holder.append(drawing);
	document.body.append(holder);
	try {
		await svg2pdf(drawing, pdf, { x: 0, y: 0, width, height });
	} finally {
		holder.remove();
	}
	return new Uint8Array(pdf.output('arraybuffer'));
}

/** A copy in the embedded family, without metadata. */
function prepared(svg: SVGSVGElement, family: string): SVGSVGElement {
	const copy = svg.cloneNode(true) as SVGSVGElement;
	copy.querySelectorAll('metadata').forEach((element) => element.remove());
	for (const element of [copy, ...Array.from(copy.querySelectorAll('[font-family]'))])
		element.setAttribute('font-family', family);
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

/** Anchored text is placed by its width, which the page measures: it needs the font, too. */
async function makeMeasurable(name: string, weight: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
	if ([...document.fonts].some((face) => face.family === name && face.weight === weight)) return;
	document.fonts.add(await new FontFace(name, bytes, { weight }).load());
}

async function bytesAt(address: string): Promise<Uint8Array<ArrayBuffer>> {
	const response = await fetch(address);
	if (!response.ok) throw new Error('The fonts for the PDF could not be fetched; reload the page.');
	return new Uint8Array(await response.arrayBuffer());
}
