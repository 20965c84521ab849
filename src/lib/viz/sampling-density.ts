import type { SamplingDensity } from '../analysis/offsets.ts';
import { cellAt, cellRect, frame, placeFrame } from './cell-map.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import type { Figure } from './figure.ts';
import { exact, number } from './format.ts';
import { drawImage, drawPatches, panel, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import { inkOf, largest, sequentialScale } from './palette.ts';
import { matrixTable } from './paper-table.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, text } from './svg.ts';
import type { OverlayOptions } from './token-map.ts';

export interface DensityRows {
	readonly density: SamplingDensity;
	/** Sum of all weights: number of heads · tokens · layers chosen. */
	readonly total: number;
	readonly image?: FigureImage;
}

export const samplingDensity: Figure<DensityRows, OverlayOptions> = {
	id: 'sampling-density',
	title: 'How densely the image is sampled',
	readingAid: 'Bright places are sampled by many tokens with much weight; dark ones reach no token directly.',
	method:
		'Sum of the attention weights of all sampling locations that fall in a cell, per area of one patch; what falls outside the image is stated below.',
	ofPlaces: true,
	draw({ density, total, image }, options) {
		const pen = penOf(options);
		const ink = inkOf(options.theme);
		const size = Math.min(options.width, options.height ?? 560);
		const place = panel(0, 0, size, density.cells, image);
		const scale = sequentialScale(largest(density.data), {
			label: 'Sampling weight',
			unit: 'per patch area'
		});
		const mark = frame(pen);
		const foot = place.box.height + 8;
		const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + 2 * LINE - 4);
		const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + 2 * LINE, samplingDensity.title, [
			drawImage(pen, ink, place, image, options),
			drawPatches(pen, options, place, density.data, scale, image ? (options.opacity ?? 0.7) : 1),
			mark,
			colourBar(pen, ink, scale, 0, foot, Math.min(240, size)),
			text(
				pen,
				0,
				foot + COLOUR_BAR_HEIGHT + LINE - 4,
				`Outside the image: ${number((100 * density.outside) / total)} % of the weight`
			),
			note.element
		]);
		link(svg, options, {
			at(x, y) {
				const at = cellAt(place.box, x, y);
				return at && { patch: at.row * density.cells + at.column };
			},
			show({ patch }) {
				const known = patch !== undefined && patch < density.data.length;
				const [column, row] = known ? [patch % density.cells, Math.floor(patch / density.cells)] : [0, 0];
				placeFrame(mark, known ? cellRect(place.box, column, row) : undefined);
				note.write(
					known ? `Column ${column}, row ${row}: ${number(density.data[patch]!)} per patch area.` : ''
				);
			}
		});
		return svg;
	},
	table: ({ density }) => ({
		columns: ['column', 'row', 'sampling weight (per patch area)'],
		rows: Array.from(density.data, (value, i) => [
			i % density.cells,
			Math.floor(i / density.cells),
			exact(value)
		])
	}),
	paper: ({ density }) => matrixTable(density.data, density.cells, 'Sampling weight (per patch area)')
};
