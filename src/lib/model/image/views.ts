import { rgbImage, type RgbImage } from './rgb.ts';
import type { Region, Size, View } from './processor.ts';
import { resize, type ResizeFilter } from './resize.ts';

/** A grid of tiles that a picture is cut into. */
export interface TileGrid {
	readonly rows: number;
	readonly columns: number;
}

/** The tiles of a picture of this size that was resized to fill a grid of them, in reading order. */
export function tileViews({ width, height }: Size, { rows, columns }: TileGrid): View[] {
	return Array.from({ length: rows * columns }, (_, i) => {
		const [row, column] = [Math.floor(i / columns), i % columns];
		const [w, h] = [width / columns, height / rows];
		return { region: { x: column * w, y: row * h, width: w, height: h }, tile: { row, column } };
	});
}

/** The view of the whole picture. */
export const wholeView = ({ width, height }: Size): View => ({ region: { x: 0, y: 0, width, height } });

/** Cuts a picture into tiles of `side` × `side` pixels, in reading order; its sides are multiples of that. */
export function cutTiles(image: RgbImage, side: number): RgbImage[] {
	const { rows, columns } = gridOf(image, side);
	return Array.from({ length: rows * columns }, (_, i) =>
		crop(image, {
			x: (i % columns) * side,
			y: Math.floor(i / columns) * side,
			width: side,
			height: side
		})
	);
}

/** How many tiles of that side lie on a picture whose sides are multiples of it. */
export function gridOf({ width, height }: Size, side: number): TileGrid {
	return { rows: height / side, columns: width / side };
}

/** A part of a picture, whole pixels. */
export function crop(image: RgbImage, { x, y, width, height }: Region): RgbImage {
	if (x < 0 || y < 0 || x + width > image.width || y + height > image.height)
		throw new Error(
			`A part ${width}×${height} at ${x}, ${y} is not within a picture of ${image.width}×${image.height}.`
		);
	const data = new Uint8Array(width * height * 3);
	for (let row = 0; row < height; row++) {
		const start = ((y + row) * image.width + x) * 3;
		data.set(image.data.subarray(start, start + width * 3), row * width * 3);
	}
	return rgbImage(width, height, data);
}

/** The picture at that size, by Pillow 13; itself where it has it. */
export function resizeTo(image: RgbImage, { width, height }: Size, filter: ResizeFilter): RgbImage {
	return image.width === width && image.height === height
		? image
		: resize(image, width, height, { filter, first: 'shorter' });
}
