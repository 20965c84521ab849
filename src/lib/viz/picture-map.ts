import type { PictureCell, PictureValues, Region } from '../analysis/picture-cells.ts';
import { COLOUR_BAR_HEIGHT, colourBar } from './colour-bar.ts';
import { frame, placeFrame } from './cell-map.ts';
import type { Figure } from './figure.ts';
import { exact, quantity } from './format.ts';
import { drawImage, panel, shapeIn, type FigureImage } from './image-panel.ts';
import { link } from './interaction.ts';
import {
	divergingScale,
	inkOf,
	largest,
	largestMagnitude,
	levelOf,
	sequentialScale,
	type ColourScale
} from './palette.ts';
import { readout } from './readout.ts';
import { LINE, penOf, root, round, text, type Pen } from './svg.ts';
import type { OverlayOptions } from './token-map.ts';

/** Values of all views of a picture, on the picture. */
export interface PictureRows extends PictureValues {
	/** The original picture, whole. */
	readonly image: FigureImage;
}

type PictureFigure = Figure<PictureRows, OverlayOptions>;

/** Draws all views of a picture together: the tiles on one copy of it, the view of the whole on another, in one scale. */
export function pictureFigure(
	words: Pick<PictureFigure, 'id' | 'title' | 'readingAid' | 'method'>
): PictureFigure {
	return {
		...words,
		ofPlaces: true,
		draw(rows, options) {
			const { label, unit, signed, sums, image, size } = rows;
			const layers = rows.layers.filter(({ title }) => options.panels?.includes(title) ?? true);
			const pen = penOf(options);
			const ink = inkOf(options.theme);
			const values = Float32Array.from(rows.layers.flatMap(({ cells }) => cells.map(({ value }) => value)));
			const scale = signed
				? divergingScale(largestMagnitude(values), { label, unit })
				: sequentialScale(largest(values), { label, unit });
			const gap = 16;
			const across = options.width >= 480 ? layers.length : 1;
			// Below each other they must leave a page room for the words under the figure.
			const tallest =
				across === 1 && layers.length > 1
					? (1.75 * options.width) / layers.length - LINE - gap
					: (options.height ?? 560);
			const longer = Math.min(
				(options.width + gap) / across - gap,
				options.height ?? 560,
				tallest * Math.max(1, image.aspect ?? 1)
			);
			const shape = shapeIn(longer, image);
			const tall = LINE + shape.height + gap;
			const panels = layers.map((_, i) =>
				panel((i % across) * (longer + gap), Math.floor(i / across) * tall + LINE, longer, 1, image)
			);
			const onFigure = ({ box }: (typeof panels)[number], region: Region): Region => ({
				x: box.x + (region.x / size.width) * box.width,
				y: box.y + (region.y / size.height) * box.height,
				width: (region.width / size.width) * box.width,
				height: (region.height / size.height) * box.height
			});
			const foot = Math.ceil(layers.length / across) * tall - gap + 8;
			const mark = frame(pen);
			const note = readout(pen, ink, 0, foot + COLOUR_BAR_HEIGHT + LINE - 4);
			const drawn = layers.flatMap(({ title, cells }, i) => {
				const place = panels[i]!;
				const total = cells.reduce((sum, { value }) => sum + value, 0);
				return [
					text(pen, place.box.x, place.box.y - 6, sums ? `${title}: ${quantity(total, unit)} in all` : title),
					drawImage(pen, ink, place, image, options),
					pen(
						'g',
						{ opacity: options.opacity ?? 0.7, 'shape-rendering': 'crispEdges', 'pointer-events': 'none' },
						cellPaths(pen, cells, scale, (region) => onFigure(place, region))
					)
				];
			});
			const svg = root(pen, options, foot + COLOUR_BAR_HEIGHT + LINE, words.title, [
				...drawn,
				mark,
				colourBar(pen, ink, scale, 0, foot, Math.min(240, options.width)),
				note.element
			]);
			/** Cells of all shown layers, in order: what a selected row counts. */
			const all = layers.flatMap(({ title, cells }, i) =>
				cells.map((cell) => ({
					...cell,
					title,
					at: cell.regions.map((region) => onFigure(panels[i]!, region))
				}))
			);
			link(svg, options, {
				at(x, y) {
					const row = all.findIndex(({ at }) =>
						at.some((box) => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height)
					);
					return row < 0 ? undefined : { row };
				},
				show({ row }) {
					const cell = row === undefined ? undefined : all[row];
					placeFrame(mark, cell?.at[0]);
					note.write(cell ? `${cell.name}: ${quantity(cell.value, unit)}.` : '');
				}
			});
			return svg;
		},
		panels: ({ layers }) => layers.map(({ title }) => ({ id: title, title })),
		table: ({ layers, label, unit }) => ({
			columns: ['laid on', 'of', 'x (px)', 'y (px)', 'width (px)', 'height (px)', `${label} (${unit})`],
			rows: layers.flatMap(({ title, cells }) =>
				cells.flatMap(({ name, regions, value }) =>
					(regions.length > 0 ? regions : [undefined]).map((region) => [
						...[title, name],
						...(['x', 'y', 'width', 'height'] as const).map((side) => (region ? exact(region[side]) : '–')),
						exact(value)
					])
				)
			)
		})
	};
}

/** Rectangles, one path for each colour, so that thousands of them are few elements. */
function cellPaths(
	pen: Pen,
	cells: readonly PictureCell[],
	scale: ColourScale,
	place: (region: Region) => Region
): SVGElement[] {
	const paths = new Map<number, string[]>();
	for (const { regions, value } of cells) {
		const level = levelOf(scale, value);
		if (regions.length === 0 || level < 0) continue;
		const piece = regions
			.map(place)
			.map(
				({ x, y, width, height }) =>
					`M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`
			)
			.join('');
		const path = paths.get(level);
		if (path) path.push(piece);
		else paths.set(level, [piece]);
	}
	return Array.from(paths)
		.sort(([a], [b]) => a - b)
		.map(([level, pieces]) => pen('path', { fill: scale.colours[level]!, d: pieces.join('') }));
}
