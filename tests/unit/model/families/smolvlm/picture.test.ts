import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/lib/bytes/hash.ts';
import {
	cutPicture,
	planPicture,
	type PictureSettings
} from '../../../../../src/lib/model/families/smolvlm/picture.ts';
import { decodePng } from '../../../../../src/lib/model/image/png.ts';
import { goldenBytes } from '../../image/golden.ts';
import { joinTiles, preprocessGolden } from '../preprocess-golden.ts';

/** Width, height, setting, after the first and the second resizing, rows, columns, tokens. */
type SizeRow = readonly [
	number,
	number,
	string,
	readonly number[],
	readonly number[],
	number,
	number,
	number
];

/** The settings of the table's rows, by the names that it gives them. */
const settings: Readonly<Record<string, PictureSettings>> = {
	'SmolVLM-256M/500M (2048/512)': { longestEdge: 2048, tile: 512, splitting: true },
	'SmolVLM-2.2B (1536/384)': { longestEdge: 1536, tile: 384, splitting: true },
	'SmolVLM-256M, size 512': { longestEdge: 512, tile: 512, splitting: true },
	'Idefics3 (1456/364)': { longestEdge: 1456, tile: 364, splitting: true }
};

describe('sizes of odd pictures as transformers plans them', () => {
	const rows = preprocessGolden.sizes_smolvlm.rows as readonly SizeRow[];
	it.each(rows)('%i × %i, %s', (width, height, setting, ...expected) => {
		const { first, second, rows, columns, views } = planPicture({ width, height }, settings[setting]!);
		const [firstSize, secondSize, r, c] = expected;
		expect([first.width, first.height]).toEqual(firstSize);
		expect([second.width, second.height]).toEqual(secondSize);
		expect([rows, columns]).toEqual([r, c]);
		expect(views.length).toBe(rows * columns + 1);
	});
	it('covers every setting of the table', () => {
		expect(new Set(rows.map(([, , setting]) => setting))).toEqual(new Set(Object.keys(settings)));
	});
});

describe('bytes of tiles and of the whole', () => {
	const files = Object.keys(preprocessGolden.pixels).flatMap(
		(name) => /^smolvlm\.tiles\.(.*)$/.exec(name)?.[1] ?? []
	);
	it.each(files)('%s', async (file) => {
		const image = await decodePng(goldenBytes(`images/${file}`), file);
		const tiles = cutPicture(image, { longestEdge: 256, tile: 128, splitting: true });
		const { columns } = planPicture(image, { longestEdge: 256, tile: 128, splitting: true });
		const whole = tiles.pop()!;
		const joined = joinTiles(tiles, columns);
		const { pixels } = preprocessGolden;
		expect([joined.height, joined.width, 3]).toEqual(pixels[`smolvlm.tiles.${file}`]!.shape);
		expect(await sha256(joined.data)).toBe(pixels[`smolvlm.tiles.${file}`]!.sha256);
		expect(await sha256(whole.data)).toBe(pixels[`smolvlm.global.${file}`]!.sha256);
	});
	it('has pictures that are wide, high and nearly square', () => expect(files.length).toBe(3));
});

it('places tiles on the original picture by two factors of its own', () => {
	// 100 × 80 becomes 2048 × 1638, then 2048 × 2048: a tile is 25 pixels wide and 20 high.
	const { views } = planPicture({ width: 100, height: 80 }, settings['SmolVLM-256M/500M (2048/512)']!);
	expect(views[6]).toEqual({
		region: { x: 50, y: 20, width: 25, height: 20 },
		tile: { row: 1, column: 2 }
	});
	expect(views.at(-1)).toEqual({ region: { x: 0, y: 0, width: 100, height: 80 } });
});
