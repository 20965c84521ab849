import { plot, type PlotOptions } from '@observablehq/plot';
import type { FigureOptions } from './figure.ts';
import { inkOf } from './palette.ts';
import { FONT } from './svg.ts';

/** A drawn chart and its scales. */
export type Chart = SVGSVGElement & {
	scale(name: 'x' | 'y'): { apply(value: number): number } | undefined;
};

/** A Plot chart in the figure's type and literal colours: without style sheet and `currentColor`, so that it looks the same as a file. */
export function plotChart(options: FigureOptions, chart: PlotOptions): Chart {
	const { ink } = inkOf(options.theme);
	const svg = plot({
		...chart,
		document: options.document ?? globalThis.document,
		width: options.width
	}) as unknown as Chart;
	svg.querySelectorAll('style').forEach((style) => style.remove());
	for (const name of ['fill', 'stroke'] as const)
		for (const element of [svg, ...Array.from(svg.querySelectorAll(`[${name}="currentColor"]`))])
			if (element.getAttribute(name) === 'currentColor') element.setAttribute(name, ink);
	// Names of groups that have no role, which no reader of the page may hear; the figure's own name says what it is.
	svg.querySelectorAll('g[aria-label]:not([aria-hidden])').forEach((group) => {
		if (!group.querySelector('text')) group.removeAttribute('aria-label');
	});
	svg.removeAttribute('class');
	svg.removeAttribute('style');
	svg.setAttribute('overflow', 'visible');
	svg.setAttribute('font-family', FONT);
	svg.setAttribute('font-size', '12');
	return svg;
}
