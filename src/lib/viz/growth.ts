import type { GrowthLimit, GrowthPoint, GrowthRows } from '../analysis/growth-rows.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries, type SeriesPoint } from './series-chart.ts';

const names = { memory: 'Memory limit', arithmetic: 'Arithmetic limit' } as const;
const PROJECTED = 'In proportion';

/** E.g. "12.5 GB/s, measured here". */
function rateOf({ of, rate, origin }: GrowthLimit): string {
	const unit = of === 'memory' ? 'GB/s' : '· 10⁹ operations/s';
	return `${number(rate / 1e9)} ${unit}, ${origin === 'typed' ? 'typed in' : 'measured here'}`;
}

export const growth: Figure<GrowthRows> = {
	id: 'growth',
	title: 'How latency grows, and what the machine allows',
	readingAid:
		'No stage is faster than the higher of the two limits; the further the measured points lie above it, the more is to be gained. Time is drawn logarithmically.',
	method:
		'Measured points are medians of warm runs of the loaded model, batch 1. The limits are counted from the config: the memory’s is the bytes of all weights of the stage as they are stored, read once, with keys and values, over the memory’s bandwidth; that of arithmetic the operations of matrix products, convolutions and attention over operations a second. Both rates are either typed in or measured here in float32 on the backend that the model runs on, as products of one large matrix with one row (bandwidth) and with many (operations). “In proportion” is the measured time of the model as it is, changed as the higher limit changes; there is no model of other layers or another width to be measured. With the width, heads and feed-forward grow alike, and the vocabulary stays.',
	draw({ stage, axis, roots, projector, measured, limits, projected, projectors }, options) {
		const title = projectorTitle(projector, options.projectors);
		const line = (
			series: string,
			colour: string,
			points: readonly GrowthPoint[],
			of: string
		): SeriesPoint[] =>
			points.map(({ x, milliseconds }) => ({
				...{ series, projector: colour, origin: 'computed', x, y: milliseconds },
				words: `${axis} ${x}: ${number(milliseconds)} ms, ${of}.`
			}));
		return drawSeries(
			{
				title: growth.title,
				points: [
					...limits.flatMap((limit) =>
						line(names[limit.of], '', limit.points, `${names[limit.of].toLowerCase()} at ${rateOf(limit)}`)
					),
					...line(PROJECTED, projector, projected, 'the measured time in proportion to the higher limit'),
					...measured.map(({ x, median, q1, q3, n }): SeriesPoint => ({
						...{ series: projector, projector, origin: 'measured', x, y: median, low: q1, high: q3 },
						words: `${title}, ${axis} ${x}: ${number(median)} ms (quartiles ${number(q1)} to ${number(q3)}, ${n} runs).`
					}))
				],
				x: {
					label: axis,
					type: roots ? 'sqrt' : 'linear',
					...(roots && { ticks: projected.map(({ x }) => x) })
				},
				y: { label: stage, type: 'log' },
				projectors,
				apart: false,
				notes: [
					...limits.map((limit) => `${names[limit.of]}: ${rateOf(limit)}.`),
					'Circles: measured here. Dashed: computed from the config.'
				]
			},
			options
		);
	},
	table: ({ stage, axis, projector, measured, limits, projected }) => ({
		columns: [axis, stage, 'quartile 1', 'quartile 3', 'runs', 'what it is', 'a second', 'of the rate'],
		rows: [
			...measured.map(({ x, median, q1, q3, n }) => [
				...[x, exact(median), exact(q1), exact(q3), n, projector, '', 'measured']
			]),
			...projected.map(({ x, milliseconds }) => [
				...[x, exact(milliseconds), '', '', '', PROJECTED, '', 'computed from the config']
			]),
			...limits.flatMap(({ of, rate, origin, points }) =>
				points.map(({ x, milliseconds }) => [
					...[x, exact(milliseconds), '', '', '', names[of], exact(rate), origin]
				])
			)
		]
	}),
	paper: ({ stage, axis, projector, measured, limits, projected }, styles) =>
		pivoted(
			[axis],
			[
				...measured.map(({ x, median, q1, q3 }) => ({
					...{ names: [x], column: `${stage}, ${projectorTitle(projector, styles)}` },
					cell: { value: median, low: q1, high: q3 }
				})),
				...[
					{ name: PROJECTED, points: projected },
					...limits.map(({ of, points }) => ({ name: names[of], points }))
				].flatMap(({ name, points }) =>
					points.map(({ x, milliseconds }) => ({ names: [x], column: name, cell: { value: milliseconds } }))
				)
			]
		)
};
