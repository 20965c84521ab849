import { scaleLinear } from 'd3';
import { localityMeasures, type LocalityMeasure, type LocalitySummary } from '../analysis/locality.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { inkOf, projectorColours, projectorTitle, type ProjectorStyles } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { sideBySide } from './panels.ts';
import { readout } from './readout.ts';
import { rules } from './rules.ts';
import { LINE, penOf, root, round, text } from './svg.ts';
import { linesOf } from './type.ts';

export interface DistributionRows {
	/** One entry for each projector (and M), in the order to show. */
	readonly projectors: readonly {
		readonly name: string;
		/** M */
		readonly tokens: number;
		/** In place of the projector's own. */
		readonly title?: string;
		readonly colour?: string;
		readonly summary: readonly (LocalitySummary & {
			/** From the first one, place by place. */
			readonly difference?: {
				readonly value: number;
				readonly low: number;
				readonly high: number;
				readonly p: number;
			};
		})[];
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

/** Heads of panels and of the columns of a paper's table. */
const heads: Readonly<Record<LocalityMeasure, string>> = {
	drift: 'Drift from home (patches)',
	spread: 'Spread (patches)',
	inside: 'Inside home (share)',
	near: 'Near home (share)',
	entropy: 'Entropy (bits)',
	effectivePatches: 'Effective patches'
};

const measures = Object.keys(localityMeasures) as LocalityMeasure[];
const ROW = 20;
const GAP = 30;
/** Pixels from one panel to the next. */
const BETWEEN = 20;
/** Pixels for the projectors' names, which stand once in a row of panels. */
const NAMES = 140;

const titleOf = ({ name, title }: DistributionRows['projectors'][number], styles: ProjectorStyles): string =>
	title ?? projectorTitle(name, styles);

/** What is told of a difference. */
const apart = (
	of: { readonly value: number; readonly low: number; readonly high: number; readonly p: number } | undefined
) =>
	of
		? `; ${number(of.value)} (${number(of.low)} to ${number(of.high)}) from the first, p = ${number(of.p)}`
		: '';

export const localityDistribution: Figure<DistributionRows> = {
	id: 'locality-distribution',
	title: 'How local the projectors are',
	readingAid:
		'For each number, projector by projector with its M: the line spans 90 % of the visual tokens, the box half of them, the tick is the median, and the dot is the mean with its 95 % interval over images, or over directions where there is one image.',
	method:
		'Numbers of every token from its shares over the patches; their definitions stand with the map of one token. Intervals (95 %): Student’s, over the means of images; of one image over the random directions of its map (jackknife over parts of them). Differences from the first, where one picture is compared: tokens paired by place, Student’s interval over the places, p by exchanging sides; they speak of places of this picture, not of other pictures. A resampler’s tokens have no order: its home cells are the best that a one-to-one assignment can give, if so named.',
	ofPlaces: true,
	draw({ projectors, all }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const colours = projectorColours(all, options.projectors);
		const shown = measures.filter(
			(measure) =>
				(options.panels?.includes(measure) ?? true) &&
				projectors.some(({ summary }) => summary.some((entry) => entry.measure === measure))
		);
		const layout = sideBySide(shown.length, options.width - NAMES - 12, 88, BETWEEN);
		const titles = shown.map((measure) => linesOf(heads[measure], 0.9 * layout.width));
		const head = Math.max(1, ...titles.map(({ length }) => length)) * LINE;
		const height = head + projectors.length * ROW + GAP;
		const marks: { readonly x: number; readonly y: number; readonly words: string }[] = [];
		const parts: SVGElement[] = [];
		shown.forEach((measure, i) => {
			const place = layout.place(i, height);
			const [left, right] = [NAMES + place.x, NAMES + place.x + layout.width];
			const base = place.y + head + projectors.length * ROW;
			const { unit } = localityMeasures[measure];
			const found = projectors.map(({ summary }) => summary.find((entry) => entry.measure === measure));
			const top =
				unit === 'share'
					? 1
					: Math.max(0, ...found.map((of) => (of ? Math.max(of.quantiles[4], of.estimate.high) : 0)));
			const count = layout.width < 160 ? 2 : 5;
			const x = scaleLinear([0, top || 1], [left, right]).nice(count);
			parts.push(
				...titles[i]!.map((line, l) => text(pen, left, place.y + 13 + l * LINE, line, { 'font-weight': 600 }))
			);
			parts.push(...rules(pen, ink, x, { top: place.y + head, bottom: base, most: count }));
			projectors.forEach((projector, row) => {
				const { name, tokens } = projector;
				const middle = place.y + head + (row + 0.5) * ROW;
				const title = titleOf(projector, options.projectors);
				if (place.x === 0)
					parts.push(text(pen, NAMES - 10, middle + 4, `${title}, ${tokens}`, { 'text-anchor': 'end' }));
				const one = found[row];
				if (!one) return;
				const { estimate, over, quantiles } = one;
				const [q5, q25, q50, q75, q95] = quantiles;
				const colour = projector.colour ?? colours[name] ?? ink.ink;
				const shared = { stroke: colour, 'stroke-width': 1.5 };
				const words = `${title}, M = ${tokens}, ${localityMeasures[measure].title.toLowerCase()}: mean ${number(estimate.value)} (${number(estimate.low)} to ${number(estimate.high)}, over ${estimate.n} ${over === 'images' ? 'images' : 'parts of the directions'}), median ${number(q50)}, 90 % from ${number(q5)} to ${number(q95)} ${unit}${apart(one.difference)}.`;
				marks.push({ x: place.x, y: middle, words });
				parts.push(
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
		});
		const y = Math.ceil(shown.length / layout.across) * height;
		const note = readout(pen, ink, 0, y + 8);
		const svg = root(pen, options, y + LINE, localityDistribution.title, [...parts, note.element]);
		link(svg, options, {
			at(px, py) {
				const column = Math.max(0, Math.floor((px - NAMES) / (layout.width + BETWEEN)));
				const row = marks.findIndex(
					(mark) =>
						Math.abs(mark.y - py) <= ROW / 2 && Math.round(mark.x / (layout.width + BETWEEN)) === column
				);
				return row < 0 ? undefined : { row };
			},
			show: ({ row }) => note.write((row === undefined ? undefined : marks[row]?.words) ?? ''),
			move(key, { row = -1, ...rest }) {
				const step = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (step === undefined) return undefined;
				return { ...rest, row: Math.min(marks.length - 1, Math.max(0, row + step)) };
			}
		});
		return svg;
	},
	panels: ({ projectors }) =>
		measures
			.filter((measure) =>
				projectors.some(({ summary }) => summary.some((entry) => entry.measure === measure))
			)
			.map((id) => ({ id, title: heads[id] })),
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
			'95 %',
			'from the first',
			'from the first, low',
			'from the first, high',
			'p'
		],
		rows: projectors.flatMap(({ name, title, tokens, summary }) =>
			summary.map(({ measure, estimate, over, quantiles, difference }) => [
				...[title ?? name, tokens, localityMeasures[measure].title, localityMeasures[measure].unit],
				...[exact(estimate.value), exact(estimate.low), exact(estimate.high), over, estimate.n],
				...quantiles.map(exact),
				...[difference?.value, difference?.low, difference?.high, difference?.p].map((of) => exact(of ?? NaN))
			])
		)
	}),
	paper: ({ projectors }, styles) =>
		pivoted(
			['Projector', 'M'],
			projectors.flatMap((projector) =>
				projector.summary.flatMap(({ measure, estimate, difference }) => {
					const names = [titleOf(projector, styles), projector.tokens];
					const { p, ...from } = difference ?? { p: NaN };
					return [
						{ names, column: heads[measure], cell: estimate },
						...('value' in from
							? [
									{ names, column: `${heads[measure]}, from the first`, cell: from },
									{ names, column: `${heads[measure]}, p`, cell: { value: p } }
								]
							: [])
					];
				})
			),
			(head) => {
				const measure = measures.find((one) => heads[one] === head);
				return measure && local[measure];
			}
		)
};
