import type { BackendInfo, ImageInput } from '../../model/runtime/types.ts';
import type { LoadedModel } from '../../../workers/model/api.ts';
import type { ModelManifest, ProjectorEntry } from '../../model/manifest.ts';
import type { SessionImage } from '../session/images.ts';
import type { Session } from '../session/session.svelte.ts';
import { isTrained } from '../session/tokens.ts';

/** What is looked at: one image through one projector of the loaded model. */
export interface Subject {
	readonly manifest: ModelManifest;
	readonly backend: BackendInfo;
	readonly projector: string;
	readonly entry: ProjectorEntry;
	/** M */
	readonly tokens: number;
	readonly image: SessionImage;
	/** Names all of it; results are kept by it. */
	readonly key: string;
	/** Where the numbers of a figure come from, one line. */
	readonly provenance: string;
	/** The same as the worker's requests name it. */
	readonly request: { readonly projector: string; readonly tokens?: number; readonly image: ImageInput };
}

/** The subject chosen now, or for another projector, M or image; undefined until a model is ready and an image chosen. */
export function subjectOf(
	session: Session,
	change: { readonly projector?: string; readonly tokens?: number; readonly image?: SessionImage } = {}
): Subject | undefined {
	const { loaded, worker } = session;
	const image = change.image ?? session.image;
	const projector = change.projector ?? session.projector;
	if (worker.status !== 'ready' || loaded === undefined || image === undefined || projector === undefined)
		return undefined;
	const own = change.projector === undefined || change.projector === session.projector;
	return subjectIn(loaded, image, projector, change.tokens ?? (own ? session.tokens : undefined));
}

/** The same for any loaded model; undefined when it has no such projector. M is the projector's own when absent. */
export function subjectIn(
	{ manifest, backend }: Pick<LoadedModel, 'manifest' | 'backend'>,
	image: SessionImage,
	projector: string,
	M?: number
): Subject | undefined {
	const entry = manifest.projectors[projector];
	if (entry === undefined) return undefined;
	const tokens = M ?? entry.num_query_tokens;
	const { id, bytes, name } = image;
	return {
		manifest,
		backend,
		projector,
		entry,
		tokens,
		image,
		key: [manifest.name, manifest.dtype, backend.backend, projector, tokens, id].join('|'),
		provenance: `${manifest.name} · ${entry.title}, M = ${tokens}${isTrained(entry, tokens) ? '' : ' (not trained at this M)'} · ${name} · ${manifest.dtype} on ${backend.backend}`,
		request: {
			projector,
			...(tokens === entry.num_query_tokens ? {} : { tokens }),
			image: { id, bytes, name }
		}
	};
}
