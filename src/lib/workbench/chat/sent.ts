import { plural } from '../words/format.ts';
import type { Exchange } from './exchange.svelte.ts';

/** Questions that went along with an answer's own, in their order. */
export const sentAlong = ({ asked }: Pick<Exchange, 'asked'>): readonly string[] =>
	asked?.turns.slice(0, -1).map(({ question }) => question) ?? [];

/** What the model was given besides the picture, one sentence. */
export function sentWords(exchange: Pick<Exchange, 'asked' | 'together'>): string {
	const along = sentAlong(exchange);
	if (along.length > 0)
		return `Sent with ${plural(along.length, 'earlier question')} and ${along.length === 1 ? 'its answer' : 'their answers'}: ${along.map((question) => `“${question}”`).join(', ')}`;
	return exchange.together
		? 'Sent alone: nothing before it was answered by the same model, projector and M about this picture.'
		: 'Sent alone.';
}
