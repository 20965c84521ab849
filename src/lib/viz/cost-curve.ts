import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries } from './series-chart.ts';

/** What one configuration costs by the model of its config. */
export interface CostPoint {
	readonly projector: string;
	/** M */
	readonly tokens: number;
	readonly value: number;
}

export interface CostRows {
	/** E.g. "Prefill (floating-point operations)". */
	readonly quantity: string;
	readonly points: readonly CostPoint[];
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}

export const costCurve: Figure<CostRows> = {
	id: 'cost-curve',
	title: 'Operations and memory against the number of visual tokens',
	readingAid:
		'Computed from the model’s config for every M that the projector can be run at; nothing here was measured.',
	method:
		'A multiplication with its addition counts as two operations; matrix products, convolutions, attention and sampling are counted, elementwise work is not. Memory: all weights, keys and values of the prompt, and the patches’ features.',
	draw: ({ quantity, points, projectors }, options) =>
		drawSeries(
			{
				title: costCurve.title,
				points: points.map(({ projector, tokens, value }) => ({
					...{ series: projector, projector, origin: 'computed', x: tokens, y: value },
					words: `${projectorTitle(projector, options.projectors)}, M = ${tokens}: ${number(value)}.`
				})),
				x: { label: 'M, visual tokens', type: 'sqrt', ticks: points.map(({ tokens }) => tokens) },
				y: { label: quantity },
				projectors
			},
			options
		),
	table: ({ quantity, points }) => ({
		columns: ['projector', 'M', quantity],
		rows: points.map(({ projector, tokens, value }) => [projector, tokens, exact(value)])
	}),
	paper: ({ quantity, points }, styles) =>
		pivoted(
			['Projector'],
			[...points]
				.sort((a, b) => a.tokens - b.tokens)
				.map(({ projector, tokens, value }) => ({
					names: [projectorTitle(projector, styles)],
					column: `${quantity}, M = ${tokens}`,
					cell: { value }
				})),
			() => 'less'
		)
};
