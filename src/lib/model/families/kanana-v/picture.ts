import type { Size, View } from '../../image/processor.ts';
import type { RgbImage } from '../../image/rgb.ts';
import { resizeTo, wholeView } from '../../image/views.ts';
import { InputError } from '../../../tensor/errors.ts';

/** How pictures are sized; preprocessor_config.json. */
export interface PictureSettings {
	/** Side of a patch, in pixels. */
	readonly patch: number;
	/** Side in patches of what one visual token is made of. */
	readonly merge: number;
	/** Least and largest area after resizing, in pixels. */
	readonly least: number;
	readonly most: number;
}

export interface PicturePlan {
	/** What very small pictures are enlarged to first. */
	readonly enlarged: Size | undefined;
	/** Size after resizing: multiples of patch · merge. */
	readonly resized: Size;
}

/** Pictures longer than so many times their width are refused upstream. */
const LARGEST_RATIO = 200;

/** Python's round: halves to the even number. */
function roundEven(x: number): number {
	const below = Math.floor(x);
	return x - below === 0.5 ? below + (below % 2) : Math.round(x);
}

/** What becomes of a picture of this size: the hub's KananaVImageProcessor (`smart_resize`). */
export function planPicture(size: Size, { patch, merge, least, most }: PictureSettings): PicturePlan {
	const unit = patch * merge;
	const shorter = Math.min(size.width, size.height);
	const enlarged =
		shorter < unit
			? {
					width: Math.trunc(size.width * (unit / shorter)),
					height: Math.trunc(size.height * (unit / shorter))
				}
			: undefined;
	const { width, height } = enlarged ?? size;
	const both = (side: (length: number) => number): Size => ({
		width: Math.max(1, side(width)) * unit,
		height: Math.max(1, side(height)) * unit
	});
	const near = both((length) => roundEven(length / unit));
	const area = near.width * near.height;
	if (area > most) {
		const scale = Math.sqrt((height * width) / most);
		return { enlarged, resized: both((length) => Math.floor(length / scale / unit)) };
	}
	if (area < least) {
		const scale = Math.sqrt(least / (height * width));
		return { enlarged, resized: both((length) => Math.ceil((length * scale) / unit)) };
	}
	return { enlarged, resized: near };
}

/** The one view of a picture, with its grid of patches. */
export function viewOf(size: Size, settings: PictureSettings): View {
	const { width, height } = planPicture(size, settings).resized;
	return { ...wholeView(size), grid: { rows: height / settings.patch, columns: width / settings.patch } };
}

/** The picture at the size at which it is cut into patches. @throws InputError when it is too narrow */
export function resizePicture(image: RgbImage, settings: PictureSettings): RgbImage {
	const [short, long] = [image.width, image.height].sort((a, b) => a - b) as [number, number];
	if (long > LARGEST_RATIO * short)
		throw new InputError(
			`The picture is ${image.width} × ${image.height} pixels; this model takes none that is more than ${LARGEST_RATIO} times as long as wide; cut it.`
		);
	const { enlarged, resized } = planPicture(image, settings);
	const first = enlarged ? resizeTo(image, enlarged, 'bicubic') : image;
	return resizeTo(first, resized, 'bicubic');
}
