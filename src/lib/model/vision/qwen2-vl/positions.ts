import type { GridShape } from '../../../analysis/grid.ts';

/**
 * Raster place of each patch in the sequence, which goes through the picture by blocks of `merge` × `merge` patches, row by row within a block
 * (transformers Qwen2VLImageProcessor).
 */
export function blockOrder({ rows, columns }: GridShape, merge: number): Int32Array {
	const order = new Int32Array(rows * columns);
	let n = 0;
	for (let top = 0; top < rows; top += merge)
		for (let left = 0; left < columns; left += merge)
			for (let row = top; row < top + merge; row++)
				for (let column = left; column < left + merge; column++) order[n++] = row * columns + column;
	return order;
}

/** RoPE base of the tower, fixed in transformers. */
const THETA = 10000;

/**
 * cos and sin of the rotary embedding in two axes, [N, d/2] in the sequence's order: of the patch's row in the first half of the columns, of
 * its column in the second (transformers Qwen2VisionTransformer.rot_pos_emb; float32 as there).
 * @param headDim d, a multiple of 4
 */
export function rotaryAngles(
	grid: GridShape,
	merge: number,
	headDim: number
): { readonly cos: Float32Array; readonly sin: Float32Array } {
	const quarter = headDim / 4;
	const { fround } = Math;
	const frequencies = Float32Array.from(
		{ length: quarter },
		(_, i) => 1 / fround(THETA ** fround((4 * i) / headDim))
	);
	const order = blockOrder(grid, merge);
	const cos = new Float32Array(order.length * 2 * quarter);
	const sin = new Float32Array(cos.length);
	order.forEach((place, n) =>
		[Math.floor(place / grid.columns), place % grid.columns].forEach((coordinate, axis) =>
			frequencies.forEach((frequency, i) => {
				const angle = fround(coordinate * frequency);
				cos[(2 * n + axis) * quarter + i] = Math.cos(angle);
				sin[(2 * n + axis) * quarter + i] = Math.sin(angle);
			})
		)
	);
	return { cos, sin };
}
