import type { GridShape } from '../analysis/grid.ts';
import { tokenRow, type TokenPatchMap } from '../analysis/map.ts';
import { familyOf } from './families/registry.ts';
import { gridSide } from './config.ts';
import type { Region, Size, View } from './image/processor.ts';
import type { ModelManifest, ProjectorEntry, TokenPlaces } from './manifest.ts';
import { inImageOrder, patchGrid } from './patch-grid.ts';
import { projectorOf } from './projectors/registry.ts';

/** What of the original picture a visual token stands for. */
export interface Place {
	/** Which of the picture's views. */
	readonly view: number;
	/** In pixels of the original: one, or several where it joins patches that lie apart; none where it lies on padding alone. */
	readonly regions: readonly Region[];
}

type PlacedModel = Pick<ModelManifest, 'family' | 'image' | 'config'>;

/**
 * The place of every visual token of a picture, view by view; undefined where the projector's tokens have none of their own.
 * @param tokens M, of each view, where pictures do not decide it
 * @param size of the original picture
 */
export function placesOf(
	manifest: PlacedModel,
	{ token_places, config }: Pick<ProjectorEntry, 'token_places' | 'config'>,
	tokens: number,
	size: Size
): readonly Place[] | undefined {
	const { vision_config } = manifest.config;
	const views = familyOf(manifest).imageProcessor(manifest.image).views(size);
	const place = (view: number, cells: readonly Region[]): Place => ({
		view,
		regions: cells.flatMap((cell) => withinPicture(cell, size) ?? [])
	});
	if (token_places === 'apart')
		return views.flatMap((seen, view) => {
			const map = joinedPatches(manifest, config, seen);
			return Array.from({ length: map.tokens }, (_, token) =>
				place(
					view,
					runsOf(tokenRow(map, token), map.grid).map((run) => boxRegion(seen.region, map.grid, run))
				)
			);
		});
	const side = tokenSide(token_places, tokens, gridSide(vision_config));
	if (side === undefined) return undefined;
	return views.flatMap(({ region }, view) =>
		Array.from({ length: side * side }, (_, token) => place(view, [cellOf(region, side, token)]))
	);
}

/**
 * Which patches of a view each visual token is made of before anything mixes them, patches row by row; of a projector whose tokens lie
 * `apart`.
 */
export function joinedPatches(
	{ config: { vision_config } }: Pick<ModelManifest, 'config'>,
	config: ProjectorEntry['config'],
	view: Pick<View, 'grid'>
): TokenPatchMap & { readonly grid: GridShape } {
	const grid = patchGrid(vision_config, view);
	const projector = projectorOf(config);
	const bins = projector.bins?.(projector.tokensOf?.(grid) ?? config.num_query_tokens, grid);
	if (!bins) throw new Error(`The ${projector.title} does not say which patches its tokens join.`);
	return { ...inImageOrder(vision_config, grid, bins), grid };
}

/** A rectangle of cells. */
export interface Run {
	readonly row: number;
	readonly column: number;
	readonly rows: number;
	readonly columns: number;
}

/** The cells of a grid that are not 0, as few rectangles: runs along rows, joined to those of the row above that begin and end alike. */
export function runsOf(row: Float32Array, { rows, columns }: GridShape): Run[] {
	const runs: Run[] = [];
	for (let y = 0; y < rows; y++)
		for (let x = 0; x < columns; x++) {
			const from = x;
			while (x < columns && row[y * columns + x]! > 0) x++;
			if (x === from) continue;
			const above = runs.findIndex(
				(run) => run.row + run.rows === y && run.column === from && run.columns === x - from
			);
			if (above < 0) runs.push({ row: y, column: from, rows: 1, columns: x - from });
			else runs[above] = { ...runs[above]!, rows: runs[above]!.rows + 1 };
		}
	return runs;
}

/** What a patch of a view shows of the picture, in its pixels; undefined for a patch of padding alone. */
export const patchPlace = (region: Region, grid: GridShape, patch: number, size: Size): Region | undefined =>
	withinPicture(
		boxRegion(region, grid, {
			row: Math.floor(patch / grid.columns),
			column: patch % grid.columns,
			rows: 1,
			columns: 1
		}),
		size
	);

/** Cells of a region that is cut into a grid. */
export function boxRegion({ x, y, width, height }: Region, grid: GridShape, run: Run): Region {
	const [w, h] = [width / grid.columns, height / grid.rows];
	return { x: x + run.column * w, y: y + run.row * h, width: run.columns * w, height: run.rows * h };
}

/** Side of the grid that a view's tokens lie on. */
function tokenSide(places: TokenPlaces, tokens: number, patches: number): number | undefined {
	if (places === 'none' || places === 'apart') return undefined;
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
