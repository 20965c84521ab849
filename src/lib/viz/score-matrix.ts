import type { AnswerScore } from '../analysis/answer-scores.ts';
import { cellAt, cellRect, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { ComparedColumn } from './compare-grids.ts';
import type { Figure } from './figure.ts';
import { exact, number, quantity } from './format.ts';
import { link } from './interaction.ts';
import { colourOf, inkOf, sequentialScale, textOn } from './palette.ts';
import { pivoted } from './paper-table.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';

export interface ScoreMatrixRows {
	readonly columns: readonly ComparedColumn[];
	/** [writer][scorer]; nothing where there is no answer or no score. */
	readonly scores: readonly (readonly (AnswerScore | undefined)[])[];
}

const CELL = 74;
const HEIGHT = 40;

export const scoreMatrix: Figure<ScoreMatrixRows> = {
	id: 'score-matrix',
	title: 'Every answer, scored by every column',
	readingAid:
		'Each row is one column’s answer, each entry how surprised a column is by it: 1 is certain, and on the diagonal columns read what they wrote themselves.',
	method:
		'Perplexity, exp(−mean log-probability of the answer’s tokens), by forced decoding; the colour is the mean itself, in nats per token. Greedy answers need not have the lowest perplexity of their row: each token is the best one, the whole need not be. With another tokenizer the number of tokens differs: compare the sums on hover.',
	draw({ columns, scores }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const n = columns.length;
		const left = 76;
		const width = Math.min(CELL, (options.width - left) / n);
		const box: CellBox = { x: left, y: 40, width: width * n, height: HEIGHT * n, columns: n, rows: n };
		const surprise = (score: AnswerScore | undefined) => (score ? -score.total / score.tokens : NaN);
		const all = scores.flat().map(surprise);
		const scale = sequentialScale(Math.max(0.1, ...all.filter((value) => !Number.isNaN(value))), {
			label: 'Mean surprise',
			unit: 'nats per token'
		});
		const short = (column: ComparedColumn) => column.name.split(':')[0]!;
		const axis = { 'font-size': 11, fill: ink.soft };
		const parts: SVGElement[] = [text(pen, left, 11, 'scored by', axis), text(pen, 0, 34, 'answer of', axis)];
		columns.forEach((column, i) => {
			const across = box.x + (i + 0.5) * width;
			const down = box.y + (i + 0.5) * HEIGHT;
			parts.push(
				pen('circle', { cx: across - 10, cy: 30, r: 4, fill: column.colour }),
				text(pen, across, 34, short(column), { 'font-weight': 600 }),
				pen('circle', { cx: 4, cy: down, r: 4, fill: column.colour }),
				text(pen, 14, down + 4, short(column), { 'font-weight': 600 })
			);
			columns.forEach((_, j) => {
				const score = scores[i]?.[j];
				const colour = colourOf(scale, surprise(score));
				const rect = cellRect(box, j, i);
				parts.push(
					pen('rect', { ...rect, fill: colour, stroke: ink.paper }),
					text(pen, rect.x + width / 2, rect.y + HEIGHT / 2 + 4, score ? number(score.perplexity) : '–', {
						...{ 'text-anchor': 'middle', fill: score ? textOn(colour) : ink.soft }
					})
				);
			});
		});
		const mark = frame(pen);
		const foot = box.y + box.height + 10;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(
			pen,
			options,
			foot + COLOUR_BAR_HEIGHT + LINE,
			`${scoreMatrix.title}: ${columns.map(({ name }) => name).join('; ')}`,
			[...parts, mark, colourBar(pen, ink, scale, left, foot), note.element]
		);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(box, x, y);
				return at && { row: at.row, column: at.column };
			},
			show({ row, column }) {
				const known = row !== undefined && column !== undefined && row < n && column < n;
				placeFrame(mark, known ? cellRect(box, column, row) : undefined);
				if (!known) return note.write('');
				const score = scores[row]?.[column];
				const who = `Answer of ${short(columns[row]!)}, scored by ${short(columns[column]!)}`;
				note.write(
					score
						? `${who}: perplexity ${number(score.perplexity)}, ${quantity(score.total, 'nats')} over ${score.tokens} ${score.tokens === 1 ? 'token' : 'tokens'}.`
						: `${who}: no score.`
				);
			},
			move(key, { row, column, ...rest }) {
				const [down, right] =
					{ ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[key] ?? [];
				if (down === undefined || right === undefined) return undefined;
				if (row === undefined || column === undefined) return { ...rest, row: 0, column: 0 };
				const clamp = (value: number) => Math.min(n - 1, Math.max(0, value));
				return { ...rest, row: clamp(row + down), column: clamp(column + right) };
			}
		});
		return svg;
	},
	table: ({ columns, scores }) => ({
		columns: ['answer of', 'scored by', 'perplexity', 'log-probability (nats)', 'tokens'],
		rows: columns.flatMap(({ name }, i) =>
			columns.map((scorer, j) => {
				const score = scores[i]?.[j];
				return [
					...[name, scorer.name, exact(score?.perplexity ?? NaN)],
					...[exact(score?.total ?? NaN), score?.tokens ?? 0]
				];
			})
		)
	}),
	paper: ({ columns, scores }) =>
		pivoted(
			['Perplexity of the answer of'],
			columns.flatMap(({ name }, i) =>
				columns.flatMap((scorer, j) => {
					const score = scores[i]?.[j];
					return score
						? [{ names: [name], column: `scored by ${scorer.name}`, cell: { value: score.perplexity } }]
						: [];
				})
			)
		)
};
