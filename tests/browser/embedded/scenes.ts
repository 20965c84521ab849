import { decode, encode } from 'fast-png';
import { Atlas, generateScene, renderScene, type AtlasIndex } from '../../../src/lib/scenes/index.ts';
import type { ImageInput } from '../../../src/lib/model/runtime/types.ts';

/** Where the embedded model lies for a test in the browser. */
export const embeddedUrl = () => new URL('/static/models/honeybee-mini/', location.href).href;

export async function fetchAtlas(): Promise<Atlas> {
	const index = (await (await fetch('/static/scenes/atlas.json')).json()) as AtlasIndex;
	const sprites = decode(await (await fetch('/static/scenes/atlas.png')).arrayBuffer());
	const { width, height } = sprites;
	return new Atlas(index, { width, height, data: new Uint8ClampedArray(sprites.data) });
}

/** A held-out scene as the worker takes images. */
export function sceneImage(atlas: Atlas, seed: number): ImageInput {
	const { width, height, data } = renderScene(generateScene(seed, 'test'), atlas);
	return {
		id: String(seed),
		name: `${seed}.png`,
		bytes: encode({ width, height, data, channels: 4, depth: 8 })
	};
}
