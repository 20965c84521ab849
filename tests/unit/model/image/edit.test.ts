import { describe, expect, it, test } from 'vitest';
import { editPhrase, editPicture, type PictureEdit } from '../../../../src/lib/model/image/edit.ts';
import { rgbImage, type RgbImage } from '../../../../src/lib/model/image/rgb.ts';

/** A picture whose pixels are letters, row by row. */
const picture = (...rows: string[]): RgbImage =>
	rgbImage(
		rows[0]!.length,
		rows.length,
		Uint8Array.from([...rows.join('')].flatMap((letter) => [letter.charCodeAt(0), 0, 255]))
	);
const letters = ({ width, height, data }: RgbImage) =>
	Array.from({ length: height }, (_, y) =>
		Array.from({ length: width }, (_, x) => String.fromCharCode(data[(y * width + x) * 3]!)).join('')
	);

describe('a picture is turned as EXIF says', () => {
	// What a viewer shows of a picture stored so, by the table of the EXIF standard (first row and column of what is stored).
	it.each([
		[1, ['abc', 'def']],
		[2, ['cba', 'fed']],
		[3, ['fed', 'cba']],
		[4, ['def', 'abc']],
		[5, ['ad', 'be', 'cf']],
		[6, ['da', 'eb', 'fc']],
		[7, ['fc', 'eb', 'da']],
		[8, ['cf', 'be', 'ad']]
	])('%i', (orientation, shown) => {
		expect(letters(editPicture(picture('abc', 'def'), [{ kind: 'turn', orientation }]))).toEqual(shown);
	});
});

test('a region is cut out, as far as it lies in the picture', () => {
	const image = picture('abcd', 'efgh', 'ijkl');
	const crop = (x: number, y: number, width: number, height: number) =>
		letters(editPicture(image, [{ kind: 'crop', x, y, width, height }]));
	expect(crop(1, 1, 2, 2)).toEqual(['fg', 'jk']);
	expect(crop(2, 2, 9, 9)).toEqual(['kl']);
	expect(crop(9, 9, 2, 2)).toEqual(['l']);
});

test('a masked region has the mean colour of the whole; the rest and the picture before stay', () => {
	const image = rgbImage(2, 2, Uint8Array.of(0, 0, 0, 100, 0, 0, 200, 40, 0, 100, 0, 4));
	const before = image.data.slice();
	const { data } = editPicture(image, [{ kind: 'mask', x: 1, y: 0, width: 1, height: 1 }]);
	expect([...data]).toEqual([0, 0, 0, 100, 10, 1, 200, 40, 0, 100, 0, 4]);
	expect(image.data).toEqual(before);
});

test('a blurred region loses its detail and takes nothing from around it', () => {
	const image = rgbImage(
		8,
		8,
		Uint8Array.from({ length: 192 }, (_, at) => (Math.floor(at / 3) % 2 === 0 ? 0 : 200))
	);
	const region = { x: 2, y: 2, width: 4, height: 4 };
	const { data } = editPicture(image, [{ kind: 'blur', radius: 2, ...region }]);
	const at = (x: number, y: number) => data[(y * 8 + x) * 3]!;
	for (let y = 2; y < 6; y++) for (let x = 2; x < 6; x++) expect(Math.abs(at(x, y) - 100)).toBeLessThan(25);
	expect([at(1, 2), at(6, 2), at(2, 1)]).toEqual([200, 0, 0]);
	// Around a region of one colour there is another: none of it comes in.
	const even = image.data.map((_, at) => {
		const [x, y] = [Math.floor(at / 3) % 8, Math.floor(at / 24)];
		return x >= 2 && x < 6 && y >= 2 && y < 6 ? 50 : 255;
	});
	expect(editPicture(rgbImage(8, 8, even), [{ kind: 'blur', radius: 5, ...region }]).data).toEqual(even);
});

test('edits follow each other, and say what they are', () => {
	const edits: PictureEdit[] = [
		{ kind: 'turn', orientation: 6 },
		{ kind: 'crop', x: 0, y: 1, width: 2, height: 1 }
	];
	expect(letters(editPicture(picture('abc', 'def'), edits))).toEqual(['eb']);
	expect(edits.map(editPhrase)).toEqual([
		'turned by a quarter to the right',
		'cropped to 2 × 1 px at x 0, y 1'
	]);
});
