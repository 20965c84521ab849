import type { ImageProcessor, Size, View } from './processor.ts';
import type { ImageSettings } from '../manifest.ts';
import { normalise } from './preprocess.ts';
import { resizeBicubic } from './resize.ts';
import { rgbImage, type RgbImage } from './rgb.ts';
import { crop, wholeView } from './views.ts';

/** What pictures are padded with: 255 × mean, rounded down; not quite zero after normalising. */
export const padColour = ({ mean }: Pick<ImageSettings, 'mean'>): number[] =>
	mean.map((channel) => Math.trunc(255 * channel));

/** Ways to make one square view of a picture, with PIL's bicubic. */

/** The whole picture squashed to S × S, its aspect ignored. */
export function squashed(settings: ImageSettings): ImageProcessor {
	const { size } = settings;
	return {
		fixedViews: 1,
		squash: size,
		views: (picture) => [wholeView(picture)],
		pixels: (image) => normalise([resizeBicubic(image, size, size)], settings)
	};
}

/**
 * The picture pasted in the middle of a square of its longer side, whose rest has one colour, and that resized to S × S.
 * @param colour R, G, B as bytes
 */
export function padded(settings: ImageSettings, colour: readonly number[]): ImageProcessor {
	const { size } = settings;
	return {
		fixedViews: 1,
		views: (picture) => [{ region: paddedSquare(picture) }],
		pixels: (image) => normalise([resizeBicubic(padToSquare(image, colour), size, size)], settings)
	};
}

/** The square of the longer side that a picture lies in the middle of, in its pixels. */
export function paddedSquare({ width, height }: Size): View['region'] {
	const side = Math.max(width, height);
	return {
		// 0 − 0, since −0 is another number to some readers.
		x: 0 - Math.floor((side - width) / 2),
		y: 0 - Math.floor((side - height) / 2),
		width: side,
		height: side
	};
}

/** The picture in the middle of that square, whose rest has one colour. */
export function padToSquare(image: RgbImage, colour: readonly number[]): RgbImage {
	const { x, y, width, height } = paddedSquare(image);
	return padTo(image, { width, height }, { x: 0 - x, y: 0 - y }, colour);
}

/** The picture on a canvas of one colour (R, G, B as bytes), its top left corner at that place; itself where it fills it. */
export function padTo(
	image: RgbImage,
	{ width, height }: Size,
	{ x, y }: { readonly x: number; readonly y: number },
	colour: readonly number[]
): RgbImage {
	if (width === image.width && height === image.height) return image;
	const data = new Uint8Array(width * height * 3);
	for (let i = 0; i < data.length; i++) data[i] = colour[i % 3]!;
	for (let row = 0; row < image.height; row++)
		data.set(
			image.data.subarray(row * image.width * 3, (row + 1) * image.width * 3),
			((row + y) * width + x) * 3
		);
	return rgbImage(width, height, data);
}

/**
 * The picture resized so that its shorter side has that length, and of that the middle S × S.
 * @param shorter at least S
 */
export function cropped(settings: ImageSettings, shorter: number = settings.size): ImageProcessor {
	const { size } = settings;
	const plan = (picture: Size) => {
		const short = Math.min(picture.width, picture.height);
		const scaled = (side: number) => Math.trunc((shorter * side) / short);
		const width = picture.width === short ? shorter : scaled(picture.width);
		const height = picture.height === short ? shorter : scaled(picture.height);
		return { width, height, left: Math.floor((width - size) / 2), top: Math.floor((height - size) / 2) };
	};
	return {
		fixedViews: 1,
		views(picture) {
			const { width, height, left, top } = plan(picture);
			const [across, down] = [picture.width / width, picture.height / height];
			const region = { x: left * across, y: top * down, width: size * across, height: size * down };
			return [{ region }];
		},
		pixels(image) {
			const { width, height, left, top } = plan(image);
			const resized = resizeBicubic(image, width, height);
			return normalise([crop(resized, { x: left, y: top, width: size, height: size })], settings);
		}
	};
}
