import type { Origin } from '../analysis/score-rows.ts';
import { gridY } from '@observablehq/plot';
import type { FigureOptions } from './figure.ts';
import { link } from './interaction.ts';
import { countLines, pointLabels } from './point-labels.ts';
import { inkOf, projectorColours, projectorTitle, type Ink } from './palette.ts';
import { plotChart } from './plot-chart.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text, type Pen } from './svg.ts';
import { linesOf, widthOf } from './type.ts';

const names: Readonly<Record<Origin, string>> = {
	measured: 'measured here',
	training: 'evaluated in training',
	imported: 'imported',
	published: 'published',
	computed: 'computed from the config'
};

export interface SeriesPoint {
	/** Points of one name and origin make a series. */
	readonly series: string;
	/** Decides the colour; ink when it is none of the model's. */
	readonly projector: string;
	readonly origin: Origin;
	readonly x: number;
	readonly y: number;
	/** Interval of `y`. */
	readonly low?: number;
	readonly high?: number;
	/** Interval of `x`. */
	readonly left?: number;
	readonly right?: number;
	/** What the reader is told of the point, a sentence. */
	readonly words: string;
	/** Beside the point itself, e.g. its M. */
	readonly label?: string;
	/** Answers that the value is over: told once where all points have as many, at each point where they differ. */
	readonly n?: number;
}

export interface SeriesChart {
	readonly title: string;
	readonly points: readonly SeriesPoint[];
	readonly x: {
		readonly label: string;
		readonly type: 'sqrt' | 'linear' | 'log';
		readonly ticks?: readonly number[];
	};
	readonly y: {
		readonly label: string;
		readonly type?: 'linear' | 'log';
		readonly domain?: readonly [number, number];
		/** What there can be of it: all of it is drawn where the values do not differ. */
		readonly whole?: readonly [number, number];
		/** Nothing is above it; the axis ends there. */
		readonly most?: number;
	};
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly projectors: readonly string[];
	/** Joins the points of a series; false where their order means nothing. */
	readonly joined?: boolean;
	/** Points of the Pareto front by rising x: drawn as steps. */
	readonly front?: readonly SeriesPoint[];
	/** Thin lines behind the points, e.g. one for each seed; no points of their own. */
	readonly thin?: readonly ThinLine[];
	/** Sentences below the chart, each on lines of its own. */
	readonly notes?: readonly string[];
	/** Points of one x stand beside each other; false where all of them belong on it. */
	readonly apart?: false;
}

