import { scaleLinear } from 'd3';
import { quantiles } from '../analysis/statistics.ts';
import type { ComparedColumn } from './compare-grids.ts';
import type { Figure } from './figure.ts';
import { exact, number, quantity } from './format.ts';
import { link } from './interaction.ts';
import { inkOf } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { readout } from './readout.ts';
import { rules } from './rules.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface StageTimesRows {
	/** In the order in which a column runs them. */
	readonly stages: readonly { readonly title: string; readonly unit: string }[];
	readonly columns: readonly (ComparedColumn & {
		/** Every run's milliseconds [stage][run]; a stage that never ran has none. */
		readonly times: readonly (readonly number[])[];
	})[];
}

const ROW = 20;
const GAP = 10;

export const stageTimes: Figure<StageTimesRows> = {
	id: 'stage-times',
	title: 'What each stage takes',
	readingAid:
		'Each bar ends at the median over the runs, the line across its end spans half of them; the first run, which warms up, is not counted.',
	method:
		'The same question about the same image again and again, with nothing taken from caches: image features, visual tokens and the prompt are computed in every run. The line is the range from the first to the third quartile. Decoding is per token after the first. Times are of this machine, with whatever else it does.',
	draw({ stages, columns }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const left = 118;
		const right = options.width - 150;
		const summary = columns.map(({ times }) => times.map(quartiles));
		const most = Math.max(0, ...summary.flat().map((quartile) => quartile?.[2] ?? 0));
		const x = scaleLinear([0, most || 1], [left, Math.max(left + 40, right)]).nice(4);
		const height = stages.length * (columns.length * ROW + GAP);
		const parts: SVGElement[] = rules(pen, ink, x, { top: 0, bottom: height, most: 4 });
		parts.push(text(pen, x.range()[1]! + 18, height + 13, 'ms', { 'font-size': 11, fill: ink.soft }));
		const lines: string[] = [];
		stages.forEach(({ title, unit }, stage) => {
			const top = stage * (columns.length * ROW + GAP);
			parts.push(text(pen, 0, top + 14, title, { 'font-weight': 600 }));
			if (unit !== 'ms') parts.push(text(pen, 0, top + 28, unit, { 'font-size': 11, fill: ink.soft }));
			columns.forEach(({ name, colour, times }, column) => {
				const middle = top + (column + 0.5) * ROW;
				const quartile = summary[column]![stage];
				parts.push(text(pen, left - 8, middle + 4, name.split(':')[0]!, { 'text-anchor': 'end' }));
				if (!quartile) {
					lines.push(`${name}, ${title.toLowerCase()}: not run.`);
					parts.push(text(pen, left + 4, middle + 4, 'not run', { fill: ink.soft }));
					return;
				}
				const [q1, q2, q3] = quartile;
				const words = `${quantity(q2, unit)} (${number(q1)} to ${number(q3)})`;
				lines.push(`${name}, ${title.toLowerCase()}: median ${words} over ${times[stage]!.length} runs.`);
				const [a, b, c] = [x(q1), x(q2), x(q3)].map(round);
				parts.push(
					pen('rect', {
						...{ x: left, y: middle - 6, width: Math.max(1, x(q2) - left), height: 12 },
						...{ fill: colour, 'fill-opacity': 0.75 }
					}),
					pen('path', {
						d: `M${a} ${middle}H${c}M${a} ${middle - 4}v8M${c} ${middle - 4}v8M${b} ${middle - 6}v12`,
						stroke: ink.ink
					}),
					text(pen, x(q3) + 8, middle + 4, words)
				);
			});
		});
		const rowAt = (y: number) => {
			const stage = Math.floor(y / (columns.length * ROW + GAP));
			const column = Math.floor((y - stage * (columns.length * ROW + GAP)) / ROW);
			return column < columns.length && stage < stages.length ? stage * columns.length + column : -1;
		};
		const note = readout(pen, ink, 0, height + LINE + 14);
		const svg = root(
			pen,
			options,
			height + 2 * LINE,
			`${stageTimes.title}: ${columns.map(({ name }) => name).join('; ')}`,
			[...parts, note.element]
		);
		link(svg, options, {
			at(_, y) {
				const row = rowAt(y);
				return row < 0 ? undefined : { row };
			},
			show: ({ row }) => note.write((row === undefined ? undefined : lines[row]) ?? ''),
			move(key, { row = -1, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, row: Math.min(lines.length - 1, Math.max(0, row + step)) };
			}
		});
		return svg;
	},
	table: ({ stages, columns }) => ({
		columns: ['column', 'stage', 'unit', 'first quartile', 'median', 'third quartile', 'runs'],
		rows: columns.flatMap(({ name, times }) =>
			stages.map(({ title, unit }, stage) => {
				const quartile = quartiles(times[stage] ?? []) ?? [NaN, NaN, NaN];
				return [name, title, unit, ...quartile.map(exact), times[stage]?.length ?? 0];
			})
		)
	}),
	paper: ({ stages, columns }) => ({
		...pivoted(
			['Column'],
			columns.flatMap(({ name, times }) =>
				stages.flatMap(({ title, unit }, stage) => {
					const quartile = quartiles(times[stage] ?? []);
					if (!quartile) return [];
					const [low, value, high] = quartile;
					return [{ names: [name], column: `${title} (${unit})`, cell: { value, low, high } }];
				})
			),
			() => 'less'
		),
		interval: 'range between quartiles'
	})
};

function quartiles(times: readonly number[]): readonly [number, number, number] | undefined {
	if (times.length === 0) return undefined;
	const [q1, q2, q3] = quantiles(times, [0.25, 0.5, 0.75]);
	return [q1!, q2!, q3!];
}
