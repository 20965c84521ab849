import { tensor } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ImageSettings } from '../manifest.ts';
import type { RgbImage } from './rgb.ts';

/** CLIP's normalisation, used where a checkpoint's vision_config gives none. */
export const clipNormalization = {
	mean: [0.48145466, 0.4578275, 0.40821073],
	std: [0.26862954, 0.26130258, 0.27577711]
} as const;

/**
 * `pixel_values` [image, 3, S, S] (channel-major) of S × S pictures, scaled to 0..1, less the mean and divided by the standard deviation. A
 * picture is bytes, or float32 [3, S, S] of values from 0 to 1.
 */
export function normalise(
	images: readonly (RgbImage | Float32Array)[],
	{ size, mean, std }: ImageSettings
): Tensor<'float32'> {
	const area = size * size;
	const data = new Float32Array(images.length * 3 * area);
	const tables = [0, 1, 2].map((channel) => byteTable(mean[channel] ?? 0, std[channel] ?? 1));
	const scaled = (value: number, channel: number) => (value - (mean[channel] ?? 0)) / (std[channel] ?? 1);
	images.forEach((image, n) => {
		tables.forEach((table, channel) => {
			const plane = data.subarray((n * 3 + channel) * area, (n * 3 + channel + 1) * area);
			if (image instanceof Float32Array)
				for (let i = 0; i < area; i++) plane[i] = scaled(image[channel * area + i]!, channel);
			else for (let i = 0; i < area; i++) plane[i] = table[image.data[i * 3 + channel]!]!;
		});
	});
	return tensor('float32', [images.length, 3, size, size], data);
}

/** Normalised value of each of the 256 bytes, rounded to float32 after every step as torchvision does. */
export function byteTable(mean: number, std: number): Float32Array {
	const round = Math.fround;
	return Float32Array.from({ length: 256 }, (_, byte) =>
		round(round(round(byte / 255) - round(mean)) / round(std))
	);
}