export interface ThinLine {
	/** Decides the colour. */
	readonly projector: string;
	/** By rising x. */
	readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Room for the names of the series. */
const RIGHT = 132;
const APART = 15;
/** About how many numbers an axis has. */
const TICKS = 6;

const keyOf = ({ series, origin }: SeriesPoint) => `${origin} ${series}`;

/** Series of points with intervals over one axis, named at the right; what is pointed at is told below. */
export function drawSeries(chart: SeriesChart, options: FigureOptions): SVGSVGElement {
	const pen = penOf(options);
	const ink = inkOf(options.theme);
	const { width, height = 300 } = options;
	const { points, joined = true, thin = [] } = chart;
	const colours = projectorColours(chart.projectors, options.projectors);
	const colour = (point: { readonly projector: string }) => colours[point.projector] ?? ink.soft;
	const xs = points.flatMap(({ x, left = x, right = x }) => [left, right]);
	const ys = [
		...points.flatMap(({ y, low = y, high = y }) => [low, high]),
		...thin.flatMap((line) => line.points.map(({ y }) => y))
	];
	const ticks = powersIn(ys, chart.y.type) ?? TICKS;
	const frame = plotChart(options, {
		height,
		marginLeft: 52,
		marginRight: RIGHT,
		marginTop: 24,
		marginBottom: 40,
		x: {
			// Plot would write it below the names of the series.
			label: null,
			type: chart.x.type,
			...(chart.x.ticks && { ticks: spread([...chart.x.ticks], chart.x.type, (width - 52 - RIGHT) / 34) }),
			...(chart.x.type === 'linear' && { ticks: Math.max(3, Math.floor((width - 52 - RIGHT) / 60)) }),
			...(chart.x.type === 'sqrt'
				? { domain: [Math.min(...xs, 1), Math.max(...xs, 4)] }
				: { domain: padded(xs, chart.x.type) }),
			tickFormat: (value: number) => plain(value)
		},
		y: {
			label: chart.y.label,
			type: chart.y.type ?? 'linear',
			nice: chart.y.type !== 'log',
			domain: chart.y.domain
				? [...chart.y.domain]
				: chart.y.whole && Math.min(...ys) === Math.max(...ys)
					? [...chart.y.whole]
					: below(padded(ys, chart.y.type ?? 'linear'), chart.y.most ?? Infinity),
			tickFormat: (value: number) => plain(value),
			ticks
		},
		// A line for each number of the axis, and none between them.
		marks: [gridY({ ticks, stroke: ink.line, strokeOpacity: 1 })]
	});
	const x = (value: number) => frame.scale('x')!.apply(value);
	const y = (value: number) => frame.scale('y')!.apply(value);
	const shifts = chart.apart === false ? new Map<SeriesPoint, number>() : shiftsOf(points);
	const at = (point: SeriesPoint) => x(point.x) + (shifts.get(point) ?? 0);
	/** A thin line stands aside as the points of its projector do. */
	const beside = (projector: string, value: number) => {
		const point = points.find((one) => one.projector === projector && one.x === value);
		return x(value) + (point ? (shifts.get(point) ?? 0) : 0);
	};
	const groups = [...Map.groupBy(points, keyOf).values()].map((group) =>
		[...group].sort((a, b) => a.x - b.x)
	);
	const marks: SVGElement[] = [];
	if (chart.front)
		marks.push(...frontLine(pen, ink, chart.front, x, y, { right: width - RIGHT, bottom: height - 40 }));
	for (const line of thin)
		marks.push(
			pen('path', {
				d: `M${line.points.map((point) => `${fixed(beside(line.projector, point.x))} ${fixed(y(point.y))}`).join('L')}`,
				...{ fill: 'none', stroke: colour(line), 'stroke-width': 0.75, 'stroke-opacity': 0.6 }
			})
		);
	for (const group of groups) {
		const first = group[0]!;
		if (joined && isLine(group))
			marks.push(
				pen('path', {
					d: `M${group.map((point) => `${fixed(at(point))} ${fixed(y(point.y))}`).join('L')}`,
					fill: 'none',
					stroke: colour(first),
					'stroke-width': first.origin === 'measured' ? 1.75 : 1.25,
					'stroke-dasharray': first.origin === 'measured' ? undefined : '4 3'
				})
			);
	}
	for (const point of points) {
		const stroke = { stroke: colour(point), 'stroke-width': 1.25 };
		if (point.low !== undefined && point.high !== undefined)
			marks.push(
				pen('path', { ...stroke, d: `M${fixed(at(point))} ${fixed(y(point.low))}V${fixed(y(point.high))}` })
			);
		if (point.left !== undefined && point.right !== undefined)
			marks.push(
				pen('path', {
					...stroke,
					d: `M${fixed(x(point.left))} ${fixed(y(point.y))}H${fixed(x(point.right))}`
				})
			);
		marks.push(symbol(pen, ink, point, colour(point), at(point), y(point.y)));
	}
	const counts = [...new Set(points.flatMap(({ n }) => n ?? []))];
	const placed = (point: SeriesPoint) => ({ x: at(point), y: y(point.y) });
	marks.push(
		...pointLabels(
			pen,
			ink,
			points.map((point) => ({
				...placed(point),
				...(point.low !== undefined &&
					point.high !== undefined && {
						bar: [y(point.high), y(point.low)] as const
					}),
				words: [
					...(point.label === undefined ? [] : [point.label]),
					...(counts.length > 1 && point.n !== undefined ? [`n\u00A0${point.n}`] : [])
				].join(', ')
			})),
			joined ? groups.filter(isLine).map((group) => group.map(placed)) : [],
			{ x: 52, y: 8, width: width - RIGHT - 42, height: height - 48 }
		)
	);
	// What was measured here needs no key when it stands alone; anything else says what it is.
	const keyed = points.some(({ origin }) => origin !== 'measured' && origin !== 'computed');
	// A name stands once; the key below tells the origins apart.
	const named = [...Map.groupBy(groups, ([first]) => first!.series).values()].map(([group]) => group!);
	const labels = dodge(
		named.map((group) => ({ last: group.at(-1)!, y: y(group.at(-1)!.y) })),
		14,
		height - 44
	).flatMap(({ last, y: from, to }) => {
		const start = width - RIGHT + 10;
		// Where points are not joined, such a line would look like a line of the grid.
		const leader = pen('path', {
			d: `M${fixed(at(last) + 7)} ${fixed(from)}L${fixed(start - 3)} ${fixed(to)}`,
			stroke: ink.line,
			fill: 'none'
		});
		return [
			...(joined ? [leader] : []),
			symbol(pen, ink, last, colour(last), start + 4, to),
			text(pen, start + 13, to + 4, projectorTitle(last.series, options.projectors))
		];
	});
	const top = height + LINE - 4;
	const all = points.every(({ n }) => n !== undefined);
	const notes = (chart.notes ?? []).flatMap((note) => linesOf(note, width));
	const counted = [...countLines(counts, all, width), ...notes].map((line, i) =>
		text(pen, 0, top + i * LINE, line, { fill: ink.soft })
	);
	const foot = top + counted.length * LINE;
	const key = keyed ? legend(pen, ink, points, foot, width) : { parts: [], lines: 0 };
	const axis = `${chart.x.label} →`;
	const note = readout(pen, ink, 0, foot + key.lines * LINE);
	const ring = pen('circle', {
		r: 7,
		fill: 'none',
		stroke: ink.ink,
		'stroke-width': 1.5,
		class: 'frame',
		visibility: 'hidden'
	});
	const svg = root(pen, options, foot + (key.lines + 1) * LINE, chart.title, [
		frame,
		text(pen, Math.max(width - RIGHT, Math.min(width, widthOf(axis))), height - 4, axis, {
			'text-anchor': 'end'
		}),
		...marks,
		...labels,
		...counted,
		...key.parts,
		ring,
		note.element
	]);
	link(svg, options, {
		at(px, py) {
			let best = -1;
			let nearest = 30 ** 2;
			points.forEach((point, i) => {
				const distance = (at(point) - px) ** 2 + (y(point.y) - py) ** 2;
				if (distance < nearest) [best, nearest] = [i, distance];
			});
			return best < 0 ? undefined : { row: best };
		},
		show({ row }) {
			const point = row === undefined ? undefined : points[row];
			ring.setAttribute('visibility', point ? 'visible' : 'hidden');
			if (point) {
				ring.setAttribute('cx', fixed(at(point)));
				ring.setAttribute('cy', fixed(y(point.y)));
			}
			note.write(point?.words ?? '');
		},
		move(key, { row = -1, ...rest }) {
			const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
			if (step === undefined || points.length === 0) return undefined;
			return { ...rest, row: Math.min(points.length - 1, Math.max(0, row + step)) };
		}
	});
	return svg;
}

const fixed = (value: number) => `${Math.round(value * 100) / 100}`;

/** 12, 0.25, 1.2 M: axis numbers without noise. */
function plain(value: number): string {
	const magnitude = Math.abs(value);
	for (const [power, unit] of [
		[1e12, 'T'],
		[1e9, 'G'],
		[1e6, 'M']
	] as const)
		if (magnitude >= power) return `${Number((value / power).toPrecision(3))}\u00A0${unit}`;
	return `${Number(value.toPrecision(4))}`;
}

/** Powers of ten alone where a logarithmic axis has many of them: with all numbers between, lines of the grid would be a wash. */
function powersIn(
	values: readonly number[],
	type: 'linear' | 'log' | 'sqrt' | undefined
): number[] | undefined {
	const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
	if (type !== 'log' || high - low < 2) return undefined;
	const first = Math.floor(low);
	return Array.from({ length: Math.ceil(high) - first + 1 }, (_, i) => 10 ** (first + i)).filter(
		(power) => power >= 10 ** low / 1.3 && power <= 10 ** high * 1.3
	);
}

function padded(values: readonly number[], type: 'linear' | 'log' | 'sqrt'): [number, number] {
	const low = Math.min(...values);
	const high = Math.max(...values);
	if (type === 'log') return [low / 1.3, high * 1.3];
	const room = (high - low || Math.abs(high) || 1) * 0.08;
	return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

const below = ([low, high]: readonly [number, number], most: number): [number, number] => [
	low,
	Math.min(high, most)
];

/** Pixels by which points of one x stand beside each other, so that their intervals can be told apart. */
function shiftsOf(points: readonly SeriesPoint[]): Map<SeriesPoint, number> {
	const shifts = new Map<SeriesPoint, number>();
	for (const group of Map.groupBy(points, (point) => point.x).values())
		group.forEach((point, i) =>
			shifts.set(point, point.left === undefined ? 4 * (i - (group.length - 1) / 2) : 0)
		);
	return shifts;
}

/** As many of the ticks as there is room for, the ends among them. */
function spread(ticks: number[], type: 'sqrt' | 'linear' | 'log', room: number): number[] {
	const sorted = [...new Set(ticks)].sort((a, b) => a - b);
	const place = type === 'sqrt' ? Math.sqrt : type === 'log' ? Math.log : (value: number) => value;
	const whole = place(sorted.at(-1)!) - place(sorted[0]!) || 1;
	const kept: number[] = [];
	for (const tick of sorted.reverse())
		if (kept.length === 0 || place(kept.at(-1)!) - place(tick) >= whole / room) kept.push(tick);
	return kept.reverse();
}

/** Filled: measured; hollow: evaluated in training; diamond: published; square: imported; bar: computed. */
function symbol(
	pen: Pen,
	ink: Ink,
	{ origin }: SeriesPoint,
	colour: string,
	x: number,
	y: number
): SVGElement {
	const hollow = { fill: ink.paper, stroke: colour, 'stroke-width': 1.5 };
	if (origin === 'measured') return pen('circle', { cx: x, cy: y, r: 3.5, fill: colour });
	if (origin === 'training') return pen('circle', { cx: x, cy: y, r: 3.25, ...hollow });
	if (origin === 'imported')
		return pen('rect', { x: x - 3.25, y: y - 3.25, width: 6.5, height: 6.5, ...hollow });
	if (origin === 'computed')
		return pen('path', { d: `M${fixed(x - 4)} ${fixed(y)}h8`, stroke: colour, 'stroke-width': 2 });
	return pen('path', { d: `M${fixed(x)} ${fixed(y - 4.5)}l4.5 4.5l-4.5 4.5l-4.5 -4.5Z`, ...hollow });
}

/** What the symbols mean, on as many lines as the width asks for; `y` is the first one's baseline. */
function legend(
	pen: Pen,
	ink: Ink,
	points: readonly SeriesPoint[],
	y: number,
	width: number
): { readonly parts: SVGElement[]; readonly lines: number } {
	let at = 4;
	let lines = 1;
	const parts = [...new Set(points.map(({ origin }) => origin))].flatMap((origin) => {
		const example = points.find((point) => point.origin === origin)!;
		const room = 9 + widthOf(names[origin]);
		if (at > 4 && at + room > width) {
			at = 4;
			lines++;
		}
		const base = y + (lines - 1) * LINE;
		const drawn = [
			symbol(pen, ink, example, ink.soft, at, base - 4),
			text(pen, at + 9, base, names[origin], { fill: ink.soft })
		];
		at += room + 18;
		return drawn;
	});
	return { parts, lines };
}

/** A step line: nothing measured is both cheaper and better. It comes up from the axis and leaves at the right, so that one point has steps, too. */
function frontLine(
	pen: Pen,
	ink: Ink,
	front: readonly SeriesPoint[],
	x: (value: number) => number,
	y: (value: number) => number,
	{ right, bottom }: { readonly right: number; readonly bottom: number }
): SVGElement[] {
	const [first] = front;
	if (!first) return [];
	const steps = front.map((point) => `H${fixed(x(point.x))}V${fixed(y(point.y))}`).join('');
	const d = `M${fixed(x(first.x))} ${bottom}${steps}H${fixed(right)}`;
	return [pen('path', { d, fill: 'none', stroke: ink.ink, 'stroke-width': 1, 'stroke-dasharray': '2 3' })];
}

/** Points that are joined. */
const isLine = (group: readonly SeriesPoint[]) =>
	group.length > 1 && group[0]!.origin !== 'published' && group[0]!.origin !== 'imported';

/** Keeps labels apart, as near to their points as that allows. */
function dodge<T extends { readonly y: number }>(
	labels: readonly T[],
	top: number,
	bottom: number
): (T & { to: number })[] {
	const sorted = [...labels].sort((a, b) => a.y - b.y).map((label) => ({ ...label, to: label.y }));
	for (let i = 0; i < sorted.length; i++)
		sorted[i]!.to = Math.max(sorted[i]!.to, i === 0 ? top : sorted[i - 1]!.to + APART);
	for (let i = sorted.length - 1; i >= 0; i--)
		sorted[i]!.to = Math.min(sorted[i]!.to, i === sorted.length - 1 ? bottom : sorted[i + 1]!.to - APART);
	return sorted;
}
