import { gridOf, type GridShape } from '../analysis/grid.ts';
import { cellAt, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, quantity } from './format.ts';
import { drawImage, drawPatches, panel, patchRect, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { divergingScale, inkOf, largestMagnitude } from './palette.ts';
import { matrixTable } from './paper-table.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';
import type { OverlayOptions } from './token-map.ts';

export interface DifferenceRows {
	/** a − b over the patches [N]: shares of one token, covers, or influences. */
	readonly difference: Float32Array;
	/** Names of the two sides. */
	readonly a: string;
	readonly b: string;
	readonly label: string;
	readonly unit: string;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
	readonly image?: FigureImage;
	/** End of the scale, to compare figures; the largest magnitude by default. */
	readonly extent?: number;
}

export const differenceMap: Figure<DifferenceRows, OverlayOptions> = {
	id: 'difference-map',
	title: 'Where two maps differ',
	readingAid: 'Orange patches matter more on the first side, purple ones on the second; pale ones alike.',
	method:
		'The second side’s value is subtracted from the first’s, patch by patch, after both were turned into shares.',
	ofPlaces: true,
	draw(rows, options) {
		const { difference, a, b, label, unit } = rows;
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const size = Math.min(options.width, options.height ?? 560);
		const place = panel(0, LINE, size, gridOf(difference.length, rows.grid), rows.image);
		const scale = divergingScale(rows.extent ?? largestMagnitude(difference), { label, unit });
		const mark = frame(pen);
		const foot = LINE + place.box.height + 8;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, `${differenceMap.title}: ${a} − ${b}`, [
			text(pen, 0, LINE - 6, `${a} − ${b}`),
			drawImage(pen, ink, place, rows.image, options),
			drawPatches(pen, options, place, difference, scale, rows.image ? (options.opacity ?? 0.7) : 1),
			mark,
			colourBar(pen, ink, scale, 0, foot, Math.min(240, size)),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(place.box, x, y);
				return at && { patch: at.row * place.box.columns + at.column };
			},
			show({ patch }) {
				const known = patch !== undefined && patch < difference.length;
				placeFrame(mark, known ? patchRect(place, patch) : undefined);
				note.write(known ? `Patch ${patch}: ${a} − ${b} = ${quantity(difference[patch]!, unit)}.` : '');
			}
		});
		return svg;
	},
	table: ({ difference, a, b, unit }) => ({
		columns: ['patch', `${a} − ${b} (${unit})`],
		rows: Array.from(difference, (value, n) => [n, exact(value)])
	}),
	paper: ({ difference, grid, a, b, unit }) =>
		matrixTable(difference, gridOf(difference.length, grid).columns, `${a} − ${b} (${unit})`)
};
