import { ConvertClient } from '../../workers/convert/client.ts';
import type { Session } from '$lib/workbench/session/session.svelte.ts';
import { Library } from './library.svelte.ts';

const libraries = new WeakMap<Session, Library>();

/** The session's library; one as long as the session lives, whatever page is shown. */
export function libraryOf(session: Session): Library {
	let library = libraries.get(session);
	if (!library) {
		library = new Library({ client: new ConvertClient(), onChange: () => session.relist() });
		libraries.set(session, library);
	}
	return library;
}
