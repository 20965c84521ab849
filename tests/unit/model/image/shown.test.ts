import { describe, expect, it, test } from 'vitest';
import sharp from 'sharp';
import { shownPixels, shownUrl, shrink } from '../../../../src/lib/model/image/shown.ts';
import cases from '../../../fixtures/images/cases.json' with { type: 'json' };

describe('what is shown of an image', () => {
	const image = { width: 3, height: 2, data: Uint8Array.from({ length: 18 }, (_, index) => index * 10) };

	test('small ones as they are, opaque', () => {
		const shown = shrink(image, 1);
		expect([shown.width, shown.height]).toEqual([3, 2]);
		expect([...shown.data.subarray(0, 8)]).toEqual([0, 10, 20, 255, 30, 40, 50, 255]);
	});

	test('large ones averaged block by block', () => {
		const shown = shrink(image, 2);
		expect([shown.width, shown.height]).toEqual([1, 1]);
		// Red of pixels 0, 1, 3, 4: 0, 30, 90, 120.
		expect([...shown.data]).toEqual([60, 70, 80, 255]);
	});

	test('one pixel high stays one pixel high', () => {
		const shown = shrink({ width: 6, height: 1, data: new Uint8Array(18).fill(9) }, 3);
		expect([shown.width, shown.height, shown.data[0]]).toEqual([2, 1, 9]);
	});

	test('no side is longer than 1600 pixels', () => {
		const { width, height } = shownPixels({ width: 3200, height: 2, data: new Uint8Array(19_200) });
		expect([width, height]).toEqual([1600, 1]);
	});

	it.each(['turned.jpg', 'turned.webp', 'animated.gif', 'colour2-8bit.png'])(
		'%s is shown as it is stored, by its own type',
		async (name) => {
			const { file, width, height } = cases.find((row) => row.name === name)!;
			const url = shownUrl(new Uint8Array(Buffer.from(file, 'base64')));
			const [type, content] = url.split(';base64,');
			const found = await sharp(Buffer.from(content!, 'base64')).metadata();
			expect([`data:image/${found.format}`, found.width, found.height]).toEqual([type, width, height]);
			expect(found.orientation).toBe(undefined);
		}
	);
});
