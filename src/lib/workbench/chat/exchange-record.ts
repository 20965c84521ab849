import type { AnswerResult, Turn } from '../../model/runtime/types.ts';
import type { SessionImage } from '../session/images.ts';
import { Exchange, type Asked, type Picture } from './exchange.svelte.ts';
import { withImage } from './turns.ts';

/** An exchange as it is kept and exported: pictures by name and hash. */
export interface ExchangeRecord {
	/** Milliseconds since 1970 when it was asked; no two are the same. */
	readonly id: number;
	readonly question: string;
	readonly picture?: Picture;
	readonly together: boolean;
	readonly answer: string;
	/** The answer after each token. */
	readonly texts: readonly string[];
	readonly asked?: Omit<Asked, 'turns'> & { readonly turns: readonly Omit<Turn, 'images'>[] };
	readonly result?: AnswerResult;
	readonly error?: string;
}

const nameOf = ({ id, name }: Picture): Picture => ({ id, name });

export function recordOf(exchange: Exchange): ExchangeRecord {
	const { id, question, picture, together, text, texts, asked, result, error } = exchange;
	return {
		...{ id, question, together, answer: text, texts },
		...(picture && { picture: nameOf(picture) }),
		...(asked && {
			asked: {
				...asked,
				turns: asked.turns.map(({ question, answer, answer_ids }) => ({
					question,
					...(answer !== undefined && { answer }),
					...(answer_ids && { answer_ids })
				}))
			}
		}),
		...(result && { result }),
		...(error !== undefined && { error })
	};
}

/** What was cut off by leaving the page can be asked again. @param image its picture, where it is still at hand */
export function exchangeOf(record: ExchangeRecord, image: SessionImage | undefined): Exchange {
	const { id, question, picture, together, answer, texts, asked, result, error } = record;
	const exchange = new Exchange(id, question, image, { together, picture });
	exchange.text = answer;
	exchange.texts = texts;
	exchange.result = result;
	if (asked) exchange.asked = { ...asked, turns: withImage(asked.turns, image) };
	if (result && error === undefined) exchange.status = 'done';
	else exchange.fail(error ?? 'The page was left before the answer was whole.');
	return exchange;
}
