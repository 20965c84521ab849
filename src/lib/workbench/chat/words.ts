import { answerWords, type AnswerWord } from '../../analysis/answer-diff.ts';
import type { Exchange } from './exchange.svelte.ts';

/** Words of a whole answer and the ids each was written with. */
export function wordsOf({ texts, result }: Pick<Exchange, 'texts' | 'result'>): readonly AnswerWord[] {
	return result === undefined ? [] : answerWords(texts.slice(0, result.ids.length));
}

/** Whether there is something to look into: a whole answer with words, about an image. */
export function readable(exchange: Exchange): boolean {
	return exchange.image !== undefined && exchange.asked !== undefined && wordsOf(exchange).length > 0;
}
