import { squareGrid, type GridShape } from '../analysis/grid.ts';
import { tokenPatchMap, type TokenPatchMap } from '../analysis/map.ts';
import { gridSide, type VisionConfig } from './config.ts';
import type { View } from './image/processor.ts';
import { towerOf } from './vision/towers.ts';

/** The grid of patches of a view: its own where pictures differ in it, or the tower's square. */
export const patchGrid = (vision: VisionConfig, { grid }: Pick<View, 'grid'> = {}): GridShape =>
	grid ?? squareGrid(gridSide(vision));

/** Patches of a view, N. */
export const patchCount = (vision: VisionConfig, view?: Pick<View, 'grid'>): number => {
	const { rows, columns } = patchGrid(vision, view);
	return rows * columns;
};

/**
 * A map over the patches in the order in which the tower gives them, as one over the picture row by row. Most towers give them so.
 * @param map its rows are tokens
 */
export function inImageOrder(vision: VisionConfig, grid: GridShape, map: TokenPatchMap): TokenPatchMap {
	const order = towerOf(vision).anySize?.order(grid);
	const { tokens, patches } = map;
	if (!order) return { ...map, grid };
	const data = new Float32Array(map.data.length);
	for (let m = 0; m < tokens; m++)
		order.forEach((place, n) => (data[m * patches + place] = map.data[m * patches + n]!));
	return { ...tokenPatchMap(tokens, patches, data), grid };
}
