import { generateScene } from '../../scenes/index.ts';
import { loadAtlas } from '../samples.ts';
import type { Session } from '../session.svelte.ts';
import { compose } from './composition.ts';
import { SceneEditor } from './editor.svelte.ts';

/** A held-out scene with a few objects to begin with. */
const firstSeed = 12;

const editors = new WeakMap<Session, Promise<SceneEditor>>();

/**
 * The session's one editor, so that a scene outlives a look at another page.
 * @param base the site's root, where `scenes/` lies (an absolute URL with a trailing slash)
 * @throws Error with a sentence when the sprites cannot be had; the next call tries again
 */
export function editorOf(session: Session, base: string): Promise<SceneEditor> {
	const known = editors.get(session);
	if (known !== undefined) return known;
	const editor = loadAtlas(base).then(
		(atlas) => new SceneEditor(atlas, compose(generateScene(firstSeed, 'test')))
	);
	editors.set(session, editor);
	editor.catch(() => editors.delete(session));
	return editor;
}
