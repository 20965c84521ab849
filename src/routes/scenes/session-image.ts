import type { Atlas, Scene } from '$lib/scenes/index.ts';
import { openImage } from '$lib/workbench/session/images.ts';
import type { Images } from '$lib/workbench/session/images.svelte.ts';
import { Asking } from '$lib/scenes/asking.ts';
import { composedName, sceneFile } from '$lib/study/scene-image.ts';

/** Milliseconds between two images of one drag. */
const pace = 300;

/**
 * Makes the composed scene the image, at most every `pace` milliseconds and always the last one.
 * @returns to be called with every new scene
 */
export function keepComposed(images: Images, atlas: Atlas): (scene: Scene) => void {
	const asking = new Asking(atlas.index);
	let waiting: Scene | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;

	async function put(): Promise<void> {
		const scene = waiting;
		waiting = undefined;
		timer = undefined;
		if (scene === undefined) return;
		const questions = asking.suggestions(scene).slice(0, 4);
		const file = new Blob([sceneFile(scene, atlas)]);
		const image = await openImage(
			file,
			composedName,
			questions.map(({ text }) => text)
		);
		images.putComposed(image);
	}

	return (scene) => {
		waiting = scene;
		timer ??= setTimeout(() => void put(), pace);
	};
}
