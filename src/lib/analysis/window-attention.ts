import { InputError } from '../tensor/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { floats, type Pick } from './attention-maps.ts';
import { tokenPatchMap, type TokenPatchMap } from './map.ts';

/**
 * `proj.attention` [image, M, head, s²] of tokens that each attend to a window of s × s patches, as a map [M, N] that is 0 outside the
 * windows. Both grids are square and row by row.
 */
export function windowAttention(
	attention: Tensor,
	s: number,
	{ image = 0, head = 'mean' }: Pick = {}
): TokenPatchMap {
	const [images, M, heads, cells] = attention.dims as [number, number, number, number];
	const n = Math.round(Math.sqrt(M));
	if (attention.dims.length !== 4 || !(image >= 0 && image < images) || cells !== s * s || n * n !== M)
		throw new InputError(
			`Image ${image} of window attention [image, M, head, ${s * s}] was asked for, got a tensor [${attention.dims.join(', ')}].`
		);
	if (head !== 'mean' && !(head >= 0 && head < heads))
		throw new InputError(`There is no head ${head}; choose one of 0 to ${heads - 1}.`);
	const chosen = head === 'mean' ? Array.from({ length: heads }, (_, h) => h) : [head];
	const data = floats(attention).subarray(image * M * heads * cells, (image + 1) * M * heads * cells);
	const side = n * s;
	const map = new Float32Array(M * side * side);
	for (let m = 0; m < M; m++)
		for (let cell = 0; cell < cells; cell++) {
			const row = Math.floor(m / n) * s + Math.floor(cell / s);
			const column = (m % n) * s + (cell % s);
			let sum = 0;
			for (const h of chosen) sum += data[(m * heads + h) * cells + cell]!;
			map[m * side * side + row * side + column] = sum / chosen.length;
		}
	return tokenPatchMap(M, side * side, map);
}
