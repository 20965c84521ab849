import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { drawSeries } from './series-chart.ts';

/** A stage at one M: what it should take and what it took. */
export interface CheckPoint {
	readonly projector: string;
	/** M */
	readonly tokens: number;
	/** Counted operations. */
	readonly operations: number;
	/** Milliseconds, median. */
	readonly milliseconds: number;
}

export interface CheckRows {
	readonly stage: string;
	readonly points: readonly CheckPoint[];
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
}

/** Giga-operations a second. */
export const speedOf = ({ operations, milliseconds }: CheckPoint): number => operations / milliseconds / 1e6;

export const costCheck: Figure<CheckRows> = {
	id: 'cost-check',
	title: 'Does the count explain the time?',
	readingAid:
		'Counted operations over measured time, 10⁹ a second. A level line: time follows the count. A line that rises: a fixed share of the time, which the count does not know, weighs less and less.',
	method:
		'Operations of the cost model over the median of warm runs. Small graphs are bound by the start of each operator and by memory, not by arithmetic, so that their speed is low and rises with M.',
	draw: ({ stage, points, projectors }, options) =>
		drawSeries(
			{
				title: costCheck.title,
				points: points.map((point) => ({
					...{ series: point.projector, projector: point.projector, origin: 'measured' },
					...{ x: point.tokens, y: speedOf(point) },
					words: `${projectorTitle(point.projector, options.projectors)}, M = ${point.tokens}: ${number(point.operations)} operations in ${number(point.milliseconds)} ms, ${number(speedOf(point))} · 10⁹ a second.`
				})),
				x: { label: 'M, visual tokens', type: 'sqrt', ticks: points.map(({ tokens }) => tokens) },
				y: { label: `${stage}, 10⁹ operations a second` },
				projectors
			},
			options
		),
	table: ({ points }) => ({
		columns: ['projector', 'M', 'operations', 'time (ms)', '10⁹ operations a second'],
		rows: points.map((point) => [
			...[
				point.projector,
				point.tokens,
				exact(point.operations),
				exact(point.milliseconds),
				exact(speedOf(point))
			]
		])
	}),
	paper: ({ points }, styles) =>
		pivoted(
			['Projector', 'M'],
			points.flatMap((point) => {
				const names = [projectorTitle(point.projector, styles), point.tokens];
				return [
					{ names, column: 'Operations', cell: { value: point.operations } },
					{ names, column: 'Time (ms)', cell: { value: point.milliseconds } },
					{ names, column: '10⁹ operations a second', cell: { value: speedOf(point) } }
				];
			})
		)
};
