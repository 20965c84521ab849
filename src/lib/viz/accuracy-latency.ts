import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle, type ProjectorStyles } from './palette.ts';
import { drawSeries, type Origin, type SeriesPoint } from './series-chart.ts';

/** A configuration: what it costs and what it scores. */
export interface TradeoffPoint {
	readonly series: string;
	readonly projector: string;
	readonly origin: Origin;
	/** M */
	readonly tokens: number;
	readonly cost: number;
	/** Quartiles of the cost, where it was measured. */
	readonly costLow?: number;
	readonly costHigh?: number;
	readonly score: number;
	readonly low?: number;
	readonly high?: number;
}

export interface TradeoffRows {
	readonly points: readonly TradeoffPoint[];
	/** Those that no other one beats in one respect without losing in the other, by rising cost. */
	readonly front: readonly TradeoffPoint[];
	readonly cost: string;
	readonly score: string;
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}

export const accuracyLatency: Figure<TradeoffRows> = {
	id: 'accuracy-latency',
	title: 'Accuracy against time',
	readingAid:
		'Up and to the left is better; the number beside a point is its M. The dotted steps are the Pareto front: nothing measured is both quicker and better.',
	method:
		'Scores with bootstrap intervals (95 %), times as medians with quartiles. The front is over the points that are drawn, without regard to their intervals. Published points are read off Figure 1 of the paper (seconds a training step, mean of three benchmarks) and stand in a figure of their own.',
	draw({ points, front, cost, score, projectors }, options) {
		const drawn = new Map(points.map((point) => [point, pointOf(point, options.projectors)]));
		return drawSeries(
			{
				title: accuracyLatency.title,
				points: [...drawn.values()],
				front: front.flatMap((point) => drawn.get(point) ?? []),
				x: { label: cost, type: 'linear' },
				y: { label: score },
				projectors
			},
			options
		);
	},
	table: ({ points, front, cost, score }) => ({
		columns: ['series', 'projector', 'origin', 'M', cost, score, 'low', 'high', 'on the front'],
		rows: points.map((point) => [
			...[point.series, point.projector, point.origin, point.tokens, exact(point.cost), exact(point.score)],
			...[exact(point.low ?? NaN), exact(point.high ?? NaN), front.includes(point) ? 'yes' : 'no']
		])
	})
};

function pointOf(point: TradeoffPoint, styles: ProjectorStyles): SeriesPoint {
	const { series, projector, origin, tokens, cost, costLow, costHigh, score, low, high } = point;
	return {
		...{ series, projector, origin, x: cost, y: score, label: `${tokens}` },
		...(low !== undefined && high !== undefined && { low, high }),
		...(costLow !== undefined && costHigh !== undefined && { left: costLow, right: costHigh }),
		words: `${projectorTitle(series, styles)}, M = ${tokens}: ${number(score)} at ${number(cost)}.`
	};
}
