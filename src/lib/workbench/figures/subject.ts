import { subjectIn, type Subject as AnySubject } from '../../study/subject.ts';
import type { SessionImage } from '../session/images.ts';
import type { Session } from '../session/session.ts';

export type Subject = AnySubject<SessionImage>;

/** The subject chosen now, or for another projector, M or image; undefined until a model is ready and an image chosen. */
export function subjectOf(
	{ models, images }: Pick<Session, 'models' | 'images'>,
	change: { readonly projector?: string; readonly tokens?: number; readonly image?: SessionImage } = {}
): Subject | undefined {
	const { loaded, worker } = models;
	const image = change.image ?? images.current;
	const projector = change.projector ?? models.projector;
	if (worker.status !== 'ready' || loaded === undefined || image === undefined || projector === undefined)
		return undefined;
	const own = change.projector === undefined || change.projector === models.projector;
	return subjectIn(loaded, image, projector, change.tokens ?? (own ? models.tokens : undefined), images.view);
}
