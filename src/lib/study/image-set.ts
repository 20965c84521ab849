import type { ModelManifest } from '../model/manifest.ts';
import type { Subject, SubjectImage } from './subject.ts';
import { shownView, viewsOf, viewTitle } from './views.ts';

/** Images that a figure is taken over, under the name by which figures, captions and files call them. */
export interface ImageSet<Image extends SubjectImage = SubjectImage> {
	readonly name: string;
	readonly images: readonly Image[];
}

/** A set as it is recorded with a figure: which images, by sha256 and name. */
export interface RecordedSet {
	readonly name: string;
	readonly members: readonly { readonly id: string; readonly name: string }[];
}

/** One image, under its own name. */
export const setOfOne = <Image extends SubjectImage>(image: Image): ImageSet<Image> => ({
	name: image.name,
	images: [image]
});

/** Of which and how many images a figure is, e.g. "Sample scenes, 8 images". */
export function setPhrase({ name, images }: ImageSet): string {
	const [only] = images;
	if (images.length === 1 && only?.name === name) return name;
	return `${name}, ${images.length === 1 ? '1 image' : `${images.length} images`}`;
}

/**
 * The same with what is looked at where a model cuts images into tiles.
 * @param only the one image as it is looked at; of several it is the whole of each
 */
export function viewsPhrase(
	set: ImageSet,
	manifest: ModelManifest,
	only?: Pick<Subject, 'views' | 'view'>
): string {
	const tiled = set.images.map((image) => viewsOf(manifest, image)).find((views) => views.length > 1);
	if (tiled === undefined) return setPhrase(set);
	const title = viewTitle(only ? only.views[only.view]! : tiled[shownView(tiled)]!);
	return `${setPhrase(set)}, ${title}${set.images.length > 1 ? ' of each' : ''}`;
}

export function recordedSet({ name, images }: ImageSet): RecordedSet {
	return { name, members: images.map(({ id, name }) => ({ id, name })) };
}

/** The name of images that nobody named: theirs, as long as they are few. */
export function namesTogether(names: readonly string[]): string {
	if (names.length <= 3) return names.join(', ');
	return `${names[0]} and ${names.length - 1} more`;
}

/** Names a set by what is in it: results are kept by it. */
export const imageSetKey = ({ name, images }: ImageSet): string =>
	JSON.stringify([name, ...images.map(({ id }) => id)]);
