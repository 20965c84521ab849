import { sha256 } from '$lib/bytes/hash.ts';
import { encode } from 'fast-png';
import { type Atlas, renderScene, type Scene } from '$lib/scenes/index.ts';
import type { ImageInput } from '$lib/model/runtime/types.ts';

export const composedName = 'Composed scene';

/** The scene's pixels as training renders them, in a PNG file; the same scene gives the same bytes, so the same id. */
export function sceneFile(scene: Scene, atlas: Atlas): Uint8Array<ArrayBuffer> {
	const { width, height, data } = renderScene(scene, atlas);
	return new Uint8Array(encode({ width, height, data, channels: 4, depth: 8 }));
}

/** What the model's worker gets. */
export async function sceneInput(
	scene: Scene,
	atlas: Atlas,
	name = composedName
): Promise<ImageInput & { readonly bytes: Uint8Array<ArrayBuffer> }> {
	const bytes = sceneFile(scene, atlas);
	return { id: await sha256(bytes), bytes, name };
}
