import { generateScene } from '$lib/scenes/index.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import type { Images } from '$lib/workbench/session/images.svelte.ts';
import { openImage } from '$lib/workbench/session/images.ts';
import { loadAtlas } from '$lib/workbench/session/samples.ts';
import { compose } from '$lib/scenes/composition.ts';
import { SceneEditor } from './editor.svelte.ts';
import { ScenePicture } from './picture.svelte.ts';
import { SweepSetup } from './sweep-setup.svelte.ts';

/** A held-out scene with a few objects, to begin with where the picture at hand is none. */
const firstSeed = 12;

/** What is made on the page. */
export interface SceneWork {
	readonly editor: SceneEditor;
	readonly setup: SweepSetup;
	readonly picture: ScenePicture;
}

/** The one editor and its sweeps, there when the sprites are. */
class Scenes {
	readonly #base: string;
	readonly #images: Images;
	#work: Promise<SceneWork> | undefined;

	constructor(base: string, images: Images) {
		this.#base = base;
		this.#images = images;
	}

	/** @throws Error with a sentence when the sprites cannot be had; the next call tries again */
	work(): Promise<SceneWork> {
		if (this.#work !== undefined) return this.#work;
		this.#work = this.#begin();
		this.#work.catch(() => (this.#work = undefined));
		return this.#work;
	}

	async #begin(): Promise<SceneWork> {
		const atlas = await loadAtlas(this.#base);
		const editor = new SceneEditor(atlas, compose(generateScene(firstSeed, 'test')));
		const picture = new ScenePicture(editor, this.#images, openImage);
		return { editor, setup: new SweepSetup(editor), picture };
	}
}

/** A scene outlives a look at another page. */
export const getScenes = pageState(({ base, session }) => new Scenes(base, session.images));
