import { tensor, type Tensor } from '../../tensor/tensor.ts';
import { byteTable } from './preprocess.ts';
import type { RgbImage } from './rgb.ts';

interface BlockRowsOptions {
	readonly mean: readonly number[];
	readonly std: readonly number[];
	/** Side of a patch, in pixels. */
	readonly patch: number;
	/** Side of a block, in patches. */
	readonly merge: number;
	/** Frames that a patch has: the picture so many times. */
	readonly frames: number;
}

/**
 * `pixel_values` [1, N, C·T·p²] of a picture for Qwen2-VL's tower: a row for each patch, block by block (`blockOrder`), of its normalised values
 * by channel, frame, y and x.
 * @param image its sides are multiples of patch · merge
 */
export function blockRows(
	image: RgbImage,
	{ mean, std, patch, merge, frames }: BlockRowsOptions
): Tensor<'float32'> {
	const [rows, columns] = [image.height / patch, image.width / patch];
	const tables = [0, 1, 2].map((channel) => byteTable(mean[channel] ?? 0, std[channel] ?? 1));
	const length = 3 * frames * patch ** 2;
	const data = new Float32Array(rows * columns * length);
	let at = 0;
	for (let top = 0; top < rows; top += merge)
		for (let left = 0; left < columns; left += merge)
			for (let row = top; row < top + merge; row++)
				for (let column = left; column < left + merge; column++)
					for (const [channel, table] of tables.entries())
						for (let frame = 0; frame < frames; frame++)
							for (let y = row * patch; y < (row + 1) * patch; y++) {
								let from = (y * image.width + column * patch) * 3 + channel;
								for (let x = 0; x < patch; x++, from += 3) data[at++] = table[image.data[from]!]!;
							}
	return tensor('float32', [1, rows * columns, length], data);
}
