import type { SweepPoint, SweepRows } from '../analysis/sweep-rows.ts';
import { areaY, dot, gridY, lineY } from '@observablehq/plot';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { inkOf, projectorColours, projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { plotChart } from './plot-chart.ts';
import { readout } from './readout.ts';
import { stepRule } from './step-rule.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

/** Room for the names of the lines. */
const RIGHT = 128;
/** Lines that lie on each other are told apart by the gaps of the upper one. */
const dash = (i: number) => [undefined, '7 5', '2 4', '10 4 2 4'][i % 4];

/** The words of one figure of lines along a sweep. */
export type SweepWords = Pick<Figure<SweepRows>, 'id' | 'title' | 'readingAid' | 'method'>;

export const sweep: Figure<SweepRows> = {
	id: 'sweep',
	title: 'Along a sweep',
	readingAid:
		'One line for each projector; bands are confidence intervals; where lines lie on each other the lower one shows through the gaps of the upper. A flat line does not care where the object is.',
	method:
		'The scene is changed step by step, everything else kept; every point is a run of the model. The object’s trace is the visual tokens of the scene minus those of the scene without the object, on their grid. The equivariance error is |D′ − shift(D)| / √(½(|D′|² + |shift(D)|²)): D′ the trace after the move, shift(D) the trace before it, moved as far as the object (bilinear between cells; cells whose source lies outside the grid are left out). 0: the trace moved exactly with the object; √2: nothing in common. A resampler’s tokens have no place, so their order is taken for one. The vision tower itself cuts the image into patches: only moves by whole patches can be free of error.',
	ofPlaces: true,
	draw(rows, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const { height = 260 } = options;
		const colours = projectorColours(rows.projectors, options.projectors);
		const points = [...rows.points].sort((a, b) => a.position - b.position);
		const banded = points.filter((point) => point.low !== undefined && point.high !== undefined);
		const names = [...new Set(points.map(({ projector }) => projector))];
		const ends = names.map((name) => points.findLast(({ projector }) => projector === name)!);
		const colour = ({ projector }: SweepPoint) => colours[projector] ?? ink.ink;
		const channels = { x: 'position', z: 'projector' } as const;
		const chart = plotChart(options, {
			height,
			marginTop: 36,
			marginLeft: 48,
			marginRight: RIGHT,
			marginBottom: 40,
			x: { label: rows.position, ...(rows.positions && { domain: extent(rows.positions) }) },
			y: { label: rows.value, nice: true, ...(rows.domain && { domain: [...rows.domain] }) },
			marks: [
				gridY({ stroke: ink.line, strokeOpacity: 1 }),
				areaY(banded, { ...channels, y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.18 }),
				...names.map((name, i) =>
					lineY(
						points.filter(({ projector }) => projector === name),
						{ x: 'position', y: 'value', stroke: colour, strokeWidth: 1.75, strokeDasharray: dash(i) }
					)
				),
				dot(points, { ...channels, y: 'value', fill: colour, r: 2.5 })
			]
		});
		const note = readout(pen, ink, 0, height + LINE - 4);
		const scaled = (name: 'x' | 'y', value: number) => chart.scale(name)?.apply(value) ?? 0;
		const labels = spread(ends.map(({ value }) => scaled('y', value))).flatMap((y, i) => {
			const [end, start] = [ends[i]!, options.width - RIGHT + 8];
			return [
				pen('path', {
					d: `M${start} ${round(y)}h16`,
					...{ fill: 'none', stroke: colour(end), 'stroke-width': 1.75, 'stroke-dasharray': dash(i) }
				}),
				pen('circle', { cx: start + 8, cy: y, r: 2.5, fill: colour(end) }),
				text(pen, start + 21, y + 4, projectorTitle(end.projector, options.projectors))
			];
		});
		const rule = stepRule(pen, ink, 36, height - 40);
		const parts = [rule.element, chart, ...labels, note.element];
		const svg = root(pen, options, height + LINE, sweep.title, parts);
		const positions = rows.positions ?? [...new Set(points.map(({ position }) => position))];
		const x = positions.map((position) => scaled('x', position));
		rule.follow(svg, options, x, (step) => {
			const position = step === undefined ? undefined : positions[step];
			note.write(
				position === undefined
					? ''
					: `${rows.position} ${number(position)}: ${points
							.filter((row) => row.position === position)
							.map((row) => `${projectorTitle(row.projector, options.projectors)} ${number(row.value)}`)
							.join(', ')}.`
			);
		});
		return svg;
	},
	table: ({ points, position, value }) => ({
		columns: ['projector', position, value, 'low', 'high'],
		rows: points.map((row) => [
			row.projector,
			exact(row.position),
			exact(row.value),
			exact(row.low ?? NaN),
			exact(row.high ?? NaN)
		])
	}),
	paper: ({ points, position, value }, styles) =>
		pivoted(
			['Projector'],
			[...points]
				.sort((a, b) => a.position - b.position)
				.map((point) => ({
					names: [projectorTitle(point.projector, styles)],
					column: `${value}, ${position} ${number(point.position)}`,
					cell: point
				}))
		)
};

/** The same figure of lines in other words, where a page shows several measures of one sweep. */
export function sweepOf(words: SweepWords): Figure<SweepRows> {
	return { ...sweep, ...words };
}

/** Heights of labels, moved apart where they would lie over each other; the order of the heights stays. */
export function spread(heights: readonly number[], gap = 13): number[] {
	const order = heights.map((_, i) => i).sort((a, b) => heights[a]! - heights[b]!);
	const result = [...heights];
	// Groups of touching labels, each centred on the mean of where its labels want to be.
	const groups: { members: number[]; centre: number }[] = [];
	const half = (members: readonly number[]) => ((members.length - 1) * gap) / 2;
	for (const i of order) {
		let group = { members: [i], centre: heights[i]! };
		for (let above = groups.at(-1); above !== undefined; above = groups.at(-1)) {
			if (group.centre - half(group.members) - (above.centre + half(above.members)) >= gap) break;
			groups.pop();
			const members = [...above.members, ...group.members];
			group = { members, centre: members.reduce((sum, m) => sum + heights[m]!, 0) / members.length };
		}
		groups.push(group);
	}
	for (const { members, centre } of groups)
		members.forEach((member, at) => (result[member] = centre - half(members) + at * gap));
	return result;
}

function extent(values: readonly number[]): [number, number] {
	return [Math.min(...values), Math.max(...values)];
}
