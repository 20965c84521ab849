import type { AccuracyPoint, AccuracyRows } from '../analysis/score-rows.ts';
import { INTERVALS_OF_SHARES } from '../analysis/shares.ts';
import { silentCells, silentColumns } from './answer-counts.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle, type ProjectorStyles } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries, type SeriesPoint } from './series-chart.ts';

export const accuracyCurve: Figure<AccuracyRows> = {
	id: 'accuracy-curve',
	title: 'Accuracy against the number of visual tokens',
	readingAid:
		'Each point is a run at one M, its bar the 95 % interval; the axis is even in √M, the side of the token grid. Points of different origin are never joined.',
	method: `Scores are the benchmark’s own. ${INTERVALS_OF_SHARES} Published numbers come from the model zoo of the paper’s repository and were trained under other schedules; they show no effect of M by themselves.`,
	draw: ({ points, score, most, projectors }, options) =>
		drawSeries(
			{
				title: accuracyCurve.title,
				points: points.map((point) => pointOf(point, options.projectors)),
				x: { label: 'M, visual tokens', type: 'sqrt', ticks: points.map(({ tokens }) => tokens) },
				y: { label: score, ...(most !== undefined && { most, whole: [0, most] }) },
				projectors
			},
			options
		),
	table: ({ points, score }) => ({
		columns: [...['series', 'projector', 'origin', 'M', score, 'low', 'high', 'answers'], ...silentColumns],
		rows: points.map((point) => [
			...[point.series, point.projector, point.origin, point.tokens, exact(point.value)],
			...[exact(point.low ?? NaN), exact(point.high ?? NaN), point.answers ?? NaN],
			...silentCells(point.counts)
		])
	}),
	paper: ({ points, score }, styles) =>
		pivoted(
			['Projector', 'Source'],
			[...points]
				.sort((a, b) => a.tokens - b.tokens)
				.map(({ series, origin, tokens, value, low, high }) => ({
					names: [projectorTitle(series, styles), origin],
					column: `${score}, M = ${tokens}`,
					cell: { value, low, high }
				})),
			() => 'more'
		)
};

function pointOf(point: AccuracyPoint, styles: ProjectorStyles): SeriesPoint {
	const { series, projector, origin, tokens, value, low, high, answers } = point;
	const interval = low === undefined || high === undefined ? '' : ` (${number(low)} to ${number(high)})`;
	return {
		...{ series, projector, origin, x: tokens, y: value },
		...(low !== undefined && high !== undefined && { low, high }),
		...(answers !== undefined && { n: answers }),
		words: `${projectorTitle(series, styles)}, M = ${tokens}: ${number(value)}${interval}${answers === undefined ? '' : `, ${answers} answers`}.`
	};
}
