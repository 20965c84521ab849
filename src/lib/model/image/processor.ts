import type { GridShape } from '../../analysis/grid.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { RgbImage } from './rgb.ts';

/** Width and height in pixels. */
export interface Size {
	readonly width: number;
	readonly height: number;
}

/** A rectangle in pixels of the original picture. */
export interface Region extends Size {
	readonly x: number;
	readonly y: number;
}

/** One picture that the vision tower sees: the whole, squashed or cropped, or a tile of it. */
export interface View {
	/** What of the original it shows; reaches beyond the picture where it was padded. */
	readonly region: Region;
	/** Place among the tiles, from 0; absent where the view is none. */
	readonly tile?: { readonly row: number; readonly column: number };
	/** Its patches, where they are not those of the tower's square. */
	readonly grid?: GridShape;
	/** Images of the tower that it is joined of, row by row; one when absent. */
	readonly crops?: GridShape;
}

/** Stands in a layout for the projector's learned vector that ends a row of visual tokens (`image_newline`). */
export const NEWLINE = -1;

/** How pictures become `pixel_values`. */
export interface ImageProcessor {
	/** How many views there are when that does not depend on the picture. */
	readonly fixedViews?: number;
	/** The side that a picture may have been squashed to before it comes here, without a change to what is seen. */
	readonly squash?: number;
	/** In the order of `pixel_values`. */
	readonly views: (size: Size) => readonly View[];
	/**
	 * In which order the visual tokens of a picture enter the prompt, where that is not view by view: at each place the number of a token among
	 * those of all views, or `NEWLINE`. Tokens that it leaves out never reach the language model.
	 * @param tokens M, of each view
	 */
	readonly layout?: (size: Size, tokens: number) => readonly number[];
	/**
	 * float32 [view, 3, S, S], of a view that is joined of crops one after the other; of towers that take any size [view, …] with their own shape
	 * behind
	 */
	readonly pixels: (image: RgbImage) => Tensor<'float32'>;
}

/** Which of the views shows the whole picture; the first where none does. */
export function wholeOf(views: readonly Pick<View, 'tile'>[]): number {
	return Math.max(
		0,
		views.findIndex(({ tile }) => tile === undefined)
	);
}
