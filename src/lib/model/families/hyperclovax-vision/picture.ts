import { NEWLINE, type Size, type View } from '../../image/processor.ts';
import { padTo } from '../../image/fit.ts';
import type { RgbImage } from '../../image/rgb.ts';
import { cutTiles, resizeTo, type TileGrid } from '../../image/views.ts';

/** How pictures are cut up; `anyres` of config.json and preprocessor_config.json. */
export interface PictureSettings {
	/** Side of a tile and of the thumbnail, G, in pixels. */
	readonly tile: number;
	/** Grids of tiles that a picture may be cut into (`possible_resolutions` / G), in the order of the file. */
	readonly grids: readonly TileGrid[];
	/** Whether rows of tokens that lie on padding are taken out and the others end in a newline (`unpad`). */
	readonly unpad: boolean;
	/** Colour of the padding, R, G, B as bytes. */
	readonly fill: readonly number[];
}

/** A picture on a canvas: resized to `size`, its top left corner at x, y. */
interface Placed {
	readonly size: Size;
	readonly canvas: Size;
	readonly x: number;
	readonly y: number;
}

export interface PicturePlan {
	readonly thumbnail: Placed;
	readonly grid: TileGrid;
	readonly tiles: Placed;
	/** In the order of the tower's images: the thumbnail, then tiles row by row. */
	readonly views: readonly View[];
}

/**
 * What becomes of a picture of this size: the picture processor of HyperCLOVA X SEED. All of it in doubles and in this order: the thumbnail's
 * shorter side of 1400 × 900 is 244 pixels for 378, where exact arithmetic gives 243.
 */
export function planPicture(size: Size, { tile, grids }: PictureSettings): PicturePlan {
	const short = (a: number, b: number) => Math.ceil((a / b) * tile);
	const thumbnail = placed(
		size.width > size.height
			? { width: tile, height: short(size.height, size.width) }
			: { width: short(size.width, size.height), height: tile },
		{ width: tile, height: tile }
	);
	const grid = bestGrid(size, grids, tile);
	const canvas = { width: grid.columns * tile, height: grid.rows * tile };
	const [across, down] = [canvas.width / size.width, canvas.height / size.height];
	const tiles = placed(
		across < down
			? { width: canvas.width, height: Math.min(Math.ceil(size.height * across), canvas.height) }
			: { width: Math.min(Math.ceil(size.width * down), canvas.width), height: canvas.height },
		canvas
	);
	const views = Array.from({ length: grid.rows * grid.columns }, (_, i): View => {
		const [row, column] = [Math.floor(i / grid.columns), i % grid.columns];
		const part = { x: column * tile, y: row * tile, width: tile, height: tile };
		return { region: inPicture(part, tiles, size), tile: { row, column } };
	});
	const whole = { x: 0, y: 0, width: tile, height: tile };
	return { thumbnail, grid, tiles, views: [{ region: inPicture(whole, thumbnail, size) }, ...views] };
}

/** The grid that shows most of the picture's pixels, of those that do the one with the least padding, of those the first. */
function bestGrid({ width, height }: Size, grids: readonly TileGrid[], tile: number): TileGrid {
	let best: { readonly grid: TileGrid; readonly shown: number; readonly waste: number } | undefined;
	for (const grid of grids) {
		const [w, h] = [grid.columns * tile, grid.rows * tile];
		const scale = Math.min(w / width, h / height);
		const shown = Math.min(Math.trunc(width * scale) * Math.trunc(height * scale), width * height);
		const waste = w * h - shown;
		if (!best || shown > best.shown || (shown === best.shown && waste < best.waste))
			best = { grid, shown, waste };
	}
	if (!best) throw new Error('There is no grid to cut a picture into.');
	return best.grid;
}

/** In the middle of a canvas, half pixels to the left and up. */
function placed(size: Size, canvas: Size): Placed {
	return {
		...{ size, canvas },
		x: Math.floor((canvas.width - size.width) / 2),
		y: Math.floor((canvas.height - size.height) / 2)
	};
}

/** A part of the canvas in pixels of the original picture. */
function inPicture(part: View['region'], { size, x, y }: Placed, picture: Size): View['region'] {
	const [across, down] = [picture.width / size.width, picture.height / size.height];
	return {
		x: (part.x - x) * across,
		y: (part.y - y) * down,
		width: part.width * across,
		height: part.height * down
	};
}

/** The tower's images of a picture, in the order of the plan's views, G × G pixels each. */
export function cutPicture(image: RgbImage, settings: PictureSettings): RgbImage[] {
	const { thumbnail, tiles } = planPicture(image, settings);
	const on = ({ size, canvas, x, y }: Placed) =>
		padTo(resizeTo(image, size, 'bicubic'), canvas, { x, y }, settings.fill);
	return [on(thumbnail), ...cutTiles(on(tiles), settings.tile)];
}

/**
 * The order of a picture's tokens in the prompt: the thumbnail's, then rows across all tiles. With `unpad` rows or columns that lie on padding
 * are left out, as many as the aspect says, and a newline ends each row that stays.
 * @param tokens M, of each view
 */
export function layOut(picture: Size, settings: PictureSettings, tokens: number): number[] {
	const { grid } = planPicture(picture, settings);
	const side = Math.round(Math.sqrt(tokens));
	const [rows, columns] = [grid.rows * side, grid.columns * side];
	const { width, height } = picture;
	const cut = { rows: 0, columns: 0 };
	if (settings.unpad) {
		if (width / height > columns / rows)
			cut.rows = Math.floor((rows - Math.trunc(height * (columns / width))) / 2);
		else cut.columns = Math.floor((columns - Math.trunc(width * (rows / height))) / 2);
	}
	const layout = Array.from({ length: tokens }, (_, cell) => cell);
	for (let y = cut.rows; y < rows - cut.rows; y++) {
		for (let x = cut.columns; x < columns - cut.columns; x++) {
			const view = 1 + Math.floor(y / side) * grid.columns + Math.floor(x / side);
			layout.push(view * tokens + (y % side) * side + (x % side));
		}
		if (settings.unpad) layout.push(NEWLINE);
	}
	return layout;
}
