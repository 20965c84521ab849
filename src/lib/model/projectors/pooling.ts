import type { GridShape } from '../../analysis/grid.ts';
import { tokenPatchMap, type TokenPatchMap } from '../../analysis/map.ts';

/**
 * Adaptive average pooling of a g×g grid to m×m as a matrix [m², g²]: row-major over both grids, rows sum to 1. Bin i covers
 * floor(i·g/m) … ceil((i+1)·g/m) − 1 (PyTorch's AdaptiveAvgPool2d; bins overlap when g is not a multiple of m).
 */
export function poolingMatrix(g: number, m: number): Float32Array {
	const bins = Array.from({ length: m }, (_, i) => ({
		from: Math.floor((i * g) / m),
		to: Math.ceil(((i + 1) * g) / m)
	}));
	const matrix = new Float32Array(m * m * g * g);
	bins.forEach((rows, i) =>
		bins.forEach((columns, j) => {
			const share = 1 / ((rows.to - rows.from) * (columns.to - columns.from));
			for (let y = rows.from; y < rows.to; y++)
				for (let x = columns.from; x < columns.to; x++) matrix[(i * m + j) * g * g + y * g + x] = share;
		})
	);
	return matrix;
}

/** Side of a grid that is square, as most projectors need it. */
export function squareSide({ rows, columns }: GridShape): number {
	if (rows !== columns) throw new Error(`A grid of ${rows} × ${columns} patches is not square.`);
	return rows;
}

/** The bins of pooling a square grid of patches to M tokens; undefined when M is no square. */
export function poolingBins(M: number, grid: GridShape): TokenPatchMap | undefined {
	const side = squareSide(grid);
	const m = Math.round(Math.sqrt(M));
	return m * m === M ? tokenPatchMap(M, side * side, poolingMatrix(side, m)) : undefined;
}
