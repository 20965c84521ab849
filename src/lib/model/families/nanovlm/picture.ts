import type { Size, View } from '../../image/processor.ts';
import type { RgbImage } from '../../image/rgb.ts';
import { resizeFloats } from '../../image/resize-floats.ts';
import { cutTiles, gridOf, resizeTo, tileViews, wholeView } from '../../image/views.ts';

/** How pictures are cut up; fields of config.json. */
export interface PictureSettings {
	/** Side of the tower's images, S (`vit_img_size`), in pixels. */
	readonly side: number;
	/** Of releases that cut pictures into tiles: */
	readonly tiles?: {
		/** Longer side of the picture before it is cut at most (`max_img_size`), in pixels. */
		readonly longest: number;
		/** Whether it is always that (`resize_to_max_side_len`). */
		readonly always: boolean;
		/** Whether a view of the whole picture comes before the tiles, if there are several. */
		readonly whole: boolean;
	};
}

export interface PicturePlan {
	/** Size after resizing: multiples of S. */
	readonly resized: Size;
	readonly rows: number;
	readonly columns: number;
	/** In the order of the tower's images: the whole, then tiles in reading order; of one tile, the tile alone. */
	readonly views: readonly View[];
}

/** What becomes of a picture of this size: nanoVLM's `DynamicResize` and `GlobalAndSplitImages`, or the square of its first releases. */
export function planPicture(size: Size, { side, tiles }: PictureSettings): PicturePlan {
	if (!tiles)
		return { resized: { width: side, height: side }, rows: 1, columns: 1, views: [wholeView(size)] };
	const [long, short] = size.width >= size.height ? [size.width, size.height] : [size.height, size.width];
	const up = (length: number) => Math.ceil(length / side) * side;
	const length = tiles.always ? tiles.longest : Math.min(tiles.longest, up(long));
	const other = Math.max(side, up(short * (length / long)));
	const resized =
		size.width >= size.height ? { width: length, height: other } : { width: other, height: length };
	const grid = gridOf(resized, side);
	const several = grid.rows * grid.columns > 1;
	if (!several) return { resized, ...grid, views: [wholeView(size)] };
	return {
		resized,
		...grid,
		views: [...(tiles.whole ? [wholeView(size)] : []), ...tileViews(size, grid)]
	};
}

/**
 * The tower's images of a picture, in the order of the plan's views: bytes [S, S, 3], or, for the whole picture before tiles, float32
 * [3, S, S] of values from 0 to 1, which upstream does not round to bytes.
 */
export function cutPicture(image: RgbImage, settings: PictureSettings): (RgbImage | Float32Array)[] {
	const { side, tiles } = settings;
	const plan = planPicture(image, settings);
	const resized = resizeTo(image, plan.resized, tiles ? 'bicubic' : 'bilinear');
	const cut = tiles ? cutTiles(resized, side) : [resized];
	return plan.views.length > cut.length ? [resizeFloats(resized, side, side, 'bilinear'), ...cut] : cut;
}
