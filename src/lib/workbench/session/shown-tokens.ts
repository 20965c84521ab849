import { tokensOf } from '../../study/tokens.ts';
import { shownView, viewsOf } from '../../study/views.ts';
import type { Session } from './session.ts';

/** M as it is for the picture that is shown: what was chosen, or what that picture decides. */
export function shownTokens({ models, images }: Pick<Session, 'models' | 'images'>): number | undefined {
	const { manifest, projectorEntry: entry, tokens } = models;
	const image = images.current;
	if (!manifest || !entry || entry.tokens_by !== 'picture' || !image) return tokens;
	const views = viewsOf(manifest, image);
	return tokensOf(manifest, entry, views[shownView(views, images.view)]!, tokens);
}
