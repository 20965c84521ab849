import { SideClient } from '../../../workers/side/client.ts';
import type { Scene } from '../../scenes/index.ts';
import { editPhrase, type PictureEdit } from '../../model/image/edit.ts';
import { orientationOf } from '../../model/image/metadata.ts';
import { InputError } from '../../tensor/errors.ts';

/** An image of the session: what the worker gets (`id`, `bytes`, `name`) and what the page shows. */
export interface SessionImage {
	/** sha256 of the bytes. */
	readonly id: string;
	readonly name: string;
	/** The encoded file. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	/** Object URL of the pixels as the model decodes them. */
	readonly url: string;
	readonly width: number;
	readonly height: number;
	/** Questions that go with it, for images made by the workbench itself. */
	readonly questions: readonly string[];
	/** The scene it shows, where the workbench rendered it itself. */
	readonly scene?: Scene;
	/** EXIF's orientation, where the file says that it is to be turned; the model sees it unturned, as upstream does. */
	readonly orientation?: number;
	/** Colours lie under alpha that the model sees; absent where it is opaque. */
	readonly transparent?: true;
	/** The picture that it was made of here, and how. */
	readonly origin?: PictureOrigin;
}

export interface PictureOrigin {
	/** sha256 of the file. */
	readonly id: string;
	readonly name: string;
	/** What was done to it, a phrase for each edit. */
	readonly edits: readonly string[];
}

const maxFileBytes = 256 * 1024 * 1024;

/** Decoding 100 megapixels takes seconds, in which the page stays alive. */
const side = new SideClient();

/**
 * Reads a file the user put in. It is decoded as the worker does it, so that what cannot be used is refused here and
 * now, and what is shown is what the model gets: alpha dropped, orientation tags ignored, first frame of an animation.
 *
 * The model gets the file all the same and decodes it once more, the first time it sees it. To hand it these pixels instead
 * (`ImageInput.pixels`) would keep them for every image of the session and copy them with every question: 36 MB at 12 megapixels, where
 * the file has 3. Squashed they would be small, but to what size is a matter of the model, and images are opened before and between models.
 * @throws InputError when it is not an image, is damaged or too large.
 */
export async function openImage(
	file: Blob,
	name: string,
	questions: readonly string[] = []
): Promise<SessionImage> {
	if (file.size > maxFileBytes)
		throw new InputError(
			`${name} is larger than ${maxFileBytes / 1024 / 1024} MiB: save it smaller and put it in again.`
		);
	const bytes = await read(file, name);
	const { id, width, height, png, transparent } = await side.picture(bytes, name);
	const orientation = orientationOf(bytes);
	return {
		...{ id, name, bytes, url: URL.createObjectURL(png), width, height, questions },
		...(orientation !== 1 && { orientation }),
		...(transparent && { transparent })
	};
}

/** A new picture of edits of another, which it remembers. @throws InputError as `openImage` */
export async function editedImage(
	image: SessionImage,
	edits: readonly PictureEdit[],
	name = editedName(image, edits)
): Promise<SessionImage> {
	const file = await side.edited(image.bytes, image.name, edits);
	const made = edits.map(editPhrase);
	const { origin } = image;
	return {
		...(await openImage(new Blob([file]), name)),
		// Of what is edited again, the first origin is told.
		origin: origin
			? { ...origin, edits: [...origin.edits, ...made] }
			: { id: image.id, name: image.name, edits: made }
	};
}

const did = { white: 'on white', turn: 'turned', crop: 'cropped', mask: 'masked', blur: 'blurred' } as const;

/** e.g. "street, cropped and masked": what was done, once each. */
export function editedName(
	{ name, origin }: Pick<SessionImage, 'name' | 'origin'>,
	edits: readonly PictureEdit[]
): string {
	const kinds = [...new Set(edits.map(({ kind }) => did[kind]))];
	const bare = origin === undefined ? name.replace(/\.[a-z]{3,4}$/i, '') : name;
	return `${bare}, ${kinds.join(' and ')}`;
}

/** A folder, or a file that has gone or changed since it was chosen, cannot be read. */
async function read(file: Blob, name: string): Promise<Uint8Array<ArrayBuffer>> {
	try {
		return new Uint8Array(await file.arrayBuffer());
	} catch {
		throw new InputError(`${name} cannot be read: choose an image file that is still in its place.`);
	}
}
