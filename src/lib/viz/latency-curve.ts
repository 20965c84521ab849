import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries } from './series-chart.ts';

/** Time of one stage at one M. */
export interface LatencyPoint {
	readonly projector: string;
	/** M */
	readonly tokens: number;
	/** Milliseconds: median and quartiles. */
	readonly median: number;
	readonly q1: number;
	readonly q3: number;
	/** Runs. */
	readonly n: number;
}

export interface LatencyRows {
	/** E.g. "Prefill (ms)". */
	readonly stage: string;
	readonly points: readonly LatencyPoint[];
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}

export const latencyCurve: Figure<LatencyRows> = {
	id: 'latency-curve',
	title: 'Time against the number of visual tokens',
	readingAid:
		'Each point is the median of warm runs at one M, its bar the quartiles; the axis is even in √M.',
	method:
		'One image and one question, batch 1. One run to warm up, then the runs of all projectors and M in turn, so that what else the machine does falls on all alike; nothing is taken from a cache but the first token. Decoding is per new token after the first.',
	draw: ({ stage, points, projectors }, options) =>
		drawSeries(
			{
				title: latencyCurve.title,
				points: points.map(({ projector, tokens, median, q1, q3, n }) => ({
					...{ series: projector, projector, origin: 'measured', x: tokens, y: median, low: q1, high: q3 },
					words: `${projectorTitle(projector, options.projectors)}, M = ${tokens}: ${number(median)} ms (quartiles ${number(q1)} to ${number(q3)}, ${n} runs).`
				})),
				x: { label: 'M, visual tokens', type: 'sqrt', ticks: points.map(({ tokens }) => tokens) },
				y: { label: stage },
				projectors
			},
			options
		),
	table: ({ stage, points }) => ({
		columns: ['projector', 'M', `${stage}, median`, 'quartile 1', 'quartile 3', 'runs'],
		rows: points.map(({ projector, tokens, median, q1, q3, n }) => [
			...[projector, tokens, exact(median), exact(q1), exact(q3), n]
		])
	}),
	paper: ({ stage, points }, styles) => ({
		...pivoted(
			['Projector'],
			[...points]
				.sort((a, b) => a.tokens - b.tokens)
				.map(({ projector, tokens, median, q1, q3 }) => ({
					names: [projectorTitle(projector, styles)],
					column: `${stage}, M = ${tokens}`,
					cell: { value: median, low: q1, high: q3 }
				})),
			() => 'less'
		),
		interval: 'range between quartiles'
	})
};
