import { cellAt, cellRect, drawCells, frame, placeFrame, type CellBox } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { link } from './interaction.ts';
import { describe, localityGrid, type MapRows } from './locality-grid.ts';
import { inkOf, largest, sequentialScale } from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';

export const tokenPatchMatrix: Figure<MapRows> = {
	id: 'token-patch-matrix',
	title: 'Visual tokens × patches',
	readingAid:
		'Every row is a visual token, every column a patch, both in reading order; a projector that keeps places shows diagonals, one that does not shows scattered rows or columns that all tokens share.',
	method:
		'The whole map, without any normalisation: row m, column n holds the value of visual token m at patch n.',
	ofPlaces: true,
	draw(rows, options) {
		const { map, label, unit } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const left = 22;
		const top = 20;
		const width = options.width - left;
		const height = options.height ?? Math.min(640, Math.max(120, (width * map.tokens) / map.patches));
		const box: CellBox = { x: left, y: top, width, height, columns: map.patches, rows: map.tokens };
		const scale = sequentialScale(largest(map.data), { label, unit });
		const foot = top + height + 8;
		const axis = { fill: ink.soft, 'font-size': 11 };
		const mark = frame(pen);
		const note = readout(pen, ink, left, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, tokenPatchMatrix.title, [
			text(pen, left, top - 7, `patch 0 to ${map.patches - 1} →`, axis),
			text(pen, -top, left - 8, `← token 0 to ${map.tokens - 1}`, {
				...axis,
				transform: 'rotate(-90)',
				'text-anchor': 'end'
			}),
			drawCells(pen, options, box, map.data, scale),
			mark,
			colourBar(pen, ink, scale, left, foot, Math.min(240, width)),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(box, x, y);
				return at && { token: at.row, patch: at.column };
			},
			show({ token, patch }) {
				const known = token !== undefined && token < map.tokens;
				const row = known ? cellRect(box, 0, token) : undefined;
				const column = patch !== undefined && patch < map.patches ? patch : undefined;
				placeFrame(
					mark,
					row && (column === undefined ? { ...row, width } : cellRect(box, column, token ?? 0))
				);
				note.write(known ? describe(rows, token, patch) : '');
			},
			move(key, { token = -1, patch = 0, ...rest }) {
				const [down, right] =
					{ ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[key] ?? [];
				if (down === undefined || right === undefined) return undefined;
				if (token < 0) return { ...rest, token: 0, patch: 0 };
				const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
				return { ...rest, token: clamp(token + down, map.tokens), patch: clamp(patch + right, map.patches) };
			}
		});
		return svg;
	},
	table: (rows) => localityGrid.table(rows)
};
