import { describe, expect, it } from 'vitest';
import {
	planPicture,
	resizePicture,
	viewOf
} from '../../../../../src/lib/model/families/kanana-v/picture.ts';
import { rgbImage } from '../../../../../src/lib/model/image/rgb.ts';
import { InputError } from '../../../../../src/lib/tensor/errors.ts';

const settings = { patch: 14, merge: 2, least: 3136, most: 1003520 };
const sized = (width: number, height: number) => {
	const { resized } = planPicture({ width, height }, settings);
	return [resized.width, resized.height];
};

describe('the size of a picture', () => {
	it.each([
		// Python's round goes to the even number of 28 pixels.
		[
			[70, 98],
			[56, 112]
		],
		[
			[126, 140],
			[112, 140]
		],
		[
			[200, 150],
			[196, 140]
		],
		// Too large, too small.
		[
			[4000, 3000],
			[1148, 840]
		],
		[
			[30, 30],
			[56, 56]
		],
		// A shorter side under 28 pixels is brought to it first.
		[
			[300, 10],
			[840, 28]
		],
		[
			[20, 33],
			[56, 84]
		]
	])('%j becomes %j', ([width, height], resized) => {
		expect(sized(width!, height!)).toEqual(resized);
	});

	it('is within the limits and in whole blocks, whatever the picture', () => {
		for (let width = 28; width < 3000; width += 97)
			for (let height = 28; height < 3000; height += 89) {
				const [w = 0, h = 0] = sized(width, height);
				expect([w % 28, h % 28]).toEqual([0, 0]);
				expect(w * h).toBeGreaterThanOrEqual(settings.least);
				expect(w * h).toBeLessThanOrEqual(settings.most);
			}
	});

	it('follows other limits, where the file has them', () => {
		const { resized } = planPicture({ width: 4000, height: 3000 }, { ...settings, most: 1254400 });
		expect(resized).toEqual({ width: 1288, height: 952 });
	});

	it('is the view’s grid of patches', () => {
		expect(viewOf({ width: 200, height: 150 }, settings)).toEqual({
			region: { x: 0, y: 0, width: 200, height: 150 },
			grid: { rows: 10, columns: 14 }
		});
	});

	it('is refused where a picture is more than 200 times as long as wide', () => {
		const line = rgbImage(201, 1, new Uint8Array(603));
		expect(() => resizePicture(line, settings)).toThrow(InputError);
		expect(() => resizePicture(line, settings)).toThrow('more than 200 times as long as wide');
		expect(resizePicture(rgbImage(200, 1, new Uint8Array(600)), settings)).toMatchObject({ height: 28 });
	});
});
