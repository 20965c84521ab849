import type { SweepAnswersRows } from '../analysis/sweep-rows.ts';
import { cellAt, cellRect, frame, placeFrame, type CellBox } from './cell-map.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { link } from './interaction.ts';
import { inkOf, projectorColours } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text } from './svg.ts';

const ROW = 22;
const LABEL = 112;

export const sweepAnswers: Figure<SweepAnswersRows> = {
	id: 'sweep-answers',
	title: 'Every answer of the sweep',
	readingAid:
		'A filled cell is a right answer, a crossed one a wrong answer, a dot a question without a true answer at that step.',
	method:
		'The scene is changed step by step and every question asked anew, greedily. A short answer is right when all of it equals the truth of that scene, a box when it overlaps the true one by at least half (intersection over union); a description is as right as its F1 over pairs of object and place, and filled that far.',
	draw(rows, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const colours = projectorColours(rows.projectors, options.projectors);
		const count = Math.max(1, rows.positions.length);
		const width = Math.max(60, options.width - LABEL);
		const marks: SVGElement[] = [];
		const boxes: CellBox[] = [];
		let y = 0;
		rows.lines.forEach((line, i) => {
			if (line.question !== rows.lines[i - 1]?.question) {
				y += i === 0 ? 0 : 8;
				marks.push(text(pen, 0, y + 13, line.question, { 'font-weight': 600 }));
				y += LINE + 2;
			}
			const colour = colours[line.projector] ?? ink.ink;
			const box = { x: LABEL, y, width, height: ROW - 4, columns: count, rows: 1 };
			boxes.push(box);
			marks.push(text(pen, 0, y + 13, line.title, { fill: ink.soft }));
			line.cells.forEach((cell, step) => {
				const at = cellRect(box, step, 0);
				const place = { x: at.x + 1, y: at.y, width: Math.max(1, at.width - 2), height: at.height };
				if (cell === undefined) return;
				const middle = { x: at.x + at.width / 2, y: at.y + at.height / 2 };
				if (cell.credit === undefined) {
					marks.push(pen('circle', { cx: middle.x, cy: middle.y, r: 1.5, fill: ink.soft }));
					return;
				}
				const filled = place.height * cell.credit;
				marks.push(
					pen('rect', { ...place, fill: 'none', stroke: ink.line }),
					pen('rect', { ...place, y: place.y + place.height - filled, height: filled, fill: colour })
				);
				if (cell.credit > 0) return;
				const arm = Math.min(5, at.width / 3);
				const [left, top] = [round(middle.x - arm), round(middle.y - arm)];
				const cross = `M${left} ${top}l${round(2 * arm)} ${round(2 * arm)}m0 ${round(-2 * arm)}l${round(-2 * arm)} ${round(2 * arm)}`;
				marks.push(pen('path', { d: cross, stroke: ink.soft, 'stroke-width': 1.25, fill: 'none' }));
			});
			y += ROW;
		});
		const every = Math.ceil((count * 34) / width);
		const axis = rows.positions.flatMap((position, step) =>
			step % every > 0
				? []
				: [
						text(pen, LABEL + ((step + 0.5) * width) / count, y + 12, number(position), {
							'text-anchor': 'middle',
							fill: ink.soft
						})
					]
		);
		const label = text(pen, LABEL + width, y + 12 + LINE, rows.position, {
			'text-anchor': 'end',
			fill: ink.soft
		});
		const whole: CellBox = { x: LABEL, y: 0, width, height: y, columns: count, rows: 1 };
		const mark = frame(pen);
		const lines = Math.max(1, rows.lines.length);
		const note = readout(pen, ink, 0, y + 2 * LINE + 14);
		const svg = root(pen, options, y + 3 * LINE + 4, sweepAnswers.title, [
			...marks,
			...axis,
			label,
			mark,
			note.element
		]);
		link(svg, options, {
			at(x, top) {
				const cell = cellAt(whole, x, top);
				if (cell === undefined) return undefined;
				const row = boxes.findIndex((box) => top < box.y + ROW);
				return { step: cell.column, row: Math.max(0, row) };
			},
			show({ step, row }) {
				const line = rows.lines[Math.min(row ?? 0, lines - 1)];
				const known = step !== undefined && step < rows.positions.length && line !== undefined;
				placeFrame(mark, known ? cellRect(whole, step, 0) : undefined);
				note.write(known ? describe(rows, line, step) : '');
			},
			move(key, { step = -1, row = 0, ...rest }) {
				const across = { ArrowRight: 1, ArrowLeft: -1 }[key];
				const down = { ArrowDown: 1, ArrowUp: -1 }[key];
				if (across === undefined && down === undefined) return undefined;
				return {
					...rest,
					step: Math.min(count - 1, Math.max(0, step + (across ?? 0))),
					row: Math.min(lines - 1, Math.max(0, row + (down ?? 0)))
				};
			}
		});
		return svg;
	},
	table: ({ lines, position, positions }) => ({
		columns: [
			'projector',
			'question',
			position,
			'answer',
			'truth',
			'right',
			'log-probability of the truth (nats)'
		],
		rows: lines.flatMap(({ projector, question, cells }) =>
			cells.flatMap((cell, step) =>
				cell === undefined
					? []
					: [
							[
								projector,
								question,
								exact(positions[step]!),
								cell.answer,
								cell.truth ?? '',
								exact(cell.credit ?? NaN),
								exact(cell.logProbability ?? NaN)
							]
						]
			)
		)
	})
};

function describe(rows: SweepAnswersRows, line: SweepAnswersRows['lines'][number], step: number): string {
	const where = `${rows.position} ${number(rows.positions[step]!)}, ${line.title}`;
	const cell = line.cells[step];
	if (cell === undefined) return `${where}: not asked yet.`;
	if (cell.truth === undefined) return `${where}: “${cell.answer}”; no true answer here.`;
	const likely = cell.logProbability === undefined ? '' : `, truth at ${number(cell.logProbability)} nats`;
	return `${where}: “${cell.answer}”, true “${cell.truth}”${likely}.`;
}
