import { squareGrid, type GridShape, type Place } from '../analysis/grid.ts';
import { cellRect, drawCells, type CellBox } from './cell-map.ts';
import type { FigureOptions } from './figure.ts';
import type { ColourScale, Ink } from './palette.ts';
import { round, type Pen } from './svg.ts';

interface Rectangle {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
}

/** The image that the model saw: squashed to a square, and shown in its own shape. */
export interface FigureImage {
	/** data: or blob: URL. */
	readonly href: string;
	readonly name: string;
	/** Width over height of what is shown of it; 1 when absent. */
	readonly aspect?: number;
	/** Where only a part of it is seen, or one that reaches beyond it: a rectangle in its pixels, and its size. */
	readonly part?: {
		readonly region: Rectangle;
		readonly size: { readonly width: number; readonly height: number };
	};
}

export interface Panel {
	readonly box: CellBox;
	/** Place in patches (`analysis/grid.ts`) → pixels of the figure. */
	at(place: Place): Place;
}

/**
 * Patches at (x, y), in the shape of the image that lies under them.
 * @param size pixels of the longer side
 * @param grid of the patches, or the side of a square one
 */
export function panel(
	x: number,
	y: number,
	size: number,
	grid: number | GridShape,
	image?: FigureImage
): Panel {
	const { columns, rows } = typeof grid === 'number' ? squareGrid(grid) : grid;
	const { width, height } = shapeIn(size, image ?? { aspect: columns / rows });
	const box = { x, y, width, height, columns, rows };
	return { box, at: (place) => ({ x: x + (place.x * width) / columns, y: y + (place.y * height) / rows }) };
}

/** Pixels of an image whose longer side is `size`. */
export function shapeIn(
	size: number,
	image: Pick<FigureImage, 'aspect'> | undefined
): { width: number; height: number } {
	const { aspect = 1 } = image ?? {};
	return { width: size * Math.min(1, aspect), height: size / Math.max(1, aspect) };
}

/** A circle in patches: an ellipse where they are not square. @param centre pixels @param radius patches, a pixel at least */
export function ring(
	pen: Pen,
	{ box }: Panel,
	{ x, y }: Place,
	radius: number,
	attributes: Parameters<Pen>[1]
): SVGElement {
	const rx = Math.max(1, (radius * box.width) / box.columns);
	const ry = Math.max(1, (radius * box.height) / box.rows);
	return rx === ry
		? pen('circle', { cx: x, cy: y, r: rx, ...attributes })
		: pen('ellipse', { cx: x, cy: y, rx, ry, ...attributes });
}

/** How a picture loses its colours on a page; files take them out of its pixels. */
export const GREY = 'filter: grayscale(1)';

/** The image, or empty paper with a thin edge when there is none. */
export function drawImage(
	pen: Pen,
	ink: Ink,
	{ box }: Panel,
	image: FigureImage | undefined,
	{ grey }: Pick<FigureOptions, 'grey'>
): SVGElement {
	const place = { x: box.x, y: box.y, width: box.width, height: box.height };
	if (image?.part) return drawPart(pen, place, image.href, image.part, grey);
	return image
		? pen('image', {
				...place,
				href: image.href,
				preserveAspectRatio: 'none',
				class: 'photo',
				...(grey && { style: GREY })
			})
		: pen('rect', { ...place, fill: 'none', stroke: ink.line });
}

/** A part of the picture stretched into `place`: the whole picture, so large that the part fits, and cut off at the place's edges. */
function drawPart(
	pen: Pen,
	place: Rectangle,
	href: string,
	{ region, size }: NonNullable<FigureImage['part']>,
	grey: FigureOptions['grey']
): SVGElement {
	const [across, down] = [place.width / region.width, place.height / region.height];
	// Named by what it is, so that two of one name cut alike.
	const id = `cut-${[place.x, place.y, place.width, place.height].map((side) => round(side)).join('-')}`;
	return pen('g', {}, [
		pen('clipPath', { id }, [pen('rect', { ...place })]),
		pen('g', { 'clip-path': `url(#${id})` }, [
			pen('image', {
				x: place.x - region.x * across,
				y: place.y - region.y * down,
				width: size.width * across,
				height: size.height * down,
				href,
				preserveAspectRatio: 'none',
				class: 'photo',
				...(grey && { style: GREY })
			})
		])
	]);
}

/** A map [side · side] over the image. */
export function drawPatches(
	pen: Pen,
	options: FigureOptions,
	{ box }: Panel,
	values: ArrayLike<number>,
	scale: ColourScale,
	opacity: number
): SVGElement {
	return drawCells(pen, options, box, values, scale, opacity);
}

/** Outline of a rectangle in patches, light over dark, to be seen on every image. */
export function outline(
	pen: Pen,
	panel: Panel,
	box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number },
	attributes: { readonly dash?: string; readonly className?: string } = {}
): SVGGElement {
	const from = panel.at({ x: box.left, y: box.top });
	const to = panel.at({ x: box.right, y: box.bottom });
	const d = `M${round(from.x)} ${round(from.y)}H${round(to.x)}V${round(to.y)}H${round(from.x)}Z`;
	const shared = { d, fill: 'none', 'stroke-dasharray': attributes.dash };
	return pen('g', { class: attributes.className, 'pointer-events': 'none' }, [
		pen('path', { ...shared, stroke: '#000000', 'stroke-width': 3, 'stroke-opacity': 0.6 }),
		pen('path', { ...shared, stroke: '#ffffff', 'stroke-width': 1.25 })
	]);
}

/** Rectangle of a patch, pixels. */
export function patchRect({ box }: Panel, patch: number) {
	return cellRect(box, patch % box.columns, Math.floor(patch / box.columns));
}
