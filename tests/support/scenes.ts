import { readFileSync } from 'node:fs';
import { decode } from 'fast-png';
import { Asking } from '../../src/lib/scenes/asking.ts';
import { add, type Composition } from '../../src/lib/scenes/composition.ts';
import { Atlas, type AtlasIndex } from '../../src/lib/scenes/index.ts';

export const index = JSON.parse(readFileSync('static/scenes/atlas.json', 'utf8')) as AtlasIndex;
const sheet = decode(readFileSync('static/scenes/atlas.png'));
export const atlas = new Atlas(index, {
	...{ width: sheet.width, height: sheet.height },
	data: new Uint8ClampedArray(sheet.data)
});
export const asking = new Asking(index);

/** A cat of 20 px in the upper left corner and a dog of 28 px at (60, 50). */
export function two(): Composition {
	const empty: Composition = { split: 'test', seed: 0, background: 0, objects: [] };
	const { added: _cat, ...one } = add(empty, { cls: 0, style: 0, size: 20, x: 2, y: 3 });
	const { added: _dog, ...both } = add(one, { cls: 1, style: 1, size: 28, x: 60, y: 50 });
	return both;
}
export const cat = 0;
export const dog = 1;
