import type { BreakdownRows } from '../analysis/score-rows.ts';
import { silentCells, silentColumns, silentWords, warningLines } from './answer-counts.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { legendPlaces } from './legend.ts';
import { inkOf, projectorColours } from './palette.ts';
import { readout } from './readout.ts';
import { breakdownPaper } from './score-breakdown.ts';
import { LINE, penOf, root, round, text } from './svg.ts';
import { linesOf, widthOf } from './type.ts';

const SMALL = 11;
/** Pixels of a line in the legend, and of the room behind it. */
const SAMPLE = 18;
const BEHIND = 6;

export const radar: Figure<BreakdownRows> = {
	id: 'radar',
	title: 'By category, as a radar',
	readingAid:
		'Every spoke is a category from 0 in the middle to the highest score at the rim. The dot plot says more: areas mislead, and intervals have no place here.',
	method:
		'The same scores as the dot plot by category. The order of the spokes changes the shape and means nothing.',
	draw({ categories, series, projectors, score, warnings = [] }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const colours = projectorColours(projectors, options.projectors);
		const legend = legendPlaces(
			series.map(({ name }) => name),
			options.width,
			{ sign: SAMPLE + BEHIND }
		);
		const most = Math.min(options.width, 460);
		const angleOf = (index: number) => (2 * Math.PI * index) / categories.length - Math.PI / 2;
		// Names stand outside the rim, in lines of at most a quarter of the width: the longest decides how large the rim may be.
		const names = categories.map(({ name }) => linesOf(name, options.width / 4, SMALL));
		const beside = names.map((lines, i) => {
			const [cos, widest] = [
				Math.abs(Math.cos(angleOf(i))),
				Math.max(...lines.map((line) => widthOf(line, SMALL)))
			];
			return cos < 0.2 ? Infinity : (options.width / 2 - widest) / cos - 12;
		});
		const radius = Math.max(10, Math.min(most / 2 - 42, ...beside));
		const side = 2 * (radius + 42);
		const centre = { x: options.width / 2, y: legend.height + side / 2 };
		const top = Math.max(1, ...categories.flatMap(({ scores }) => scores.map(({ value }) => value)));
		const at = (index: number, share: number) => {
			const angle = angleOf(index);
			return {
				x: centre.x + radius * share * Math.cos(angle),
				y: centre.y + radius * share * Math.sin(angle),
				cos: Math.cos(angle),
				sin: Math.sin(angle)
			};
		};
		const lineOf = ({ projector, hollow }: (typeof series)[number]) => ({
			...{ fill: 'none', 'stroke-width': 1.75, stroke: colours[projector] ?? ink.soft },
			'stroke-dasharray': hollow ? '4 3' : undefined
		});
		const named = series.flatMap((one, s) => {
			const { x, y } = legend.places[s]!;
			return [
				pen('path', { d: `M${round(x)} ${y - 4}h${SAMPLE}`, ...lineOf(one) }),
				text(pen, x + SAMPLE + BEHIND, y, one.name)
			];
		});
		const parts: SVGElement[] = [0.25, 0.5, 0.75, 1].map((share) =>
			pen('circle', { cx: centre.x, cy: centre.y, r: radius * share, fill: 'none', stroke: ink.line })
		);
		categories.forEach((_, i) => {
			const rim = at(i, 1);
			const words = at(i, 1 + 10 / radius);
			parts.push(
				pen('path', {
					d: `M${round(centre.x)} ${round(centre.y)}L${round(rim.x)} ${round(rim.y)}`,
					stroke: ink.line
				}),
				// Grows away from the middle.
				...names[i]!.map((line, row, { length }) =>
					text(pen, words.x, words.y + 4 + (row + ((words.sin - 1) * (length - 1)) / 2) * (SMALL + 2), line, {
						'text-anchor': Math.abs(words.cos) < 0.2 ? 'middle' : words.cos > 0 ? 'start' : 'end',
						'font-size': SMALL
					})
				)
			);
		});
		series.forEach((one, s) => {
			const corners = categories.map(({ scores }, i) =>
				at(i, Math.max(0, scores.find((entry) => entry.series === s)?.value ?? 0) / top)
			);
			parts.push(
				pen('path', {
					d: `M${corners.map(({ x, y }) => `${round(x)} ${round(y)}`).join('L')}Z`,
					...lineOf(one)
				})
			);
		});
		const bottom = legend.height + side;
		parts.push(
			text(pen, centre.x, bottom + 6, `Rim: ${number(top)}, ${score}`, {
				'text-anchor': 'middle',
				'font-size': 11,
				fill: ink.soft
			})
		);
		const ring = pen('circle', { r: 4, fill: ink.ink, class: 'frame', visibility: 'hidden' });
		const warned = warningLines(pen, ink, warnings, bottom + 10, options.width);
		const foot = bottom + LINE + 8 + warned.height;
		const note = readout(pen, ink, 0, foot);
		const drawn = [...named, ...parts, ...warned.elements, ring, note.element];
		const svg = root(pen, options, foot + 6, radar.title, drawn);
		link(svg, options, {
			at(px, py) {
				const turn = Math.atan2(py - centre.y, px - centre.x) + Math.PI / 2;
				const step = Math.round((turn / (2 * Math.PI)) * categories.length);
				return categories.length === 0 ? undefined : { row: (step + categories.length) % categories.length };
			},
			show({ row }) {
				const category = row === undefined ? undefined : categories[row];
				ring.setAttribute('visibility', category ? 'visible' : 'hidden');
				if (category) {
					const rim = at(row!, 1);
					ring.setAttribute('cx', `${round(rim.x)}`);
					ring.setAttribute('cy', `${round(rim.y)}`);
				}
				note.write(
					category
						? `${category.name}: ${category.scores.map((entry) => `${series[entry.series]!.name} ${number(entry.value)}${silentWords(entry.counts)}`).join('; ')}.`
						: ''
				);
			},
			move(key, { row = -1, ...rest }) {
				const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
				if (step === undefined || categories.length === 0) return undefined;
				return { ...rest, row: (row + step + categories.length) % categories.length };
			}
		});
		return svg;
	},
	table: ({ categories, series, score }) => ({
		columns: ['category', 'run', score, ...silentColumns],
		rows: categories.flatMap(({ name, scores }) =>
			scores.map((entry) => [
				name,
				series[entry.series]!.name,
				exact(entry.value),
				...silentCells(entry.counts)
			])
		)
	}),
	paper: breakdownPaper
};
