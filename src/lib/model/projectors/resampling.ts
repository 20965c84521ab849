import { axisTaps } from '../image/resize.ts';

/**
 * Resizing as matrices. Those of square grids are as PyTorch's `interpolate` computes it by default: half-pixel centres, no antialias, edges
 * clamped.
 */

/**
 * Antialiased bicubic along one axis as a matrix [to, from], rows sum to 1: PyTorch's `antialias=True`, which is PIL's bicubic (a = −0.5, taps
 * outside left out) also where it enlarges.
 */
export function antialiasedCubic(from: number, to: number): Float32Array {
	const { first, count, weights, stride } = axisTaps(from, to, 'bicubic');
	const matrix = new Float32Array(to * from);
	for (let i = 0; i < to; i++)
		for (let k = 0; k < count[i]!; k++) matrix[i * from + first[i]! + k] = weights[i * stride + k]!;
	return matrix;
}

/** For each of `to` places along an axis, its taps among `from`: index and weight. */
type Taps = readonly (readonly (readonly [index: number, weight: number])[])[];

/** Bicubic with PyTorch's coefficient −0.75, as a matrix [to², from²] over grids row by row. */
export const cubicMatrix = (from: number, to: number): Float32Array =>
	squareMatrix(from, to, axis(from, to, [-1, 0, 1, 2], cubic));

/** Bilinear, as a matrix [to², from²] over grids row by row. */
export const linearMatrix = (from: number, to: number): Float32Array =>
	squareMatrix(
		from,
		to,
		axis(from, to, [0, 1], (distance) => Math.max(0, 1 - distance), true)
	);

function cubic(distance: number): number {
	const a = -0.75;
	if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance ** 2 + 1;
	return distance < 2 ? ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a : 0;
}

/** @param clampCentre a centre before the first place is moved onto it (bilinear does so, bicubic does not) */
function axis(
	from: number,
	to: number,
	offsets: readonly number[],
	kernel: (distance: number) => number,
	clampCentre = false
): Taps {
	return Array.from({ length: to }, (_, i) => {
		const exact = ((i + 0.5) * from) / to - 0.5;
		const centre = clampCentre ? Math.max(0, exact) : exact;
		const left = Math.floor(centre);
		return offsets.map((offset) => {
			const index = Math.min(from - 1, Math.max(0, left + offset));
			return [index, kernel(Math.abs(centre - (left + offset)))] as const;
		});
	});
}

/** The same taps along rows and columns. */
function squareMatrix(from: number, to: number, taps: Taps): Float32Array {
	const matrix = new Float32Array(to ** 2 * from ** 2);
	taps.forEach((rows, r) =>
		taps.forEach((columns, c) => {
			for (const [y, down] of rows)
				for (const [x, across] of columns) matrix[(r * to + c) * from ** 2 + y * from + x]! += down * across;
		})
	);
	return matrix;
}
