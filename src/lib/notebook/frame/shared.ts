import * as Inputs from '@observablehq/inputs';
import * as Plot from '@observablehq/plot';
import * as d3 from 'd3';
import * as htl from 'htl';
import * as topojson from 'topojson-client';
import { analysis } from './library.ts';
import type { SharedName } from '../reference.ts';
import { dotWith } from './dot.ts';
import { DOM, Generators, Mutable, Promises } from './kit.ts';
import { md, tex } from './markdown.ts';
import { resize } from './resize.ts';
import type { Supplies } from './supplies.ts';

/** What changes under the cells. */
export type Changing = Pick<
	Readonly<Record<SharedName, () => unknown>>,
	'subject' | 'draw' | 'colours' | 'width' | 'dark' | 'FileAttachment'
>;

/** Names that all cells share, as the runtime takes them; each is made when a cell uses it. */
export function sharedNames(
	changing: Changing,
	supplies: Supplies
): Readonly<Record<SharedName, () => unknown>> {
	return {
		...changing,
		analysis: () => analysis,
		Plot: () => Plot,
		d3: () => d3,
		topojson: () => topojson,
		aq: () => supplies.library('arquero'),
		_: async () => ((await supplies.library('lodash')) as { default: unknown }).default,
		Inputs: () => Inputs,
		resize: () => resize,
		md: () => md,
		tex: () => tex,
		html: () => htl.html,
		svg: () => htl.svg,
		htl: () => htl,
		dot: async () => dotWith(await supplies.library('@viz-js/viz')),
		DOM: () => DOM,
		Mutable: () => Mutable,
		Generators: () => Generators,
		Promises: () => Promises,
		now: () => Generators.now(),
		require:
			() =>
			async (...names: string[]) => {
				const modules = await Promise.all(names.map((name) => supplies.module(plainName(name))));
				return modules.length === 1 ? modules[0] : (Object.assign({}, ...modules) as object);
			}
	};
}

/** `d3@6` is the d3 that is here. */
const plainName = (name: string) => name.replace(/^(@?[^@]+)@[^/]*$/, '$1');
