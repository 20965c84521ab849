import * as Inputs from '@observablehq/inputs';
import * as Plot from '@observablehq/plot';
import * as d3 from 'd3';
import * as locality from '../../analysis/locality.ts';
import * as offsets from '../../analysis/offsets.ts';
import * as similarity from '../../analysis/token-similarity.ts';
import * as statistics from '../../analysis/statistics.ts';
import type { Figure } from '../../viz/figure.ts';
import { projectorColours, type ProjectorStyles, type Theme } from '../../viz/palette.ts';
import { figures } from '../../viz/registry.ts';
import { md, tex } from './markdown.ts';

/** What draws the workbench's figures, by their id, on light or on dark paper. */
export function drawing(theme: Theme, projectors: ProjectorStyles) {
	return (id: string, rows: unknown, options: object = {}): SVGSVGElement => {
		const figure = figures.find((one) => one.id === id) as unknown as Figure<unknown> | undefined;
		if (!figure)
			throw new Error(`There is no figure “${id}”; there are ${figures.map((one) => one.id).join(', ')}.`);
		return figure.draw(rows, { width: 560, theme, projectors, emit: () => undefined, ...options });
	};
}

/** The colour that each of the projectors has on every page. */
export const colouring = (styles: ProjectorStyles) => (names: readonly string[]) =>
	projectorColours(names, styles);

/** What every cell may use besides the model, `draw` and `colours`. */
export const library = {
	Plot,
	d3,
	Inputs,
	md,
	tex,
	analysis: { ...locality, ...offsets, ...statistics, ...similarity }
} as const;

/** For completion: names with what they are. */
export const words: readonly { readonly label: string; readonly detail: string }[] = [
	{ label: 'subject', detail: 'model, projector, M and image chosen at the left; changes with them' },
	{ label: 'model.ask', detail: '(question, {projector, tokens, image}) → {text, timings_ms, …}' },
	{ label: 'model.trace', detail: '(names, {projector, tokens, image}) → tensors by name' },
	{ label: 'model.file', detail: '(name) → JSON file of the model folder' },
	{ label: 'locality', detail: '({projector, tokens, method, directions}) → token → patch map' },
	{ label: 'offsets', detail: '({projector, tokens}) → samples of a D-Abstractor' },
	{ label: 'compare', detail: '(projectors, question) → one answer each' },
	{ label: 'sweep', detail: '(projector, Ms, question) → answer and times at each M' },
	{ label: 'scenes', detail: '(count) → held-out scenes with questions and answers' },
	{ label: 'draw', detail: '(figure, rows, options) → one of the workbench’s figures' },
	{ label: 'colours', detail: '(projectors) → the colour that each has on every page' },
	{ label: 'analysis', detail: 'tokenLocalities, summariseLocality, coverage, wilson, …' },
	{ label: 'display', detail: '(value) shows a value below the cell' },
	{ label: 'view', detail: '(input) shows an input and gives its value' },
	{ label: 'progress', detail: '(done, total) draws a bar while a cell runs' },
	{ label: 'width', detail: 'of the notebook, pixels' },
	{ label: 'Plot', detail: 'Observable Plot' },
	{ label: 'd3', detail: 'D3' },
	{ label: 'Inputs', detail: 'Observable Inputs' },
	{ label: 'md', detail: 'Markdown as a template' },
	{ label: 'tex', detail: 'TeX as a template' }
];

/** Names in one of the libraries, for completion after its dot. */
export function members(owner: string): readonly string[] {
	const known: Readonly<Record<string, object>> = {
		Plot,
		d3,
		Inputs,
		analysis: library.analysis,
		tex: { block: tex.block }
	};
	return Object.hasOwn(known, owner) ? Object.keys(known[owner]!) : [];
}
