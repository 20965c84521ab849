import { SideClient } from '../../../workers/side/client.ts';
import type { Scene } from '../../scenes/index.ts';
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
	const { id, width, height, png } = await side.picture(bytes, name);
	return { id, name, bytes, url: URL.createObjectURL(png), width, height, questions };
}

/** A folder, or a file that has gone or changed since it was chosen, cannot be read. */
async function read(file: Blob, name: string): Promise<Uint8Array<ArrayBuffer>> {
	try {
		return new Uint8Array(await file.arrayBuffer());
	} catch {
		throw new InputError(`${name} cannot be read: choose an image file that is still in its place.`);
	}
}
