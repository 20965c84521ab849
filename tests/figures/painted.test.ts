// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { projectorStyles as projectors } from '../../src/lib/model/projectors/registry.ts';
import { defaultPrint, type Cells } from '../../src/lib/viz/export/print.ts';
import { printedFigure } from '../../src/lib/viz/export/svg-file.ts';
import type { Figure } from '../../src/lib/viz/figure.ts';
import type { FigureImage } from '../../src/lib/viz/image-panel.ts';
import { figures } from '../../src/lib/viz/registry.ts';
import { examples } from './examples.ts';

/** What svg2pdf.js 2.8 paints, of what figures use; anything else would be missing in the PDF without a word. */
const elements = ['svg', 'g', 'path', 'rect', 'circle', 'ellipse', 'line', 'text', 'tspan', 'image', 'title'];
const numbers = [
	...['x', 'y', 'x1', 'x2', 'y1', 'y2', 'dx', 'dy', 'cx', 'cy', 'r', 'rx', 'ry'],
	...[
		'stroke-width',
		'stroke-miterlimit',
		'stroke-dashoffset',
		'opacity',
		'fill-opacity',
		'stroke-opacity',
		'font-size'
	]
];
const words: Readonly<Record<string, RegExp>> = {
	fill: /^(none|#[0-9a-f]{3}|#[0-9a-f]{6})$/i,
	stroke: /^(none|#[0-9a-f]{3}|#[0-9a-f]{6})$/i,
	'font-weight': /^(normal|bold|[1-9]00)$/,
	'font-style': /^(normal|italic)$/,
	'font-variant': /^(normal|tabular-nums)$/,
	'text-anchor': /^(start|middle|end)$/,
	'stroke-linecap': /^(butt|round|square)$/,
	'stroke-linejoin': /^(miter|round|bevel)$/,
	'stroke-dasharray': /^(none|[\d.]+([ ,]+[\d.]+)*)$/,
	transform: /^(\s*(translate|rotate|scale)\([-\d.eE, ]+\))+$/,
	preserveAspectRatio: /^none$/,
	d: /^[\sMmLlHhVvCcSsQqTtAaZz0-9eE.,+-]*$/,
	visibility: /^visible$/
};
/** They change nothing that is painted. */
const silent =
	/^(role|aria-.*|xmlns(:.*)?|href|xlink:href|font-family|viewBox|shape-rendering|image-rendering|overflow|data-.*|id)$/;

/** Of the root in inches, of images and rectangles in pixels. */
const lengths = ['width', 'height'];

function unpainted(svg: SVGSVGElement): string[] {
	return [svg, ...Array.from(svg.querySelectorAll('*'))].flatMap((element) => {
		const name = element.localName;
		if (!elements.includes(name)) return [`<${name}>`];
		const faults = Array.from(element.attributes).flatMap(({ name: attribute, value }) => {
			if (silent.test(attribute)) return [];
			const isNumber = /^-?[\d.]+(e-?\d+)?$/.test(value);
			if (lengths.includes(attribute))
				return isNumber || element === svg ? [] : [`${name} ${attribute}="${value}"`];
			if (numbers.includes(attribute))
				return isNumber || /^-?[\d.]+em$/.test(value) ? [] : [`${name} ${attribute}="${value}"`];
			return words[attribute]?.test(value) ? [] : [`${name} ${attribute}="${value.slice(0, 60)}"`];
		});
		// Opacities below each other are not multiplied.
		const nested = element.hasAttribute('opacity') && element.parentElement?.closest('[opacity]');
		return nested ? [...faults, `${name} opacity inside another`] : faults;
	});
}

const all = figures as unknown as readonly Figure<unknown>[];

describe.each(all.map((figure) => ({ id: figure.id, figure })))('$id', ({ id, figure }) => {
	const rows = (examples as unknown as Record<string, { readonly image?: FigureImage }>)[id]!;
	const wide = rows.image && { ...rows, image: { ...rows.image, aspect: 2 } };

	it.each<Cells>(['image', 'shapes'])('uses nothing that a PDF cannot show, cells as %s', async (cells) => {
		const print = { ...defaultPrint, cells };
		for (const shown of wide ? [rows, wide] : [rows])
			for (const selection of [
				{},
				{ token: 1, patch: 2, word: 0, layer: 0, head: 0, point: 0, step: 0, row: 0, column: 0 }
			])
				expect(
					unpainted(await printedFigure(figure, shown, { projectors, selection }, print, 'pdf'))
				).toEqual([]);
	});
});

it('finds what a PDF cannot show', () => {
	document.body.innerHTML =
		'<svg><g opacity="0.5"><path fill="hsl(1,2%,3%)" opacity="0.5" d="M0 0"/></g><text letter-spacing="2" dominant-baseline="middle" x="3mm">a</text><filter/></svg>';
	expect(unpainted(document.querySelector('svg')!)).toHaveLength(6);
});
