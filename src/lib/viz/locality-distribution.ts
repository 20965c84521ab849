import { scaleLinear } from 'd3';
import { localityMeasures, type LocalityMeasure, type LocalitySummary } from '../analysis/locality.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { inkOf, projectorColours, projectorTitle } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

export interface DistributionRows {
	/** One entry for each projector (and M), in the order to show. */
	readonly projectors: readonly {
		readonly name: string;
		/** M */
		readonly tokens: number;
		readonly summary: readonly LocalitySummary[];
	}[];
	/** All projectors of the model, so that colours are the same in every figure. */
	readonly all: readonly string[];
}

/** Which values are more local. */
const local: Readonly<Record<LocalityMeasure, 'more' | 'less'>> = {
	drift: 'less',
	spread: 'less',
	inside: 'more',
	near: 'more',
	entropy: 'less',
	effectivePatches: 'less'
};

/** Heads of the columns of a paper's table. */
const heads: Readonly<Record<LocalityMeasure, string>> = {
	drift: 'Drift from home (patches)',
	spread: 'Spread (patches)',
	inside: 'Inside home',
	near: 'Near home',
	entropy: 'Entropy (bits)',
	effectivePatches: 'Effective patches'
};

const ROW = 22;
const GAP = 34;

export const localityDistribution: Figure<DistributionRows> = {
	id: 'locality-distribution',
	title: 'How local the projectors are',
	readingAid:
		'For each number, projector by projector with its M: the line spans 90 % of the visual tokens, the box half of them, the tick is the median, and the dot is the mean with its 95 % interval over images, or over directions where there is one image.',
	method:
		'Numbers of every token from its shares over the patches; their definitions stand with the map of one token. Intervals (95 %): Student’s, over the means of images; of one image over the random directions of its map (jackknife over parts of them). A resampler’s tokens have no order: its home cells are the best that a one-to-one assignment can give, if so named.',
	ofPlaces: true,
	draw({ projectors, all }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const colours = projectorColours(all, options.projectors);
		const left = 128;
		const right = options.width - 12;
		const lines: { readonly y: number; readonly words: string }[] = [];
		const parts: SVGElement[] = [];
		let y = 0;
		for (const measure of Object.keys(localityMeasures) as LocalityMeasure[]) {
			const shown = projectors.flatMap(({ name, tokens, summary }) => {
				const found = summary.find((entry) => entry.measure === measure);
				return found ? [{ name, tokens, ...found }] : [];
			});
			if (shown.length === 0) continue;
			const { title, unit } = localityMeasures[measure];
			const top =
				unit === 'share'
					? 1
					: Math.max(...shown.map(({ quantiles, estimate }) => Math.max(quantiles[4], estimate.high)));
			const x = scaleLinear([0, top || 1], [left, right]).nice(5);
			parts.push(
				text(pen, 0, y + 13, unit === 'share' ? title : `${title} (${unit})`, { 'font-weight': 600 })
			);
			const base = y + LINE + shown.length * ROW;
			for (const tick of x.ticks(5)) {
				parts.push(
					pen('path', { d: `M${round(x(tick))} ${y + LINE}V${base}`, stroke: ink.line }),
					text(pen, x(tick), base + 13, number(tick), {
						'font-size': 11,
						fill: ink.soft,
						'text-anchor': 'middle'
					})
				);
			}
			shown.forEach(({ name, tokens, estimate, over, quantiles: [q5, q25, q50, q75, q95] }, i) => {
				const middle = y + LINE + (i + 0.5) * ROW;
				const colour = colours[name] ?? ink.ink;
				const shared = { stroke: colour, 'stroke-width': 1.5 };
				const words = `${projectorTitle(name, options.projectors)}, M = ${tokens}, ${title.toLowerCase()}: mean ${number(estimate.value)} (${number(estimate.low)} to ${number(estimate.high)}, over ${estimate.n} ${over === 'images' ? 'images' : 'parts of the directions'}), median ${number(q50)}, 90 % from ${number(q5)} to ${number(q95)} ${unit}.`;
				lines.push({ y: middle, words });
				parts.push(
					text(pen, left - 10, middle + 4, `${projectorTitle(name, options.projectors)}, ${tokens}`, {
						'text-anchor': 'end'
					}),
					pen('path', { ...shared, d: `M${round(x(q5))} ${middle}H${round(x(q95))}` }),
					pen('rect', {
						...shared,
						x: x(q25),
						y: middle - 5,
						width: x(q75) - x(q25),
						height: 10,
						fill: colour,
						'fill-opacity': 0.25
					}),
					pen('path', { ...shared, 'stroke-width': 2.5, d: `M${round(x(q50))} ${middle - 5}v10` }),
					pen('path', {
						stroke: ink.ink,
						'stroke-width': 2.5,
						d: `M${round(x(estimate.low))} ${middle}H${round(x(estimate.high))}`
					}),
					pen('circle', { cx: x(estimate.value), cy: middle, r: 3, fill: ink.ink })
				);
			});
			y = base + GAP;
		}
		const note = readout(pen, ink, 0, y + 8);
		const svg = root(pen, options, y + LINE, localityDistribution.title, [...parts, note.element]);
		link(svg, options, {
			at(_, pointer) {
				const row = lines.findIndex((line) => Math.abs(line.y - pointer) <= ROW / 2);
				return row < 0 ? undefined : { row };
			},
			show: ({ row }) => note.write((row === undefined ? undefined : lines[row]?.words) ?? ''),
			move(key, { row = -1, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, row: Math.min(lines.length - 1, Math.max(0, row + step)) };
			}
		});
		return svg;
	},
	table: ({ projectors }) => ({
		columns: [
			'projector',
			'M',
			'number',
			'unit',
			'mean',
			'low',
			'high',
			'interval over',
			'parts',
			'5 %',
			'25 %',
			'median',
			'75 %',
			'95 %'
		],
		rows: projectors.flatMap(({ name, tokens, summary }) =>
			summary.map(({ measure, estimate, over, quantiles }) => [
				...[name, tokens, localityMeasures[measure].title, localityMeasures[measure].unit],
				...[exact(estimate.value), exact(estimate.low), exact(estimate.high), over, estimate.n],
				...quantiles.map(exact)
			])
		)
	}),
	paper: ({ projectors }, styles) =>
		pivoted(
			['Projector', 'M'],
			projectors.flatMap(({ name, tokens, summary }) =>
				summary.map(({ measure, estimate }) => ({
					names: [projectorTitle(name, styles), tokens],
					column: heads[measure],
					cell: estimate
				}))
			),
			(head) => local[(Object.keys(heads) as LocalityMeasure[]).find((measure) => heads[measure] === head)!]
		)
};
