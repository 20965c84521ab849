import { cutTiles, gridOf, resizeTo, tileViews, wholeView } from '../../image/views.ts';
import type { Size, View } from '../../image/processor.ts';
import type { RgbImage } from '../../image/rgb.ts';

/** How pictures are cut up; preprocessor_config.json, or `image_processor` of processor_config.json. */
export interface PictureSettings {
	/** Longer side of the picture before it is cut (`size.longest_edge`), in pixels. */
	readonly longestEdge: number;
	/** Side of a tile and of the whole picture's view (`max_image_size.longest_edge`), in pixels. */
	readonly tile: number;
	/** Whether it is cut into tiles (`do_image_splitting`). */
	readonly splitting: boolean;
}

export interface PicturePlan {
	/** After the first resizing, which keeps the aspect. */
	readonly first: Size;
	/** After the second one, which does not: multiples of a tile's side. */
	readonly second: Size;
	/** Tiles; 0 of both where the picture has one view. */
	readonly rows: number;
	readonly columns: number;
	/** In the order of the tower's images: tiles in reading order, then the whole. */
	readonly views: readonly View[];
}

/** transformers shrinks what is larger than this on a side (`MAX_IMAGE_SIZE`). */
const LARGEST_SIDE = 4096;

/** One side follows from the other by the aspect (width / height), cut off to whole pixels. */
function followed(side: 'width' | 'height', length: number, aspect: number): Size {
	return side === 'width'
		? { width: length, height: Math.trunc(length / aspect) }
		: { width: Math.trunc(length * aspect), height: length };
}

const longer = ({ width, height }: Size) => (width >= height ? 'width' : 'height');
const even = (length: number) => Math.max(1, length + (length % 2));
const upTo = (length: number, multiple: number) => Math.ceil(length / multiple) * multiple;

/** What becomes of a picture of this size: transformers' Idefics3ImageProcessor, which enlarges small pictures, too. */
export function planPicture(size: Size, { longestEdge, tile, splitting }: PictureSettings): PicturePlan {
	const side = longer(size);
	let first = followed(side, longestEdge, size.width / size.height);
	first =
		side === 'width' ? { ...first, height: even(first.height) } : { ...first, width: even(first.width) };
	if (first[side] > LARGEST_SIDE) {
		const { width, height } = followed(side, LARGEST_SIDE, first.width / first.height);
		first = { width: Math.max(width, 1), height: Math.max(height, 1) };
	}
	const square = { width: tile, height: tile };
	const whole = wholeView(size);
	if (!splitting) return { first, second: square, rows: 0, columns: 0, views: [whole] };
	const long = longer(first);
	const { width, height } = followed(long, upTo(first[long], tile), first.width / first.height);
	const second = { width: upTo(width, tile), height: upTo(height, tile) };
	const grid = gridOf(second, tile);
	if (grid.rows <= 1 && grid.columns <= 1) return { first, second, rows: 0, columns: 0, views: [whole] };
	return { first, second, ...grid, views: [...tileViews(size, grid), whole] };
}

/** The tower's images of a picture, in the order of the plan's views, `tile` × `tile` pixels each. */
export function cutPicture(image: RgbImage, settings: PictureSettings): RgbImage[] {
	const { first, second, rows } = planPicture(image, settings);
	const whole = resizeTo(resizeTo(image, first, 'lanczos'), second, 'lanczos');
	if (rows === 0) return [whole];
	const square = { width: settings.tile, height: settings.tile };
	return [...cutTiles(whole, settings.tile), resizeTo(whole, square, 'lanczos')];
}
