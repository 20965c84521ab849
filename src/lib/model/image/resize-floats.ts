import { axisTaps, type ResizeFilter } from './resize.ts';
import type { RgbImage } from './rgb.ts';

/**
 * A picture squashed to `width` × `height` without rounding to bytes: float32 [3, height, width] of values from 0 to 1 (bilinear). As
 * PyTorch's `interpolate(…, antialias=True)` on a tensor of bytes / 255, up to float32 rounding.
 */
export function resizeFloats(
	image: RgbImage,
	width: number,
	height: number,
	filter: ResizeFilter
): Float32Array {
	const columns = axisTaps(image.width, width, filter);
	const rows = axisTaps(image.height, height, filter);
	const narrowed = new Float32Array(width * image.height * 3);
	for (let y = 0; y < image.height; y++)
		for (let x = 0; x < width; x++)
			for (let channel = 0; channel < 3; channel++) {
				let sum = 0;
				for (let k = 0; k < columns.count[x]!; k++)
					sum +=
						columns.weights[x * columns.stride + k]! *
						Math.fround(image.data[(y * image.width + columns.first[x]! + k) * 3 + channel]! / 255);
				narrowed[(y * width + x) * 3 + channel] = sum;
			}
	const out = new Float32Array(3 * height * width);
	for (let channel = 0; channel < 3; channel++)
		for (let y = 0; y < height; y++)
			for (let x = 0; x < width; x++) {
				let sum = 0;
				for (let k = 0; k < rows.count[y]!; k++)
					sum +=
						rows.weights[y * rows.stride + k]! * narrowed[((rows.first[y]! + k) * width + x) * 3 + channel]!;
				out[(channel * height + y) * width + x] = sum;
			}
	return out;
}
