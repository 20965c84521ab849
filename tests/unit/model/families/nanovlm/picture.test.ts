import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/lib/bytes/hash.ts';
import { memorySource } from '../../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../../../src/lib/checkpoint/safetensors.ts';
import { cutPicture, planPicture } from '../../../../../src/lib/model/families/nanovlm/picture.ts';
import { decodePng } from '../../../../../src/lib/model/image/png.ts';
import type { RgbImage } from '../../../../../src/lib/model/image/rgb.ts';
import { goldenBytes } from '../../image/golden.ts';
import { joinTiles, preprocessGolden, preprocessTensors } from '../preprocess-golden.ts';

/** Width, height, `max_img_size`, `vit_img_size`, `resize_to_max_side_len`, resized, rows, columns. */
type SizeRow = readonly [number, number, number, number, boolean, readonly number[], number, number];

describe('sizes of odd pictures as nanoVLM plans them', () => {
	const rows = preprocessGolden.sizes_nanovlm.rows as readonly SizeRow[];
	it.each(rows)(
		'%i × %i: at most %i, tower %i, always %s',
		(width, height, longest, side, always, ...expected) => {
			const plan = planPicture({ width, height }, { side, tiles: { longest, always, whole: true } });
			const [resized, r, c] = expected;
			expect([plan.resized.width, plan.resized.height]).toEqual(resized);
			expect([plan.rows, plan.columns]).toEqual([r, c]);
			expect(plan.views.length).toBe(plan.rows * plan.columns + (plan.rows * plan.columns > 1 ? 1 : 0));
		}
	);
	it('has rows', () => expect(rows.length).toBe(72));
});

const { pixels } = preprocessGolden;
const open = (file: string) => decodePng(goldenBytes(`images/${file}`), file);

describe('bytes of tiles', () => {
	const tiles = { longest: 256, always: true, whole: true };
	it.each(['odd_331x61.png', 'odd_97x113.png'])('%s', async (file) => {
		const [whole, ...cut] = cutPicture(await open(file), { side: 128, tiles });
		const { columns } = planPicture(await open(file), { side: 128, tiles });
		const joined = joinTiles(cut as RgbImage[], columns);
		expect([joined.height, joined.width, 3]).toEqual(pixels[`nanovlm.tiles.${file}`]!.shape);
		expect(await sha256(joined.data)).toBe(pixels[`nanovlm.tiles.${file}`]!.sha256);
		expect(whole).toBeInstanceOf(Float32Array);
	});
	it('the whole is not rounded to bytes', async () => {
		const file = 'odd_331x61.png';
		const [whole] = cutPicture(await open(file), { side: 128, tiles });
		const golden = await openSafetensors(memorySource('preprocess', preprocessTensors()));
		const { data } = await golden.read(`nanovlm.global_float.${file}`);
		const expected = data as Float32Array;
		expect(expected.length).toBe(3 * 128 * 128);
		const differences = expected.map((value, i) => Math.abs(value - (whole as Float32Array)[i]!));
		expect(Math.max(...differences)).toBeLessThanOrEqual(1e-6);
	});
});

it.each(['odd_331x61.png', 'odd_97x113.png'])('the square of the first releases: %s', async (file) => {
	const [square] = cutPicture(await open(file), { side: 128 });
	expect(await sha256((square as RgbImage).data)).toBe(pixels[`nanovlm_v01.square.${file}`]!.sha256);
});
