import type { ImageInput, Turn } from '../../model/runtime/types.ts';
import { sameSource, type Exchange, type Picture, type Source } from './exchange.svelte.ts';
import type { SessionImage } from '../session/images.ts';

/**
 * The exchanges that may go along with a question about `picture`: whole answers of the same model through the same projector at the
 * same M about the same picture. What another one wrote, or this one of another picture, is never given to it as its own words.
 */
export function earlierOf(
	exchanges: readonly Exchange[],
	picture: Picture | undefined,
	by: Source
): readonly Exchange[] {
	return exchanges.filter(
		(exchange) =>
			exchange.answered &&
			exchange.asked !== undefined &&
			sameSource(exchange.asked, by) &&
			exchange.picture?.id === picture?.id
	);
}

/** The turns of a request: the earlier exchanges, with the ids of their answers, then `current`. */
export function turnsOf(earlier: readonly Exchange[], current: Exchange): Turn[] {
	const before = earlier.map(({ question, text, result }) => ({
		question,
		answer: text,
		...(result && { answer_ids: result.ids })
	}));
	return withImage([...before, { question: current.question }], current.image);
}

/** All turns are about one picture, which stands before the first. */
export function withImage(turns: readonly Omit<Turn, 'images'>[], image: SessionImage | undefined): Turn[] {
	const images: ImageInput[] = image ? [{ id: image.id, bytes: image.bytes, name: image.name }] : [];
	return turns.map((turn, index) => ({ ...turn, images: index === 0 ? images : [] }));
}
