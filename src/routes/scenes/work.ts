import { generateScene } from '$lib/scenes/index.ts';
import { pageState } from '$lib/workbench/frame/page-states.svelte.ts';
import { loadAtlas } from '$lib/workbench/session/samples.ts';
import { compose } from '$lib/scenes/composition.ts';
import { SceneEditor } from './editor.svelte.ts';
import { SweepSetup } from './sweep-setup.svelte.ts';

/** A held-out scene with a few objects to begin with. */
const firstSeed = 12;

/** What is made on the page. */
export interface SceneWork {
	readonly editor: SceneEditor;
	readonly setup: SweepSetup;
}

/** The one editor and its sweeps, there when the sprites are. */
class Scenes {
	readonly #base: string;
	#work: Promise<SceneWork> | undefined;

	constructor(base: string) {
		this.#base = base;
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
		return { editor, setup: new SweepSetup(editor) };
	}
}

/** A scene outlives a look at another page. */
export const getScenes = pageState(({ base }) => new Scenes(base));
