import { fetchedDataUrl } from '../../bytes/data-url.ts';
import type { Figure, FigureOptions } from '../figure.ts';
import { GREY } from '../image-panel.ts';
import { LINE, penOf, round } from '../svg.ts';
import { linesOf } from '../type.ts';
import { withoutColours } from './grey.ts';
import { declareReferences, refer } from './pictures.ts';
import { drawnWidth, families, inchesPerPixel, type PrintOptions } from './print.ts';

/** Pixels of the drawing kept free above a figure that has a panel letter. */
export const LETTER_ROOM = 20;

/**
 * A figure as it is printed: light, nothing that only a page has (hidden frames, classes, focus, style sheets),
 * images inside the file, sizes in inches.
 */
export async function printedFigure<Rows, Options extends object>(
	figure: Figure<Rows, Options>,
	rows: Rows,
	options: Omit<FigureOptions, 'width'> & Options,
	print: PrintOptions,
	format: 'svg' | 'pdf' | 'png' = 'svg'
): Promise<SVGSVGElement> {
	const width = drawnWidth(print);
	const svg = figure.draw(rows, {
		...options,
		width,
		height: undefined,
		theme: 'light',
		vector: print.cells === 'shapes' && (format === 'pdf' ? 'opaque' : true),
		printed: true,
		...(print.panels && { panels: print.panels }),
		emit: undefined
	});
	const pen = penOf(options);
	const [, , drawn = width, page = width] = (svg.getAttribute('viewBox') ?? '').split(' ').map(Number);
	const height = page + breakReadouts(svg, drawn);
	await tidy(svg);
	const room = print.letter === '' ? 0 : LETTER_ROOM;
	if (room > 0) {
		const panel = pen('g', { transform: `translate(0 ${room})` }, Array.from(svg.children) as SVGElement[]);
		svg.replaceChildren(
			pen('text', { x: 0, y: 14, 'font-size': 15, 'font-weight': 700 }, [print.letter]),
			panel
		);
	}
	for (const element of [svg, ...Array.from(svg.querySelectorAll('[font-family]'))])
		element.setAttribute('font-family', families[print.typeface]);
	const scale = inchesPerPixel(print);
	svg.setAttribute('viewBox', `0 0 ${round(drawn)} ${round(height + room)}`);
	svg.setAttribute('width', `${inches(drawn * scale)}in`);
	svg.setAttribute('height', `${inches((height + room) * scale)}in`);
	return svg;
}

/**
 * Breaks what is said of the selection where a page would cut it off; it stands at the figure's foot, one line below the other.
 * @returns pixels by which the figure grew
 */
function breakReadouts(svg: SVGSVGElement, width: number): number {
	let added = 0;
	for (const readout of Array.from(svg.querySelectorAll('text.readout'))) {
		const x = Number(readout.getAttribute('x') ?? 0);
		const y = Number(readout.getAttribute('y') ?? 0) + added;
		readout.setAttribute('y', `${y}`);
		readout.removeAttribute('aria-live');
		const lines = linesOf(readout.textContent ?? '', width - x);
		lines.slice(1).forEach((line, i) => {
			const further = readout.cloneNode(false) as Element;
			further.setAttribute('y', `${y + (i + 1) * LINE}`);
			further.textContent = line;
			readout.parentNode!.insertBefore(further, readout.nextSibling);
		});
		readout.textContent = lines[0] ?? '';
		added += Math.max(0, lines.length - 1) * LINE;
	}
	return added;
}

/** Thousandths are finer than any printer. */
function inches(value: number): number {
	return Number(value.toFixed(3));
}

/** Takes away what belongs to the page, and puts images into the file. */
async function tidy(svg: SVGSVGElement): Promise<void> {
	const grey = once(withoutColours);
	for (const image of Array.from(svg.querySelectorAll('image')))
		if (image.getAttribute('style') === GREY)
			image.setAttribute('href', await grey(image.getAttribute('href') ?? ''));
	svg.querySelectorAll('[visibility="hidden"], style, script').forEach((element) => element.remove());
	for (const inner of Array.from(svg.querySelectorAll('svg'))) flatten(inner);
	for (const element of [svg, ...Array.from(svg.querySelectorAll('*'))]) {
		for (const name of ['style', 'class', 'tabindex', 'pointer-events', 'aria-hidden', 'cursor'])
			element.removeAttribute(name);
		// Plot names its groups for readers of the page; in a file the names are noise.
		if (element !== svg) element.removeAttribute('aria-label');
	}
	svg.setAttribute('role', 'img');
	const fetched = once(fetchedDataUrl);
	for (const image of Array.from(svg.querySelectorAll('image'))) {
		const href = image.getAttribute('href');
		refer(image, href ? await fetched(href) : '');
	}
	declareReferences(svg);
	svg.querySelectorAll('text').forEach((text) => {
		if (text.textContent === '') text.remove();
	});
}

/** Makes of an address what `make` does, of each one once: a hundred maps may lie over one picture. */
function once(make: (href: string) => Promise<string>): (href: string) => Promise<string> {
	const made = new Map<string, Promise<string>>();
	return (href) => {
		const result = made.get(href) ?? make(href);
		made.set(href, result);
		return result;
	};
}

/** A chart inside the figure becomes a group: some editors clip or scale nested drawings. */
function flatten(inner: SVGElement): void {
	const group = inner.ownerDocument.createElementNS('http://www.w3.org/2000/svg', 'g');
	const kept = ['fill', 'font-family', 'font-size', 'font-weight', 'text-anchor', 'opacity', 'stroke'];
	for (const name of kept) {
		const value = inner.getAttribute(name);
		if (value !== null) group.setAttribute(name, value);
	}
	const [x = 0, y = 0] = ['x', 'y'].map((name) => Number(inner.getAttribute(name) ?? 0));
	if (x !== 0 || y !== 0) group.setAttribute('transform', `translate(${round(x)} ${round(y)})`);
	group.append(...Array.from(inner.childNodes));
	inner.replaceWith(group);
}

/** Characters that no XML 1.0 file may hold. A model's words can have them. */
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** An SVG element as the text of a file; what XML does not allow becomes U+FFFD. */
export function svgText(svg: SVGSVGElement): string {
	const Serializer = svg.ownerDocument.defaultView?.XMLSerializer ?? XMLSerializer;
	const text = new Serializer().serializeToString(svg).replace(forbidden, '\ufffd');
	return `<?xml version="1.0" encoding="UTF-8"?>\n${text}\n`;
}
