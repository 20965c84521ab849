import * as Inputs from '@observablehq/inputs';
import * as Plot from '@observablehq/plot';
import * as d3 from 'd3';
import * as locality from '../../analysis/locality.ts';
import * as offsets from '../../analysis/offsets.ts';
import * as structure from '../../analysis/structure.ts';
import * as similarity from '../../analysis/token-similarity.ts';
import * as statistics from '../../analysis/statistics.ts';
import type { Figure } from '../../viz/figure.ts';
import { projectorColours, type ProjectorStyles, type Theme } from '../../viz/palette.ts';
import { figures } from '../../viz/registry.ts';
import * as htl from 'htl';
import * as topojson from 'topojson-client';
import { DOM, Generators, Promises } from './kit.ts';
import { tex } from './markdown.ts';

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

/** Measures and statistics of the workbench. */
export const analysis = { ...locality, ...offsets, ...statistics, ...similarity, ...structure };

/** Names in one of the libraries, for completion after its dot. */
export function members(owner: string): readonly string[] {
	const known: Readonly<Record<string, object>> = {
		Plot,
		d3,
		Inputs,
		analysis,
		tex: { block: tex.block },
		htl,
		topojson,
		DOM,
		Generators,
		Promises
	};
	return Object.hasOwn(known, owner) ? Object.keys(known[owner]!) : [];
}
