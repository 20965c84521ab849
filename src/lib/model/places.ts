import { familyOf } from './families/registry.ts';
import { gridSide } from './config.ts';
import type { Region, Size } from './image/processor.ts';
import type { ModelManifest, ProjectorEntry, TokenPlaces } from './manifest.ts';

/** What of the original picture a visual token stands for. */
export interface Place {
	/** Which of the picture's views. */
	readonly view: number;
	/** In pixels of the original; undefined where the token lies on padding alone. */
	readonly region: Region | undefined;
}

type PlacedModel = Pick<ModelManifest, 'family' | 'image' | 'config'>;

/**
 * The place of every visual token of a picture, view by view; undefined where the projector's tokens have none of their own.
 * @param tokens M, of each view
 * @param size of the original picture
 */
export function placesOf(
	manifest: PlacedModel,
	{ token_places }: Pick<ProjectorEntry, 'token_places'>,
	tokens: number,
	size: Size
): readonly Place[] | undefined {
	const side = tokenSide(token_places, tokens, gridSide(manifest.config.vision_config));
	if (side === undefined) return undefined;
	const { views } = familyOf(manifest).imageProcessor(manifest.image);
	return views(size).flatMap(({ region }, view) =>
		Array.from({ length: side * side }, (_, token): Place => {
			const cell = cellOf(region, side, token);
			return { view, region: withinPicture(cell, size) };
		})
	);
}

/** Side of the grid that a view's tokens lie on. */
function tokenSide(places: TokenPlaces, tokens: number, patches: number): number | undefined {
	if (places === 'none') return undefined;
	const side = places === 'patches' ? patches : Math.sqrt(tokens);
	return Number.isInteger(side) ? side : undefined;
}

/** A cell of a region that is cut into `side` × `side`, row by row. */
export function cellOf({ x, y, width, height }: Region, side: number, cell: number): Region {
	const [w, h] = [width / side, height / side];
	return { x: x + (cell % side) * w, y: y + Math.floor(cell / side) * h, width: w, height: h };
}

/** The part of a region that lies on the picture. */
export function withinPicture({ x, y, width, height }: Region, size: Size): Region | undefined {
	const [left, top] = [Math.max(0, x), Math.max(0, y)];
	const [right, bottom] = [Math.min(size.width, x + width), Math.min(size.height, y + height)];
	return right > left && bottom > top
		? { x: left, y: top, width: right - left, height: bottom - top }
		: undefined;
}
