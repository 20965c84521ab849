import type { PositionMapRows } from '../analysis/sweep-rows.ts';
import { columnRow, neighbourToken } from '../analysis/grid.ts';
import { cellAt, cellRect, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number, percent } from './format.ts';
import { link } from './interaction.ts';
import { inkOf, sequentialScale } from './palette.ts';
import { leastMap } from './panels.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

/** Below this a true answer is as good as never given; the scale ends there at the latest. */
const FLOOR = -12;
const GAP = 24;

export const positionMap: Figure<PositionMapRows> = {
	id: 'position-map',
	title: 'Answers by the object’s place',
	readingAid:
		'Each square is the whole image; a cell is coloured by how likely the truth was when the object stood there, and crossed where the answer was wrong.',
	method:
		'One object is put at every place of a square grid, everything else kept, and the questions are asked anew. Colour is the natural logarithm of the probability that the model gives to the words of the true answer (mean over the questions), cut at −12; a cross marks places where less than half of the questions were answered right.',
	ofPlaces: true,
	draw({ side, panels: all }, options) {
		const panels = all.filter(({ title }) => options.panels?.includes(title) ?? true);
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const least = leastMap(options) - 10;
		const columns = Math.max(1, Math.min(panels.length, Math.floor((options.width + GAP) / (least + GAP))));
		const size = Math.min(320, (options.width - (columns - 1) * GAP) / columns);
		const known = panels.flatMap(({ logProbability }) => [...logProbability].filter(Number.isFinite));
		const low = Math.max(FLOOR, Math.min(-1, ...known));
		const scale = sequentialScale(0, { label: 'Log-probability of the truth', unit: 'nats' }, low);
		const boxes = panels.map((_, i): CellBox => {
			const at = columnRow(i, columns);
			const top = at.row * (size + LINE + GAP) + LINE;
			return { x: at.column * (size + GAP), y: top, width: size, height: size, columns: side, rows: side };
		});
		const foot = Math.ceil(panels.length / columns) * (size + LINE + GAP);
		const drawn = panels.flatMap(({ title, credit, logProbability }, i) => {
			const box = boxes[i]!;
			const asked = credit.filter((value) => !Number.isNaN(value));
			const right = asked.reduce((sum, value) => sum + value, 0) / asked.length;
			const crosses = Array.from(credit, (value, cell) => {
				if (!(value < 0.5)) return '';
				const at = cellRect(box, cell % side, Math.floor(cell / side));
				const arm = Math.min(6, at.width / 4);
				const [x, y] = [round(at.x + at.width / 2 - arm), round(at.y + at.height / 2 - arm)];
				return `M${x} ${y}l${round(2 * arm)} ${round(2 * arm)}m0 ${round(-2 * arm)}l${round(-2 * arm)} ${round(2 * arm)}`;
			}).join('');
			return [
				text(pen, box.x, box.y - 6, title, { 'font-weight': 600 }),
				text(pen, box.x + size, box.y - 6, asked.length > 0 && size >= 160 ? `${percent(right)} right` : '', {
					'text-anchor': 'end',
					fill: ink.soft
				}),
				pen('rect', { x: box.x, y: box.y, width: size, height: size, fill: 'none', stroke: ink.line }),
				drawCells(pen, options, box, logProbability, scale),
				pen('path', {
					d: crosses,
					fill: 'none',
					stroke: '#000000',
					'stroke-width': 3.5,
					'stroke-opacity': 0.6
				}),
				pen('path', { d: crosses, fill: 'none', stroke: '#ffffff', 'stroke-width': 1.5 })
			];
		});
		const frames = panels.map(() => frame(pen));
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, positionMap.title, [
			...drawn,
			...frames,
			colourBar(pen, ink, scale, 0, foot, Math.min(240, options.width)),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				for (const [row, box] of boxes.entries()) {
					const cell = cellAt(box, x, y);
					if (cell) return { step: cell.row * side + cell.column, row };
				}
				return undefined;
			},
			show({ step, row = 0 }) {
				const inside = step !== undefined && step < side * side;
				frames.forEach((mark, i) =>
					placeFrame(mark, inside ? cellRect(boxes[i]!, step % side, Math.floor(step / side)) : undefined)
				);
				const panel = panels[Math.min(row, panels.length - 1)];
				note.write(
					inside && panel
						? `${panel.title}, column ${(step % side) + 1}, row ${Math.floor(step / side) + 1}: “${panel.answers[step]}”, ${number(panel.credit[step]!)} right, truth at ${number(panel.logProbability[step]!)} nats.`
						: ''
				);
			},
			move(key, { step, ...rest }) {
				if (step === undefined) return key.startsWith('Arrow') ? { ...rest, step: 0 } : undefined;
				const next = neighbourToken(step, side, side * side, key);
				return next === undefined ? undefined : { ...rest, step: next };
			}
		});
		return svg;
	},
	panels: ({ panels }) => panels.map(({ title }) => ({ id: title, title })),
	table: ({ side, panels }) => ({
		columns: [
			'projector',
			'column',
			'row',
			'right (share)',
			'log-probability of the truth (nats)',
			'answers'
		],
		rows: panels.flatMap(({ title, credit, logProbability, answers }) =>
			Array.from(credit, (right, cell) => [
				title,
				cell % side,
				Math.floor(cell / side),
				exact(right),
				exact(logProbability[cell]!),
				answers[cell] ?? ''
			])
		)
	}),
	paper: ({ side, panels }) => ({
		heads: ['Projector', 'Row'],
		columns: Array.from({ length: side }, (_, column) => ({ name: `Right (share), column ${column}` })),
		rows: panels.flatMap(({ title, credit }) =>
			Array.from({ length: side }, (_, row) => ({
				names: [title, row],
				cells: Array.from({ length: side }, (_, column) => {
					const value = credit[row * side + column] ?? NaN;
					return Number.isNaN(value) ? undefined : { value };
				})
			}))
		)
	})
};
