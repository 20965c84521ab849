import type { ModelManifest, ProjectorEntry } from '../model/manifest.ts';
import type { BackendInfo, ImageInput } from '../model/runtime/types.ts';
import type { Region, Size, View } from '../model/image/processor.ts';
import { isTrained, tokensOf } from './tokens.ts';
import { shownView, sizeOf, viewsOf, viewTitle } from './views.ts';

/** An image that is looked at, with where figures find it to draw it. */
export interface SubjectImage extends ImageInput {
	/** blob: or data: URL of the file. */
	readonly url: string;
	/** In pixels, where it is known without reading the file. */
	readonly width?: number;
	readonly height?: number;
}

/** A model in work, as far as a study has to know of it. */
export interface SubjectModel {
	readonly manifest: ModelManifest;
	readonly backend: BackendInfo;
}

/** What is looked at: one image through one projector of a loaded model. */
export interface Subject<Image extends SubjectImage = SubjectImage> extends SubjectModel {
	readonly projector: string;
	readonly entry: ProjectorEntry;
	/** M, of one view */
	readonly tokens: number;
	readonly image: Image;
	/** What the vision tower sees of the image, in the order of its visual tokens. */
	readonly views: readonly View[];
	/** Which of them is looked at. */
	readonly view: number;
	/** Names all of it; results are kept by it. */
	readonly key: string;
	/** Where the numbers of a figure come from, one line. */
	readonly provenance: string;
	/** The same as requests to the model name it. */
	readonly request: {
		readonly projector: string;
		readonly tokens?: number;
		readonly image: ImageInput;
		readonly view?: number;
	};
}

/** Where the numbers of a figure come from, one line. @param image its name */
export function provenanceOf(
	{ manifest, backend, entry, tokens }: SubjectModel & Pick<Subject, 'entry' | 'tokens'>,
	image: string
): string {
	return `${manifest.name} · ${entry.title}, M = ${tokens}${isTrained(entry, tokens) ? '' : ' (not trained at this M)'} · ${image} · ${manifest.dtype} on ${backend.backend}`;
}

/** A picture as figures name it: its name, and of several views the one that is looked at. */
export const pictureWords = ({ image, views, view }: Pick<Subject, 'image' | 'views' | 'view'>): string =>
	views.length > 1 ? `${image.name}, ${viewTitle(views[view]!)}` : image.name;

/**
 * Undefined when the model has no such projector.
 * @param M the projector's own when absent
 * @param chosenView the whole picture when absent
 */
export function subjectIn<Image extends SubjectImage>(
	{ manifest, backend }: SubjectModel,
	image: Image,
	projector: string,
	M?: number,
	chosenView?: number
): Subject<Image> | undefined {
	const entry = manifest.projectors[projector];
	if (entry === undefined) return undefined;
	const { id, bytes, name } = image;
	const views = viewsOf(manifest, image);
	const view = shownView(views, chosenView);
	const tokens = tokensOf(manifest, entry, views[view]!, M);
	// Where the picture decides, another number is the model's to refuse.
	const asked =
		entry.tokens_by !== 'picture'
			? tokens
			: M === tokens
				? entry.num_query_tokens
				: (M ?? entry.num_query_tokens);
	const several = views.length > 1;
	return {
		manifest,
		backend,
		projector,
		entry,
		tokens,
		image,
		views,
		view,
		key: [
			manifest.name,
			manifest.dtype,
			backend.backend,
			projector,
			tokens,
			id,
			...(several ? [view] : [])
		].join('|'),
		provenance: provenanceOf({ manifest, backend, entry, tokens }, pictureWords({ image, views, view })),
		request: {
			projector,
			...(asked === entry.num_query_tokens ? {} : { tokens: asked }),
			image: { id, bytes, name },
			...(several && { view })
		}
	};
}

/** The picture under a figure's map: what the view shows of it. */
export function pictureOf({ image, views, view }: Pick<Subject, 'image' | 'views' | 'view'>): {
	readonly href: string;
	readonly name: string;
	/** Width over height of what is shown. */
	readonly aspect: number;
	readonly part?: { readonly region: Region; readonly size: Size };
} {
	const size = sizeOf(image);
	const { region } = views[view]!;
	const whole =
		region.x === 0 && region.y === 0 && region.width === size.width && region.height === size.height;
	return {
		...{ href: image.url, name: image.name, aspect: region.width / region.height },
		...(!whole && { part: { region, size } })
	};
}

/** Titles of a model's projectors; those that share one are told apart by their M. */
export function oneTitleEach({ projectors }: ModelManifest): (projector: string) => string {
	const entries = Object.values(projectors);
	return (name) => {
		const entry = projectors[name];
		if (entry === undefined) return name;
		const alone = entries.filter(({ title }) => title === entry.title).length === 1;
		return alone ? entry.title : `${entry.title}, M = ${entry.num_query_tokens}`;
	};
}
