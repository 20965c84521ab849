import type { DifferencesRows } from '../analysis/score-rows.ts';
import { scaleLinear } from 'd3';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { inkOf } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { readout } from './readout.ts';
import { rules } from './rules.ts';
import { penOf, root, round, text } from './svg.ts';

const ROW = 22;
const TOP = 26;

export const pairedDifferences: Figure<DifferencesRows> = {
	id: 'paired-differences',
	title: 'Two runs, example by example',
	readingAid:
		'Each row is the difference on the same examples, in percentage points, with its 95 % interval; right of the line the first run is better. Filled dots: the interval leaves 0 out.',
	method:
		'Intervals (95 %): Tango’s score interval of paired shares, at the effective number of independent pairs; p: two-sided, by exchanging the sides of what varies together (the questions about one image, the rotations of one question). McNemar’s exact test counts only examples that one of the two has right. No correction for the number of rows.',
	draw({ a, b, rows }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const left = Math.min(190, options.width * 0.36);
		const right = options.width - 96;
		const bottom = TOP + rows.length * ROW;
		const extent = Math.max(1, ...rows.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
		const x = scaleLinear([-extent, extent], [left, right]).nice(5);
		const band = pen('rect', {
			x: 0,
			width: options.width,
			height: ROW,
			fill: ink.line,
			opacity: 0.35,
			class: 'frame',
			visibility: 'hidden'
		});
		const small = { 'font-size': 11, fill: ink.soft };
		const parts: SVGElement[] = [
			band,
			text(pen, x(0) - 8, 12, `← ${b}`, { ...small, 'text-anchor': 'end' }),
			text(pen, x(0) + 8, 12, `${a} →`, small),
			text(pen, options.width, 12, 'p', { ...small, 'text-anchor': 'end' }),
			...rules(pen, ink, x, { top: TOP, bottom, most: 5, sides: true })
		];
		rows.forEach((row, i) => {
			const middle = TOP + (i + 0.5) * ROW;
			const clear = row.low > 0 || row.high < 0;
			parts.push(
				text(pen, left - 12, middle + 4, row.category, { 'text-anchor': 'end' }),
				pen('path', {
					d: `M${round(x(row.low))} ${middle}H${round(x(row.high))}`,
					stroke: ink.ink,
					'stroke-width': 1.25
				}),
				pen('circle', {
					cx: x(row.value),
					cy: middle,
					r: 3.5,
					fill: clear ? ink.ink : ink.paper,
					stroke: ink.ink,
					'stroke-width': 1.5
				}),
				text(pen, options.width, middle + 4, number(row.p), {
					'text-anchor': 'end',
					fill: clear ? ink.ink : ink.soft
				})
			);
		});
		const note = readout(pen, ink, 0, bottom + 34);
		const svg = root(pen, options, bottom + 40, pairedDifferences.title, [...parts, note.element]);
		link(svg, options, {
			at(_, pointer) {
				const index = Math.floor((pointer - TOP) / ROW);
				return index >= 0 && index < rows.length ? { row: index } : undefined;
			},
			show({ row: index }) {
				const row = index === undefined ? undefined : rows[index];
				band.setAttribute('visibility', row ? 'visible' : 'hidden');
				if (row) band.setAttribute('y', `${TOP + index! * ROW}`);
				note.write(
					row
						? `${row.category}: ${number(row.value)} points (${number(row.low)} to ${number(row.high)}), ${row.examples} examples; only one right: ${row.onlyA} and ${row.onlyB}, McNemar p = ${number(row.mcnemar)}.`
						: ''
				);
			},
			move(key, { row: index = -1, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined || rows.length === 0) return undefined;
				return { ...rest, row: Math.min(rows.length - 1, Math.max(0, index + step)) };
			}
		});
		return svg;
	},
	table: ({ a, b, rows }) => ({
		columns: [
			'category',
			`${a} − ${b}`,
			'low',
			'high',
			'p',
			`only ${a} right`,
			`only ${b} right`,
			'McNemar p',
			'examples'
		],
		rows: rows.map((row) => [
			...[row.category, exact(row.value), exact(row.low), exact(row.high), exact(row.p)],
			...[row.onlyA, row.onlyB, exact(row.mcnemar), row.examples]
		])
	}),
	paper: ({ a, b, rows }) =>
		pivoted(
			['Category'],
			rows.flatMap((row) => {
				const names = [row.category];
				return [
					{ names, column: `${a} − ${b}`, cell: row },
					{ names, column: 'p', cell: { value: row.p } },
					{ names, column: `Only ${a} right`, cell: { value: row.onlyA } },
					{ names, column: `Only ${b} right`, cell: { value: row.onlyB } },
					{ names, column: 'Examples', cell: { value: row.examples } }
				];
			})
		)
};
