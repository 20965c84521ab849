import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../../../src/lib/checkpoint/safetensors.ts';
import {
	cutPicture,
	layOut,
	planPicture,
	type PictureSettings
} from '../../../../../src/lib/model/families/hyperclovax-vision/picture.ts';
import { NEWLINE } from '../../../../../src/lib/model/image/processor.ts';
import { rgbImage } from '../../../../../src/lib/model/image/rgb.ts';
import type { TileGrid } from '../../../../../src/lib/model/image/views.ts';

const root = new URL('../../../../fixtures/families/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root));

/** Every grid of at most so many tiles, rows outer. */
function grids(most: number, least = 1): TileGrid[] {
	const sides = Array.from({ length: most }, (_, i) => i + 1);
	const all = sides.flatMap((rows) => sides.map((columns) => ({ rows, columns })));
	return all.filter(({ rows, columns }) => rows * columns <= most && rows * columns >= least);
}

const settingsOf = (tile: number, most: number, alone: boolean, unpad = true): PictureSettings => ({
	...{ tile, unpad, grids: grids(most, alone ? 1 : 2), fill: [127, 127, 127] }
});

/** Sizes at 378 pixels a tile, 9 × 9 tokens. */
type SizeRow = readonly [
	width: number,
	height: number,
	most: number,
	alone: boolean,
	thumbnail: readonly [number, number],
	grid: readonly [number, number],
	resized: readonly [number, number],
	unpadded: readonly [tokens: number, rows: number, columns: number],
	padded: number
];
const { rows } = JSON.parse(read('preprocess-hyperclovax/sizes.json').toString()) as {
	readonly rows: readonly SizeRow[];
};

describe('sizes of pictures as upstream plans them', () => {
	it.each(rows)('%i × %i, at most %i tiles, %o', (...row) => {
		const [width, height, most, alone, thumbnail, grid, resized, [tokens, down, across], padded] = row;
		const settings = settingsOf(378, most, alone);
		const plan = planPicture({ width, height }, settings);
		expect([plan.thumbnail.size.width, plan.thumbnail.size.height]).toEqual(thumbnail);
		expect([plan.grid.rows, plan.grid.columns]).toEqual(grid);
		expect([plan.tiles.size.width, plan.tiles.size.height]).toEqual(resized);
		const layout = layOut({ width, height }, settings, 81);
		expect(layout.length).toBe(tokens);
		expect(layout.filter((place) => place === NEWLINE).length).toBe(down);
		expect(layout.length - 81).toBe(down * (across + 1));
		expect(layOut({ width, height }, { ...settings, unpad: false }, 81).length).toBe(padded);
	});

	it('covers both ways of unpadding, the division that comes first, and the count that upstream has written down', () => {
		const of = (width: number, height: number) =>
			layOut({ width, height }, settingsOf(378, 9, true), 81).length;
		expect(of(512, 512)).toBe(423);
		const [wide, high] = [rows.find(([w]) => w === 1400), rows.find(([w]) => w === 900)];
		expect(wide?.[4]).toEqual([378, 244]);
		expect(high?.[4]).toEqual([244, 378]);
	});
});

interface Tiling {
	readonly file: string;
	readonly width: number;
	readonly height: number;
	readonly best_resolution: readonly [number, number];
	readonly resized: readonly [number, number];
	readonly paste: readonly [number, number];
	readonly tiles: number;
	readonly tokens: number;
}

describe.each([
	['hyperclovax-seed-vision', settingsOf(126, 9, true)],
	['hyperclovax-seed-vision-mup', settingsOf(126, 4, false)]
] as const)('%s', async (set, settings) => {
	const golden = JSON.parse(read(`${set}/golden.json`).toString()) as {
		readonly cases: Readonly<Record<string, { readonly tiling: readonly Tiling[] }>>;
	};
	const tensors = await openSafetensors(memorySource(set, new Uint8Array(read(`${set}/golden.safetensors`))));
	const tilings = Object.entries(golden.cases).flatMap(([name, { tiling }]) =>
		tiling.map((one) => [name, one] as const)
	);

	it.each(tilings)('%s is cut and put down as upstream does it', (_, tiling) => {
		const plan = planPicture(tiling, settings);
		expect([plan.tiles.canvas.height, plan.tiles.canvas.width]).toEqual(tiling.best_resolution);
		expect([plan.tiles.size.height, plan.tiles.size.width]).toEqual(tiling.resized);
		expect([plan.tiles.y, plan.tiles.x]).toEqual(tiling.paste);
		expect(plan.views.length).toBe(tiling.tiles);
		expect(layOut(tiling, settings, 9).length).toBe(tiling.tokens);
	});

	const tables = [...tensors.entries.keys()].filter((name) => name.endsWith('.token_cells'));
	it('has tables of tokens', () => expect(tables.length).toBeGreaterThan(0));
	it.each(tables)('%s: every token is upstream’s tile and cell', async (name) => {
		const { data } = await tensors.read(name);
		const [tiling] = golden.cases[name.replace('.token_cells', '')]!.tiling;
		const cells = layOut(tiling!, settings, 9).flatMap((place) =>
			place === NEWLINE ? [-1, -1, -1] : [Math.floor(place / 9), Math.floor((place % 9) / 3), place % 3]
		);
		expect(cells).toEqual(Array.from(data, Number));
	});
});

describe('a view’s region', () => {
	// A white block on black, whose middle is looked for in every view.
	const [width, height] = [200, 90];
	const block = { x: 130, y: 20, side: 12 };
	const data = new Uint8Array(width * height * 3);
	for (let y = block.y; y < block.y + block.side; y++)
		data.fill(255, (y * width + block.x) * 3, (y * width + block.x + block.side) * 3);
	const image = rgbImage(width, height, data);
	const settings: PictureSettings = { ...settingsOf(126, 9, true), fill: [0, 0, 0] };

	it('says where on the picture each of its pixels lies, beyond it on padding', () => {
		const tiles = cutPicture(image, settings);
		const { views } = planPicture(image, settings);
		expect(views.length).toBe(tiles.length);
		const found = tiles.map((tile, i) => {
			let [weight, x, y] = [0, 0, 0];
			for (let at = 0; at < 126 * 126; at++) {
				const value = tile.data[at * 3]!;
				weight += value;
				x += value * ((at % 126) + 0.5);
				y += value * (Math.floor(at / 126) + 0.5);
			}
			const { region } = views[i]!;
			return {
				weight,
				x: region.x + (x / weight / 126) * region.width,
				y: region.y + (y / weight / 126) * region.height,
				whole: (weight / 255) * (region.width / 126) * (region.height / 126)
			};
		});
		// Wholly in a view: the thumbnail, and of the tiles the one it falls into.
		const whole = found.filter(({ whole }) => whole > 0.97 * block.side ** 2);
		expect(whole.length).toBe(2);
		for (const { x, y } of whole) {
			expect(Math.abs(x - (block.x + block.side / 2))).toBeLessThan(0.3);
			expect(Math.abs(y - (block.y + block.side / 2))).toBeLessThan(0.3);
		}
		const [thumbnail] = views;
		expect(thumbnail!.tile).toBeUndefined();
		expect(thumbnail!.region.y).toBeLessThan(0);
		expect(thumbnail!.region.y + thumbnail!.region.height).toBeGreaterThan(height);
	});
});
