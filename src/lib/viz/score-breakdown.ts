import type { BreakdownRows } from '../analysis/score-rows.ts';
import { scaleLinear } from 'd3';
import { INTERVALS_OF_SHARES } from '../analysis/shares.ts';
import { silentCells, silentColumns, silentWords, warningLines } from './answer-counts.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { legendPlaces } from './legend.ts';
import { inkOf, projectorColours } from './palette.ts';
import { pivoted, type PaperTable } from './paper-table.ts';
import { readout } from './readout.ts';
import { rules } from './rules.ts';
import { penOf, root, round, text } from './svg.ts';
import { clipped } from './type.ts';

/** Pixels from one model's dot to the next in a category. */
const STEP = 9;

export const scoreBreakdown: Figure<BreakdownRows> = breakdownOf({
	id: 'score-breakdown',
	title: 'By category',
	readingAid:
		'One row for each category, one dot for each run with its 95 % interval, the best categories first. Choose a row to see the examples behind it.',
	method: `Scores of a category are the benchmark’s own. ${INTERVALS_OF_SHARES} Hollow dots were not measured here.`
});

/** Dots by category in a figure's own words. */
export function breakdownOf(
	words: Pick<Figure<BreakdownRows>, 'id' | 'title' | 'readingAid' | 'method'>
): Figure<BreakdownRows> {
	return {
		...words,
		draw(rows, options) {
			const pen = penOf(options);
			const ink = inkOf(options.theme);
			const colours = projectorColours(rows.projectors, options.projectors);
			const { categories, series, warnings = [] } = rows;
			const left = Math.min(190, options.width * 0.36);
			const right = options.width - 12;
			const row = Math.max(20, STEP * series.length + 10);
			const shown = categories.flatMap(({ scores }) => scores);
			const low = Math.min(...shown.flatMap((score) => [score.low, ...(score.each ?? [])]));
			const high = Math.max(...shown.flatMap((score) => [score.high, ...(score.each ?? [])]));
			const x = scaleLinear([Math.min(low, high - 1), high], [left, right]).nice(6);
			const names = legendPlaces(
				series.map(({ name }) => name),
				options.width
			);
			const top = names.height + 10;
			const bottom = top + categories.length * row;
			const band = pen('rect', {
				x: 0,
				width: options.width,
				height: row,
				fill: ink.line,
				opacity: 0.35,
				class: 'frame',
				visibility: 'hidden'
			});
			const parts: SVGElement[] = [band];
			series.forEach(({ name, projector, hollow }, i) => {
				const place = names.places[i]!;
				parts.push(
					dot(place.x + 4, place.y - 4, colours[projector] ?? ink.soft, hollow ? ink.paper : undefined),
					text(pen, place.x + 13, place.y, name)
				);
			});
			parts.push(
				...rules(pen, ink, x, { top, bottom, most: 6 }),
				text(pen, right, bottom + 30, rows.score, { 'text-anchor': 'end', 'font-size': 11, fill: ink.soft })
			);
			categories.forEach(({ name, scores }, c) => {
				const middle = top + (c + 0.5) * row;
				parts.push(text(pen, left - 12, middle + 4, clipped(name, left - 16), { 'text-anchor': 'end' }));
				for (const score of scores) {
					const { projector, hollow } = series[score.series]!;
					const colour = colours[projector] ?? ink.soft;
					const y = middle + (score.series - (series.length - 1) / 2) * STEP;
					parts.push(
						pen('path', {
							d: `M${round(x(score.low))} ${round(y)}H${round(x(score.high))}`,
							stroke: colour,
							'stroke-width': 1.25
						}),
						...(score.each ?? []).map((value) =>
							pen('path', {
								d: `M${round(x(value))} ${round(y - 4)}v8`,
								stroke: colour,
								'stroke-width': 0.75
							})
						),
						dot(x(score.value), y, colour, hollow ? ink.paper : undefined)
					);
				}
			});
			function dot(cx: number, cy: number, colour: string, fill = colour) {
				return pen('circle', { cx, cy, r: 3.5, fill, stroke: colour, 'stroke-width': 1.5 });
			}
			const warned = warningLines(pen, ink, warnings, bottom + 36, options.width);
			const foot = bottom + 48 + warned.height;
			const note = readout(pen, ink, 0, foot);
			const drawn = [...parts, ...warned.elements, note.element];
			const svg = root(pen, options, foot + 6, words.title, drawn);
			link(svg, options, {
				at(_, pointer) {
					const index = Math.floor((pointer - top) / row);
					return index >= 0 && index < categories.length ? { row: index } : undefined;
				},
				show({ row: index }) {
					const category = index === undefined ? undefined : categories[index];
					band.setAttribute('visibility', category ? 'visible' : 'hidden');
					if (category) band.setAttribute('y', `${top + index! * row}`);
					note.write(
						category
							? `${category.name}: ${category.scores
									.map(
										({ series: of, value, low: from, high: to, answers, counts, each }) =>
											`${series[of]!.name} ${number(value)} (${number(from)} to ${number(to)}, n = ${answers}${silentWords(counts)}${each ? `; seeds ${each.map((one) => number(one)).join(', ')}` : ''})`
									)
									.join('; ')}.`
							: ''
					);
				},
				move(key, { row: index = -1, ...rest }) {
					const step = { ArrowDown: 1, ArrowUp: -1 }[key];
					if (step === undefined || categories.length === 0) return undefined;
					return { ...rest, row: Math.min(categories.length - 1, Math.max(0, index + step)) };
				}
			});
			return svg;
		},
		table: ({ categories, series, score }) => ({
			columns: ['category', 'run', score, 'low', 'high', 'answers', ...silentColumns],
			rows: categories.flatMap(({ name, scores }) =>
				scores.map(({ series: of, value, low, high, answers, counts }) => [
					...[name, series[of]!.name, exact(value), exact(low), exact(high), answers],
					...silentCells(counts)
				])
			)
		}),
		paper: breakdownPaper
	};
}

/** Runs as rows, categories as columns: how every figure by category stands in a paper. */
export function breakdownPaper({ categories, series }: BreakdownRows): PaperTable {
	return pivoted(
		['Run'],
		categories.flatMap(({ name, scores }) =>
			scores.map(({ series: of, ...cell }) => ({ names: [series[of]!.name], column: name, cell }))
		),
		() => 'more'
	);
}
