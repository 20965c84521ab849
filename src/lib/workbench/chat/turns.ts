import type { ImageInput, Turn } from '../../model/runtime/types.ts';
import type { Exchange } from './exchange.svelte.ts';
import type { SessionImage } from '../session/images.ts';

/** Which earlier exchanges the model sees with a question. */
export type Context = 'image' | 'all' | 'none';

/**
 * The turns of a request: the answered exchanges before `current` that `context` lets through, then `current`.
 * An image stands before the first question about it, and again whenever the conversation comes back to it.
 * Ids of an answer are passed on only where the same model wrote it, since another has another tokenizer.
 */
export function turnsOf(
	exchanges: readonly Exchange[],
	current: Exchange,
	context: Context,
	model: string
): Turn[] {
	const before = exchanges.slice(0, exchanges.indexOf(current)).filter((exchange) => {
		if (context === 'none' || !exchange.answered) return false;
		return context === 'all' || exchange.image?.id === current.image?.id;
	});
	let shown: string | undefined;
	return [...before, current].map((exchange) => {
		const image = exchange.image;
		const images = image !== undefined && image.id !== shown ? [toInput(image)] : [];
		shown = image?.id ?? shown;
		if (exchange === current) return { question: exchange.question, images };
		const ids = exchange.asked?.model === model ? exchange.result?.ids : undefined;
		return {
			question: exchange.question,
			images,
			answer: exchange.text,
			...(ids === undefined ? {} : { answer_ids: ids })
		};
	});
}

function toInput({ id, bytes, name }: SessionImage): ImageInput {
	return { id, bytes, name };
}
