import { dataUrl } from '../bytes/data-url.ts';
import type { FigureOptions } from './figure.ts';
import { levelOf, type ColourScale } from './palette.ts';
import { palettePng } from './png.ts';
import { round, type Pen } from './svg.ts';

/** A rectangle of equal cells, pixels. */
export interface CellBox {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
	readonly columns: number;
	readonly rows: number;
}

/** Pixels that a printed map has across at least. */
const PRINTED = 1024;

/**
 * Coloured cells. All of them are one pixel image (one element, however many cells), so that a map of 256 × 256 costs a few milliseconds to
 * draw and nothing to point at, and no seams show between cells in any program; with `vector` they are one path per colour.
 * @param values row-major [rows, columns]; what is not a number stays empty
 */
export function drawCells(
	pen: Pen,
	{ vector = false, printed = false }: Pick<FigureOptions, 'vector' | 'printed'>,
	box: CellBox,
	values: ArrayLike<number>,
	scale: ColourScale,
	opacity = 1
): SVGElement {
	const levels = Int16Array.from({ length: box.columns * box.rows }, (_, i) => levelOf(scale, values[i]!));
	const shared = { opacity: opacity === 1 ? undefined : opacity };
	if (vector === true || (vector === 'opaque' && opacity === 1))
		return pen('g', { ...shared, 'shape-rendering': 'crispEdges' }, vectorCells(pen, box, levels, scale));
	// Index 0 of the palette is empty; the two lowest levels share a colour.
	const pixels = Uint8Array.from(levels, (level) => (level < 0 ? 0 : Math.max(1, level)));
	const { columns, rows } = box;
	const times = printed ? Math.ceil(PRINTED / Math.max(columns, rows)) : 1;
	const large = times === 1 ? pixels : enlarged(pixels, columns, rows, times);
	return pen('image', {
		x: box.x,
		y: box.y,
		width: box.width,
		height: box.height,
		preserveAspectRatio: 'none',
		href: dataUrl(palettePng(large, columns * times, rows * times, scale.colours.slice(1))),
		'image-rendering': 'pixelated',
		...shared
	});
}

/** Every pixel as a square of `times` × `times`. */
function enlarged(pixels: Uint8Array, columns: number, rows: number, times: number): Uint8Array {
	const width = columns * times;
	const out = new Uint8Array(width * rows * times);
	for (let row = 0; row < rows; row++) {
		const first = row * times * width;
		for (let column = 0; column < columns; column++)
			out.fill(pixels[row * columns + column]!, first + column * times, first + (column + 1) * times);
		for (let copy = 1; copy < times; copy++) out.copyWithin(first + copy * width, first, first + width);
	}
	return out;
}

/** Pixels by which a shape reaches under its right and lower neighbours, so that nothing shines through between them. */
const UNDER = 0.4;

function vectorCells(pen: Pen, box: CellBox, levels: Int16Array, scale: ColourScale): SVGPathElement[] {
	const width = box.width / box.columns;
	const height = box.height / box.rows;
	const paths = new Map<number, string[]>();
	const covered = (row: number, from: number, to: number) =>
		row < box.rows &&
		levels.subarray(row * box.columns + from, row * box.columns + to).every((level) => level >= 0);
	for (let row = 0; row < box.rows; row++)
		for (let column = 0; column < box.columns;) {
			const level = levels[row * box.columns + column]!;
			const from = column;
			while (column < box.columns && levels[row * box.columns + column] === level) column++;
			if (level < 0) continue;
			const right = column < box.columns && levels[row * box.columns + column]! >= 0 ? UNDER : 0;
			const run = round((column - from) * width + right);
			const tall = round(height + (covered(row + 1, from, column) ? UNDER : 0));
			const piece = `M${round(box.x + from * width)} ${round(box.y + row * height)}h${run}v${tall}h${-run}z`;
			const path = paths.get(level);
			if (path) path.push(piece);
			else paths.set(level, [piece]);
		}
	return Array.from(paths)
		.sort(([a], [b]) => a - b)
		.map(([level, pieces]) => pen('path', { fill: scale.colours[level]!, d: pieces.join('') }));
}

/** Cell under a point of the figure, or nothing outside. */
export function cellAt(
	box: CellBox,
	x: number,
	y: number
): { readonly column: number; readonly row: number } | undefined {
	const column = Math.floor(((x - box.x) / box.width) * box.columns);
	const row = Math.floor(((y - box.y) / box.height) * box.rows);
	return column >= 0 && row >= 0 && column < box.columns && row < box.rows ? { column, row } : undefined;
}

/** A frame around cells: dark over light, to be seen on every colour. Hidden until `placeFrame`. */
export function frame(pen: Pen): SVGGElement {
	const shape = { fill: 'none', x: 0, y: 0, width: 0, height: 0 };
	return pen('g', { class: 'frame', visibility: 'hidden', 'pointer-events': 'none' }, [
		pen('rect', { ...shape, stroke: '#ffffff', 'stroke-width': 3.5 }),
		pen('rect', { ...shape, stroke: '#000000', 'stroke-width': 1.5 })
	]);
}

/** Puts the frame around a rectangle, pixels, or hides it. */
export function placeFrame(
	frame: SVGGElement,
	at: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | undefined
): void {
	frame.setAttribute('visibility', at ? 'visible' : 'hidden');
	if (!at) return;
	for (const rect of Array.from(frame.children))
		for (const key of ['x', 'y', 'width', 'height'] as const) rect.setAttribute(key, `${round(at[key])}`);
}

/** Rectangle of one cell, pixels. */
export function cellRect({ x, y, width, height, columns, rows }: CellBox, column: number, row: number) {
	return {
		x: x + (column * width) / columns,
		y: y + (row * height) / rows,
		width: width / columns,
		height: height / rows
	};
}
