import { padToSquare, paddedSquare, padColour } from '../../image/fit.ts';
import { normalise } from '../../image/preprocess.ts';
import type { ImageProcessor } from '../../image/processor.ts';
import { resizeBicubic } from '../../image/resize.ts';
import { cutTiles, wholeView } from '../../image/views.ts';
import type { ImageSettings } from '../../manifest.ts';

/**
 * 360VL's pictures (qh360_vl/mm_utils.py): padded to a square, or stretched, to twice the tower's side 2S; its four crops in reading order,
 * then the whole, made of the enlarged picture. Two views: the crops joined, and the whole.
 */
export function cropsProcessor(settings: ImageSettings): ImageProcessor {
	const { size, fit } = settings;
	const pads = fit === 'pad';
	const side = Math.floor(size / Number(settings.patch_size));
	return {
		fixedViews: 2,
		views(picture) {
			const { region } = pads ? { region: paddedSquare(picture) } : wholeView(picture);
			return [
				{ region, grid: { rows: 2 * side, columns: 2 * side }, crops: { rows: 2, columns: 2 } },
				{ region }
			];
		},
		pixels(image) {
			const square = pads ? padToSquare(image, padColour(settings)) : image;
			const enlarged = resizeBicubic(square, 2 * size, 2 * size);
			const whole = resizeBicubic(enlarged, size, size);
			return normalise([...cutTiles(enlarged, size), whole], settings);
		}
	};
}
