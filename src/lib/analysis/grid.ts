import { InputError } from '../tensor/errors.ts';

/**
 * Grids over the image. Places are measured in patches: x to the right and y downwards from the image's upper left corner, so
 * that the image covers [0, columns] × [0, rows], mostly a square of g, and the centre of patch (column i, row j) is (i + 0.5, j + 0.5).
 */
export interface Place {
	readonly x: number;
	readonly y: number;
}

/** Cells of a grid, row-major. */
export interface GridShape {
	readonly rows: number;
	readonly columns: number;
}

/** A grid of `side` × `side`. */
export const squareGrid = (side: number): GridShape => ({ rows: side, columns: side });

/** A part of the image, in patches. */
export interface Box {
	readonly left: number;
	readonly top: number;
	readonly right: number;
	readonly bottom: number;
}

/** Side of the square grid with that many cells, or nothing when there is none. */
export function sideOf(count: number): number | undefined {
	const side = Math.round(Math.sqrt(count));
	return side > 0 && side * side === count ? side : undefined;
}

/** Side of the patch grid. @throws InputError when N is not a square */
export function patchSide(patches: number): number {
	const side = sideOf(patches);
	if (side === undefined)
		throw new InputError(`${patches} patches do not form a square grid; maps over the image need one.`);
	return side;
}

/** The grid of so many patches: the one that is known, or a square. @throws InputError when it is neither */
export const gridOf = (patches: number, known?: GridShape): GridShape =>
	known ?? squareGrid(patchSide(patches));

/** Side of a map's grid where that is square, or nothing. */
export function squareSideOf({
	patches,
	grid
}: {
	readonly patches: number;
	readonly grid?: GridShape | undefined;
}): number | undefined {
	const { rows, columns } = gridOf(patches, grid);
	return rows === columns ? rows : undefined;
}

/** Home cells of the tokens of a map whose patches form a square; nothing on other grids, where tokens lie otherwise. */
export function homesOn(
	map: { readonly patches: number; readonly grid?: GridShape | undefined },
	tokens: number
): readonly Box[] | undefined {
	const side = squareSideOf(map);
	return side === undefined ? undefined : homeCells(tokens, side);
}

/** How many tokens stand in a row where a map's tokens are laid out, in the proportions of its patches as far as that goes. */
export function tokenColumns({
	tokens,
	patches,
	grid
}: {
	readonly tokens: number;
	readonly patches: number;
	readonly grid?: GridShape | undefined;
}): number {
	const { rows, columns } = gridOf(patches, grid);
	const across = Math.round(Math.sqrt((tokens * columns) / rows));
	return across > 0 && tokens % across === 0 && rows !== columns
		? across
		: (sideOf(tokens) ?? Math.ceil(Math.sqrt(tokens)));
}

/** Column and row of a cell, row-major. */
export function columnRow(index: number, side: number): { readonly column: number; readonly row: number } {
	return { column: index % side, row: Math.floor(index / side) };
}

/** Centre of patch `patch` on a grid of so many columns. */
export function patchCentre(patch: number, columns: number): Place {
	const { column, row } = columnRow(patch, columns);
	return { x: column + 0.5, y: row + 0.5 };
}

/**
 * Home cell of visual token `token` when the M = m × m tokens lie row-major on the image: the image is cut in m × m equal
 * rectangles. With M = N (linear, mlp) it is the token's own patch. A resampler's tokens have no order on the image: its home
 * cells are only nominal (`assignedHomes` in `locality.ts` gives it the best ones it can have).
 */
export function homeCell(token: number, tokenSide: number, side: number): Box {
	const { column, row } = columnRow(token, tokenSide);
	const size = side / tokenSide;
	return { left: column * size, top: row * size, right: (column + 1) * size, bottom: (row + 1) * size };
}

/** Home cells of all M tokens, or nothing when M is not a square. */
export function homeCells(tokens: number, side: number): readonly Box[] | undefined {
	const tokenSide = sideOf(tokens);
	if (tokenSide === undefined) return undefined;
	return Array.from({ length: tokens }, (_, token) => homeCell(token, tokenSide, side));
}

export function centreOf(box: Box): Place {
	return { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
}

/** The cell together with its eight neighbours of the same size, cut at the image's edge. */
export function withNeighbours(box: Box, side: number): Box {
	const width = box.right - box.left;
	const height = box.bottom - box.top;
	return {
		left: Math.max(0, box.left - width),
		top: Math.max(0, box.top - height),
		right: Math.min(side, box.right + width),
		bottom: Math.min(side, box.bottom + height)
	};
}

/** Share (0..1) of every patch's area that lies in the box, [N] row-major. */
export function patchShares(box: Box, side: number): Float32Array {
	const overlap = (from: number, to: number) =>
		Float64Array.from({ length: side }, (_, i) => Math.max(0, Math.min(to, i + 1) - Math.max(from, i)));
	const columns = overlap(box.left, box.right);
	const rows = overlap(box.top, box.bottom);
	const shares = new Float32Array(side * side);
	for (let row = 0; row < side; row++)
		for (let column = 0; column < side; column++) shares[row * side + column] = rows[row]! * columns[column]!;
	return shares;
}

/** The token to go to from `token` by an arrow key, Home or End; nothing for other keys or at the edge. */
export function neighbourToken(
	token: number,
	tokenSide: number,
	tokens: number,
	key: string
): number | undefined {
	const { column } = columnRow(token, tokenSide);
	const next = {
		ArrowLeft: column > 0 ? token - 1 : undefined,
		ArrowRight: column < tokenSide - 1 ? token + 1 : undefined,
		ArrowUp: token - tokenSide,
		ArrowDown: token + tokenSide,
		Home: 0,
		End: tokens - 1
	}[key];
	return next !== undefined && next >= 0 && next < tokens ? next : undefined;
}
