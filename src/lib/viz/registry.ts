import { coverageFigure } from './coverage.ts';
import { differenceMap } from './difference-map.ts';
import { localityGrid } from './locality-grid.ts';
import { tokenMap } from './token-map.ts';
import { tokenPatchMatrix } from './token-patch-matrix.ts';

/** All figures; one line for each file. The page, the notebook and the export menu read it. */
export const figures = [localityGrid, tokenMap, tokenPatchMatrix, coverageFigure, differenceMap] as const;

export type AnyFigure = (typeof figures)[number];
export type FigureId = AnyFigure['id'];
