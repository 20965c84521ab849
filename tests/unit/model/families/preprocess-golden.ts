import { readFileSync } from 'node:fs';
import { rgbImage, type RgbImage } from '../../../../src/lib/model/image/rgb.ts';

const root = new URL('../../../fixtures/families/preprocess-smolvlm-nanovlm/', import.meta.url);

interface PreprocessGolden {
	readonly sizes_smolvlm: { readonly rows: readonly unknown[] };
	readonly sizes_nanovlm: { readonly rows: readonly unknown[] };
	/** Sides of the stored table and of the picture in patches, and the bucket of each row and column. */
	readonly position_ids: {
		readonly rows: readonly (readonly [
			stored: number,
			rows: number,
			columns: number,
			down: readonly number[],
			across: readonly number[]
		])[];
	};
	/** Bytes [height, width, 3] after all resizing. */
	readonly pixels: Readonly<Record<string, { readonly shape: readonly number[]; readonly sha256: string }>>;
}

export const preprocessGolden = JSON.parse(
	readFileSync(new URL('preprocess.json', root), 'utf8')
) as PreprocessGolden;

export const preprocessTensors = (): Uint8Array =>
	new Uint8Array(readFileSync(new URL('preprocess.safetensors', root)));

/** The picture that was cut into these tiles. */
export function joinTiles(tiles: readonly RgbImage[], columns: number): RgbImage {
	const side = tiles[0]!.width;
	const [width, height] = [columns * side, (tiles.length / columns) * side];
	const data = new Uint8Array(width * height * 3);
	tiles.forEach((tile, i) => {
		const [x, y] = [(i % columns) * side, Math.floor(i / columns) * side];
		for (let row = 0; row < side; row++)
			data.set(tile.data.subarray(row * side * 3, (row + 1) * side * 3), ((y + row) * width + x) * 3);
	});
	return rgbImage(width, height, data);
}
