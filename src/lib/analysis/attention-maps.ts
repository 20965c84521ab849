import { InputError } from '../tensor/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { tokenPatchMap, type TokenPatchMap } from './map.ts';

/**
 * Maps read off a projector's own weights.
 * Letters: H heads, M visual tokens, N patches. `head` is an index or 'mean' over heads; `image` an index into the first axis.
 */
export type HeadChoice = number | 'mean';

export interface Pick {
	readonly image?: number;
	readonly head?: HeadChoice;
}

/** `proj.layer{i}.attention` [image, head, M, M+N]: one layer's attention as its two parts. A row of both sums to 1. */
export function resamplerAttention(
	attention: Tensor,
	{ image = 0, head = 'mean' }: Pick = {}
): { readonly self: TokenPatchMap; readonly cross: TokenPatchMap } {
	const { heads, rows, columns, data } = planes(
		attention,
		'a resampler attention [image, head, M, M+N]',
		image
	);
	if (columns <= rows)
		throw new InputError(`A resampler attention has more than ${rows} columns, got ${columns}.`);
	const matrix = overHeads(data, heads, rows * columns, head);
	const patches = columns - rows;
	const self = new Float32Array(rows * rows);
	const cross = new Float32Array(rows * patches);
	for (let m = 0; m < rows; m++) {
		self.set(matrix.subarray(m * columns, m * columns + rows), m * rows);
		cross.set(matrix.subarray(m * columns + rows, (m + 1) * columns), m * patches);
	}
	return { self: tokenPatchMap(rows, rows, self), cross: tokenPatchMap(rows, patches, cross) };
}

/** `proj.layer{i}.sampling_matrix` [image, head, M, N]: rows sum to 1 less what was sampled outside the image. */
export function samplingAttention(matrix: Tensor, { image = 0, head = 'mean' }: Pick = {}): TokenPatchMap {
	const { heads, rows, columns, data } = planes(matrix, 'a sampling matrix [image, head, M, N]', image);
	return tokenPatchMap(rows, columns, overHeads(data, heads, rows * columns, head));
}

/** One layer of a roll-out: what tokens take from patches and, where the projector shows it, from each other. */
export interface RolloutLayer {
	readonly cross: TokenPatchMap;
	/** Absent: tokens only keep what they have (D-Abstractor: its self-attention is not part of the trace). */
	readonly self?: TokenPatchMap;
}

/**
 * Attention roll-out (Abnar and Zuidema 2020) through the layers of a projector with learned queries. R[m, n] is the part of token m
 * that came from patch n; queries start without any, R₀ = 0, and
 *
 *     R ← r·R + (1 − r)·(self · R + cross)
 *
 * with r the share of the residual path, ½ in the paper. Without `self` a layer is R ← r·R + (1 − r)·(R·(1 − Σcross) + cross), so that
 * rows never exceed 1. What is missing from 1 is what stays with the learned queries.
 */
export function rollout(layers: readonly RolloutLayer[], residual = 0.5): TokenPatchMap {
	const first = layers[0];
	if (!first) throw new InputError('A roll-out needs at least one layer.');
	const { tokens: M, patches: N } = first.cross;
	let R = new Float64Array(M * N);
	for (const { cross, self } of layers) {
		const next = new Float64Array(M * N);
		for (let m = 0; m < M; m++) {
			const row = m * N;
			let given = 0;
			for (let n = 0; n < N; n++) given += cross.data[row + n]!;
			const keep = residual + (self ? 0 : (1 - residual) * Math.max(0, 1 - given));
			for (let n = 0; n < N; n++) next[row + n] = keep * R[row + n]! + (1 - residual) * cross.data[row + n]!;
			if (!self) continue;
			for (let other = 0; other < M; other++) {
				const share = (1 - residual) * self.data[m * M + other]!;
				if (share === 0) continue;
				for (let n = 0; n < N; n++) next[row + n]! += share * R[other * N + n]!;
			}
		}
		R = next;
	}
	return tokenPatchMap(M, N, Float32Array.from(R));
}

function planes(tensor: Tensor, what: string, image: number) {
	const [images, heads, rows, columns] = tensor.dims as [number, number, number, number];
	if (tensor.dims.length !== 4 || !(image >= 0 && image < images))
		throw new InputError(
			`Image ${image} of ${what} was asked for, got a tensor [${tensor.dims.join(', ')}].`
		);
	const size = heads * rows * columns;
	return { heads, rows, columns, data: floats(tensor).subarray(image * size, (image + 1) * size) };
}

function overHeads(data: Float32Array, heads: number, size: number, head: HeadChoice): Float32Array {
	const chosen = headList(heads, head);
	if (chosen.length === 1) return data.slice(chosen[0]! * size, (chosen[0]! + 1) * size);
	const out = new Float32Array(size);
	for (const h of chosen) for (let i = 0; i < size; i++) out[i]! += data[h * size + i]! / chosen.length;
	return out;
}

function headList(heads: number, head: HeadChoice): number[] {
	if (head === 'mean') return Array.from({ length: heads }, (_, h) => h);
	if (!(head >= 0 && head < heads))
		throw new InputError(`There is no head ${head}; choose one of 0 to ${heads - 1}.`);
	return [head];
}

/** Values of a float32 tensor. @throws InputError for another type: traces are float32. */
export function floats(tensor: Tensor): Float32Array {
	if (tensor.dtype !== 'float32') throw new InputError(`Analyses take float32 tensors, got ${tensor.dtype}.`);
	return tensor.data as Float32Array;
}
