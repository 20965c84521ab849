import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { clipImageProcessor } from '../../../../src/lib/model/families/clip-pictures.ts';
import { cropped, padded } from '../../../../src/lib/model/image/fit.ts';
import { decodePng } from '../../../../src/lib/model/image/png.ts';
import type { ImageProcessor } from '../../../../src/lib/model/image/processor.ts';
import { rgbImage, type RgbImage } from '../../../../src/lib/model/image/rgb.ts';
import { goldenBytes, goldenJson } from './golden.ts';

const { pixels } = goldenJson<{ pixels: Record<string, { sha256: string }> }>(
	'../families/preprocess-llava/preprocess.json'
);
/** Without a mean and with a deviation of 1 the pixels are bytes / 255. */
const bare = { size: 112, mean: [0, 0, 0], std: [1, 1, 1] };

/** Bytes [S, S, 3] of the view. */
function bytesOf(processor: ImageProcessor, image: RgbImage): Uint8Array {
	const { data } = processor.pixels(image);
	const area = data.length / 3;
	return Uint8Array.from(data, (_, i) => Math.round(data[(i % 3) * area + Math.floor(i / 3)]! * 255));
}

describe('one square view of a picture, byte for byte', () => {
	const processors = {
		'llava_hf.crop.': cropped(bare),
		'llava_original.pad.': padded(bare, [122, 116, 104])
	};
	for (const [prefix, processor] of Object.entries(processors))
		it.each(Object.keys(pixels).filter((name) => name.startsWith(prefix)))('%s', async (name) => {
			const file = name.slice(prefix.length);
			const bytes = bytesOf(processor, await decodePng(goldenBytes(`images/${file}`), file));
			expect(createHash('sha256').update(bytes).digest('hex')).toBe(pixels[name]!.sha256);
		});

	it('compares every golden picture', () => {
		const known = Object.keys(pixels).filter((name) =>
			Object.keys(processors).some((prefix) => name.startsWith(prefix))
		);
		expect(known.length).toBe(Object.keys(pixels).length);
		expect(known.length).toBe(9);
	});
});

describe('what of the picture a view shows', () => {
	it('reaches beyond it where it is padded', () => {
		expect(padded(bare, [0, 0, 0]).views({ width: 200, height: 150 })).toEqual([
			{ region: { x: 0, y: -25, width: 200, height: 200 } }
		]);
		expect(padded(bare, [0, 0, 0]).views({ width: 37, height: 200 })[0]!.region).toEqual({
			...{ x: -81, y: 0, width: 200, height: 200 }
		});
	});

	it('is its middle where it is cropped', () => {
		// 224 × 112, of which the columns 56 to 167 are taken.
		expect(cropped(bare).views({ width: 400, height: 200 })[0]!.region).toEqual({
			...{ x: 100, y: 0, width: 200, height: 200 }
		});
	});

	it('is cut out of a larger one where the shorter side is longer than the view', () => {
		const half = rgbImage(
			4,
			2,
			Uint8Array.from({ length: 24 }, (_, i) => (Math.floor(i / 3) % 4 < 2 ? 0 : 255))
		);
		const view = bytesOf(cropped({ ...bare, size: 2 }, 2), half);
		expect([...view]).toEqual([0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255]);
	});
});

it('MobileVLM V2’s picture is the reference’s, byte for byte', async () => {
	const picture = await decodePng(goldenBytes('images/scene_200x150.png'), 'scene');
	const expected = await decodePng(goldenBytes('../families/mobilevlm-v2/main.resized.png'), 'resized');
	const bytes = bytesOf(padded({ ...bare, size: 336 }, [122, 116, 104]), picture);
	expect(Buffer.compare(bytes, expected.data)).toBe(0);
});

it('pads with the mean colour, rounded down', () => {
	const processor = clipImageProcessor({ ...bare, mean: [0.4815, 0.458, 0.408], size: 3, fit: 'pad' });
	const { data } = processor.pixels(rgbImage(3, 1, new Uint8Array(9)));
	expect(data[0]).toBeCloseTo(122 / 255 - 0.4815, 6);
});
