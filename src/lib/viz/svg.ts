import type { FigureOptions } from './figure.ts';
import { inkOf } from './palette.ts';

const NAMESPACE = 'http://www.w3.org/2000/svg';
export const FONT =
	"-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif";
/** Height of a line of text, pixels. */
export const LINE = 18;

type Value = string | number | undefined;
export type Attributes = Readonly<Record<string, Value>>;

/** Makes elements of one document. Numbers are rounded to hundredths of a pixel; undefined attributes are left out. */
export interface Pen {
	<K extends keyof SVGElementTagNameMap>(
		name: K,
		attributes?: Attributes,
		children?: readonly (SVGElement | string)[]
	): SVGElementTagNameMap[K];
}

export function penOf(options: Pick<FigureOptions, 'document'>): Pen {
	const page = options.document ?? globalThis.document;
	return (name, attributes = {}, children = []) => {
		const element = page.createElementNS(NAMESPACE, name);
		for (const [key, value] of Object.entries(attributes))
			if (value !== undefined)
				element.setAttribute(key, typeof value === 'number' ? `${round(value)}` : value);
		element.append(...children);
		return element;
	};
}

export function round(value: number): number {
	return Math.round(value * 100) / 100;
}

/** The figure's root: white space is transparent, type and colours are its own so that it can leave the page as it is. */
export function root(
	pen: Pen,
	options: FigureOptions,
	height: number,
	label: string,
	children: readonly SVGElement[]
): SVGSVGElement {
	const { width } = options;
	return pen(
		'svg',
		{
			width,
			height,
			viewBox: `0 0 ${round(width)} ${round(height)}`,
			role: 'img',
			'aria-label': label,
			fill: inkOf(options.theme).ink,
			'font-family': FONT,
			'font-size': 12,
			style: 'font-variant-numeric: tabular-nums; max-width: 100%; height: auto; display: block;'
		},
		children
	);
}

/** One line of text; `y` is its baseline. */
export function text(
	pen: Pen,
	x: number,
	y: number,
	content: string,
	attributes: Attributes = {}
): SVGTextElement {
	return pen('text', { x, y, ...attributes }, [content]);
}

/** Native tooltip and accessible name. */
export function title(pen: Pen, content: string): SVGTitleElement {
	return pen('title', {}, [content]);
}
