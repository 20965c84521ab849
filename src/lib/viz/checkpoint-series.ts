import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries } from './series-chart.ts';

export interface CheckpointSeriesRows {
	readonly points: readonly {
		/** Of the training. */
		readonly step: number;
		readonly checkpoint: string;
		readonly projector: string;
		/** M */
		readonly tokens: number;
		readonly value: number;
		/** 95 % interval. */
		readonly low: number;
		readonly high: number;
		/** What the interval is over. */
		readonly over: 'images' | 'directions' | 'answers';
		readonly n: number;
	}[];
	/** What is measured, with its unit. */
	readonly measure: string;
	/** Largest value there can be, when there is one. */
	readonly most?: number;
	readonly projectors: readonly string[];
}

export const checkpointSeries: Figure<CheckpointSeriesRows> = {
	id: 'checkpoint-series',
	title: 'Over training',
	readingAid:
		'Each point is one checkpoint, its bar the 95 % interval; the line joins those of one projector.',
	method:
		'Every checkpoint is converted and measured alike: the same pictures, directions and questions. Locality is the mean over a projector’s tokens, then over the pictures, with Student’s interval over pictures, or of one picture over the random directions; accuracy is the benchmark’s headline score with the interval over its answers. Checkpoints of one training depend on each other: the intervals say what other pictures or questions would change, not what another training would.',
	draw: ({ points, measure, most, projectors }, options) =>
		drawSeries(
			{
				title: checkpointSeries.title,
				points: points.map(({ projector, step, value, low, high, checkpoint, over, n, tokens }) => ({
					...{ series: projector, projector, origin: 'measured', x: step, y: value, low, high },
					words: `${projectorTitle(projector, options.projectors)}, M = ${tokens}, ${checkpoint}: ${number(value)} (${number(low)} to ${number(high)}, ${n} ${over}).`
				})),
				x: { label: 'Training step', type: 'linear' },
				y: { label: measure, ...(most !== undefined && { most, whole: [0, most] }) },
				projectors
			},
			options
		),
	table: ({ points, measure }) => ({
		columns: ['step', 'checkpoint', 'projector', 'M', measure, 'low', 'high', 'n', 'interval over'],
		rows: points.map(({ step, checkpoint, projector, tokens, value, low, high, n, over }) => [
			...[step, checkpoint, projector, tokens],
			...[exact(value), exact(low), exact(high), n, over]
		])
	}),
	paper: ({ points, measure }, styles) =>
		pivoted(
			['Projector', 'M'],
			points.map(({ projector, tokens, step, value, low, high }) => ({
				names: [projectorTitle(projector, styles), tokens],
				column: `${measure}, step ${step}`,
				cell: { value, low, high }
			}))
		)
};
