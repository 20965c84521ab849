import { floats } from '../../src/lib/analysis/attention-maps.ts';
import type { Tensor } from '../../src/lib/tensor/tensor.ts';

/**
 * The sampling matrix of the D-Abstractor as a loop over points, the reference for the one that its graph computes: S[h, m, n] = Σ_p weight · tent(x·g − ½ − column) · tent(y·g − ½ − row) with
 * tent(d) = max(0, 1 − |d|); that is bilinear sampling with zeros outside (align_corners false).
 * @param locations `sampling_locations` [image, M, H, 1, P, 2] (x, y), 0..1 over the image
 * @param weights `attention_weights` [image, M, H, 1, P]
 * @returns [image, H, M, N]
 */
export function samplingMatrix(locations: Tensor, weights: Tensor, side: number): Tensor<'float32'> {
	const [images, M, H, , P] = weights.dims as [number, number, number, number, number];
	const position = floats(locations);
	const weight = floats(weights);
	const N = side * side;
	const out = new Float32Array(images * H * M * N);
	for (let image = 0; image < images; image++)
		for (let m = 0; m < M; m++)
			for (let h = 0; h < H; h++)
				for (let p = 0; p < P; p++) {
					const at = ((image * M + m) * H + h) * P + p;
					const x = position[2 * at]! * side - 0.5;
					const y = position[2 * at + 1]! * side - 0.5;
					const row = ((image * H + h) * M + m) * N;
					for (const j of [Math.floor(y), Math.floor(y) + 1])
						for (const i of [Math.floor(x), Math.floor(x) + 1])
							if (i >= 0 && i < side && j >= 0 && j < side)
								out[row + j * side + i]! += weight[at]! * (1 - Math.abs(x - i)) * (1 - Math.abs(y - j));
				}
	return { dtype: 'float32', dims: [images, H, M, N], data: out };
}
