import { encode } from 'fast-png';
import { type Atlas, renderScene, type Scene } from '../scenes/index.ts';
import { sha256 } from '../bytes/hash.ts';
import type { ImageInput } from '../model/runtime/types.ts';

export const composedName = 'Composed scene';

/** The scene's pixels as training renders them, in a PNG file; the same scene gives the same bytes, so the same id. */
export function sceneFile(scene: Scene, atlas: Atlas): Uint8Array<ArrayBuffer> {
	const { width, height, data } = renderScene(scene, atlas);
	return new Uint8Array(encode({ width, height, data, channels: 4, depth: 8 }));
}

/** The scene as the model is given it. */
export async function sceneInput(
	scene: Scene,
	atlas: Atlas,
	name = composedName
): Promise<ImageInput & { readonly bytes: Uint8Array<ArrayBuffer> }> {
	const bytes = sceneFile(scene, atlas);
	return { id: await sha256(bytes), bytes, name };
}
