import { imageSize } from './index.ts';
import { sizeRange } from './composition.ts';

/** Where a sweep puts its object, pixels. */
export interface Placement {
	/** Upper left corner. */
	readonly x: number;
	readonly y: number;
	readonly size: number;
	/** Place on the sweep's axis, in the unit of `pathKinds`. */
	readonly position: number;
}

export const pathKinds = {
	row: { title: 'Row', axis: 'x of the centre (px)', steps: [16, 8, 4, 2], unit: 'px' },
	column: { title: 'Column', axis: 'y of the centre (px)', steps: [16, 8, 4, 2], unit: 'px' },
	diagonal: { title: 'Diagonal', axis: 'x = y of the centre (px)', steps: [16, 8, 4, 2], unit: 'px' },
	drawn: { title: 'Drawn', axis: 'Way along the path (px)', steps: [16, 8, 4, 2], unit: 'px' },
	size: { title: 'Size', axis: 'Side of the object (px)', steps: [8, 4, 2, 1], unit: 'px' },
	everywhere: { title: 'Everywhere', axis: 'Cell', steps: [3, 5, 7, 9], unit: 'cells each way' }
} as const;

export type PathKind = keyof typeof pathKinds;

/** A step of one patch of the embedded model, or five cells each way. */
export function usualStep(kind: PathKind): number {
	return kind === 'size' ? 4 : kind === 'everywhere' ? 5 : 8;
}

interface Point {
	readonly x: number;
	readonly y: number;
}

/** Sides of a sweep over sizes: a little beyond those of training. */
const sizes = { from: 12, to: 44 } as const;

/**
 * The places of an object along a path through the whole image, `step` apart, as many on both sides of the image's middle.
 * @param object where it is now: a row keeps its y, a column its x, sizes its centre
 * @param step pixels from place to place; for `everywhere` the number of cells each way
 * @param drawn points of the drawn path, pixels; the object's centre follows it
 */
export function placements(
	kind: PathKind,
	object: { readonly x: number; readonly y: number; readonly size: number },
	step: number,
	drawn: readonly Point[] = []
): Placement[] {
	const { x, y, size } = object;
	const room = imageSize - size;
	if (kind === 'size') {
		const count = Math.floor((sizes.to - sizes.from) / step) + 1;
		return Array.from({ length: count }, (_, i) => {
			const side = Math.min(sizeRange.max, sizes.from + i * step);
			const centred = (corner: number) => inside(corner + Math.floor((size - side) / 2), side);
			return { x: centred(x), y: centred(y), size: side, position: side };
		});
	}
	if (kind === 'everywhere')
		return Array.from({ length: step * step }, (_, cell) => {
			const at = (i: number) => Math.round(step === 1 ? room / 2 : (i * room) / (step - 1));
			return { x: at(cell % step), y: at(Math.floor(cell / step)), size, position: cell };
		});
	if (kind === 'drawn') return alongPath(drawn, size, step);
	const first = Math.floor((room % step) / 2);
	return Array.from({ length: Math.floor(room / step) + 1 }, (_, i) => {
		const at = first + i * step;
		return { x: kind === 'column' ? x : at, y: kind === 'row' ? y : at, size, position: at + size / 2 };
	});
}

function inside(corner: number, size: number): number {
	return Math.min(imageSize - size, Math.max(0, Math.round(corner)));
}

/** Places at equal ways along a polyline; those that the image's edge makes equal to the one before are left out. */
function alongPath(points: readonly Point[], size: number, step: number): Placement[] {
	const found: Placement[] = [];
	const put = ({ x, y }: Point, position: number) => {
		const next = { x: inside(x - size / 2, size), y: inside(y - size / 2, size), size, position };
		const last = found.at(-1);
		if (last === undefined || last.x !== next.x || last.y !== next.y) found.push(next);
	};
	let way = 0;
	let due = 0;
	points.forEach((point, i) => {
		const before = points[i - 1];
		if (before === undefined) {
			put(point, 0);
			due = step;
			return;
		}
		const length = Math.hypot(point.x - before.x, point.y - before.y);
		for (; due <= way + length; due += step) {
			const part = (due - way) / length;
			put({ x: before.x + part * (point.x - before.x), y: before.y + part * (point.y - before.y) }, due);
		}
		way += length;
	});
	return found;
}
