import { readFile } from 'node:fs/promises';
import { decode } from 'fast-png';
import { Atlas, generateScene, type AtlasIndex, type Scene } from '../../lib/scenes/index.ts';
import { InputError } from '../../lib/tensor/errors.ts';

/** A scene of the embedded model's world, with its sprites. @throws InputError when they are not there */
export async function readScene(seed: number): Promise<{ readonly scene: Scene; readonly atlas: Atlas }> {
	const file = (name: string) => readFile(new URL(`static/scenes/${name}`, packageRoot()));
	try {
		const { width, height, data } = decode(await file('atlas.png'));
		const index = JSON.parse((await file('atlas.json')).toString('utf8')) as AtlasIndex;
		return {
			scene: generateScene(seed, 'test'),
			atlas: new Atlas(index, { width, height, data: new Uint8ClampedArray(data) })
		};
	} catch (error) {
		throw new InputError(
			`The sprites of scenes cannot be read (${(error as Error).message}); install the workbench again.`
		);
	}
}

/** Where the package lies, from the bundle in dist/cli and from this source. */
function packageRoot(): URL {
	return new URL(import.meta.url.includes('/src/cli/') ? '../../../' : '../../', import.meta.url);
}
