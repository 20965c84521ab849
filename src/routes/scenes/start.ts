import { generateScene } from '$lib/scenes/index.ts';
import { loadAtlas } from '$lib/workbench/session/samples.ts';
import type { Session } from '$lib/workbench/session/session.svelte.ts';
import { compose } from './composition.ts';
import { SceneEditor } from './editor.svelte.ts';
import { SweepSetup } from './sweep-setup.svelte.ts';

/** A held-out scene with a few objects to begin with. */
const firstSeed = 12;

/** What is made on the page. */
export interface SceneWork {
	readonly editor: SceneEditor;
	readonly setup: SweepSetup;
}

const works = new WeakMap<Session, Promise<SceneWork>>();

/**
 * The session's one editor and its sweeps, so that a scene outlives a look at another page.
 * @param base the site's root, where `scenes/` lies (an absolute URL with a trailing slash)
 * @throws Error with a sentence when the sprites cannot be had; the next call tries again
 */
export function sceneWorkOf(session: Session, base: string): Promise<SceneWork> {
	const known = works.get(session);
	if (known !== undefined) return known;
	const work = loadAtlas(base).then((atlas) => {
		const editor = new SceneEditor(atlas, compose(generateScene(firstSeed, 'test')));
		return { editor, setup: new SweepSetup(editor) };
	});
	works.set(session, work);
	work.catch(() => works.delete(session));
	return work;
}
