import { columnRow, sideOf } from './grid.ts';

/**
 * The cell of a square grid of `to` cells that lies where cell `index` of a square grid of `from` cells lies on the image: the one
 * under its centre. Equal grids: the same index, also where their number is no square. Nothing when one of two grids is no square, or
 * there is no such cell.
 */
export function cellAcross(index: number, from: number, to: number): number | undefined {
	if (!(index >= 0 && index < from)) return undefined;
	if (from === to) return index;
	const [side, other] = [sideOf(from), sideOf(to)];
	if (side === undefined || other === undefined) return undefined;
	const { column, row } = columnRow(index, side);
	const across = (at: number) => Math.floor(((at + 0.5) * other) / side);
	return across(row) * other + across(column);
}
