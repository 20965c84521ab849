import { embeddedImage, findImage } from '../frame/address.ts';
import { openImage, type SessionImage } from './images.ts';
import { keptImage } from './kept-images.ts';

/**
 * The image that a word of an address means: one at hand, one kept in this browser, or the file in the word itself.
 * @throws when the file in the word is damaged
 */
export async function linkedImage(
	word: string,
	known: readonly SessionImage[]
): Promise<SessionImage | undefined> {
	const found = findImage(word, known) ?? (await keptImage(word));
	if (found) return found;
	const file = embeddedImage(word);
	return file && openImage(new Blob([file]), 'Image of the link');
}
