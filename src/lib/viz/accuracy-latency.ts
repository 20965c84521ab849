import type { TradeoffPoint, TradeoffRows } from '../analysis/score-rows.ts';
import { INTERVALS_OF_SHARES } from '../analysis/shares.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle, type ProjectorStyles } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries, type SeriesPoint } from './series-chart.ts';

export const accuracyLatency: Figure<TradeoffRows> = {
	id: 'accuracy-latency',
	title: 'Accuracy against time',
	readingAid:
		'Up and to the left is better; the number beside a point is its M. The dotted steps are the Pareto front: nothing measured is both quicker and better.',
	method: `Times are medians with quartiles. ${INTERVALS_OF_SHARES} The front is over the points that are drawn, without regard to their intervals. Costs of imported results are tokens of an average question, as their tool counted them. Published points are read off Figure 1 of the paper (seconds a training step, mean of three benchmarks) and stand in a figure of their own.`,
	draw({ points, front, cost, score, most, projectors }, options) {
		const drawn = new Map(points.map((point) => [point, pointOf(point, options.projectors)]));
		return drawSeries(
			{
				title: accuracyLatency.title,
				points: [...drawn.values()],
				front: front.flatMap((point) => drawn.get(point) ?? []),
				x: { label: cost, type: 'linear' },
				y: { label: score, ...(most !== undefined && { most }) },
				projectors
			},
			options
		);
	},
	table: ({ points, front, cost, score }) => ({
		columns: ['series', 'projector', 'origin', 'M', cost, score, 'low', 'high', 'answers', 'on the front'],
		rows: points.map((point) => [
			...[
				point.series,
				point.projector,
				point.origin,
				point.tokens ?? NaN,
				exact(point.cost),
				exact(point.score)
			],
			...[
				exact(point.low ?? NaN),
				exact(point.high ?? NaN),
				point.answers ?? NaN,
				front.includes(point) ? 'yes' : 'no'
			]
		])
	}),
	paper: ({ points, cost, score }, styles) => ({
		...pivoted(
			['Projector', 'M'],
			points.flatMap((point) => {
				const names = [projectorTitle(point.series, styles), point.tokens ?? 'not known'];
				return [
					{ names, column: score, cell: { value: point.score, low: point.low, high: point.high } },
					{ names, column: cost, cell: { value: point.cost, low: point.costLow, high: point.costHigh } }
				];
			}),
			(head) => (head === score ? 'more' : 'less')
		),
		interval: '95 % interval (scores) or range between quartiles (times)'
	})
};

function pointOf(point: TradeoffPoint, styles: ProjectorStyles): SeriesPoint {
	const { series, projector, origin, tokens, cost, costLow, costHigh, score, low, high, answers } = point;
	return {
		...{ series, projector, origin, x: cost, y: score, label: `${tokens ?? ''}` },
		...(low !== undefined && high !== undefined && { low, high }),
		...(answers !== undefined && { n: answers }),
		...(costLow !== undefined && costHigh !== undefined && { left: costLow, right: costHigh }),
		words: `${projectorTitle(series, styles)}${tokens === undefined ? '' : `, M = ${tokens}`}: ${number(score)} at ${number(cost)}${answers === undefined ? '' : `, ${answers} answers`}.`
	};
}
