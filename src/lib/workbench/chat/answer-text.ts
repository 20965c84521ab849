import type { Exchange } from './exchange.svelte.ts';
import { backendName } from '../words/facts.ts';
import { duration } from '../words/format.ts';
import { sentAlong } from './sent.ts';

/**
 * An answer as it goes into notes or a paper's supplement: question, answer, and what it was made from.
 * @param application the workbench and its version
 * @returns plain text of a few lines
 */
export function answerText(exchange: Exchange, application: string): string {
	const { question, text, picture, asked, result } = exchange;
	const lines = [`Q: ${question}`, `A: ${text}`];
	if (asked === undefined) return lines.join('\n');
	const { sampling } = asked;
	const drawn =
		sampling.temperature === 0
			? 'greedy'
			: `temperature ${sampling.temperature}, top k ${sampling.top_k}, top p ${sampling.top_p}, seed ${sampling.seed}`;
	const along = sentAlong(exchange);
	const parts = [
		asked.model,
		`${asked.projectorTitle}, M = ${asked.tokens}`,
		...(picture ? [`${picture.name} (sha256 ${picture.id.slice(0, 16)})`] : []),
		...(result ? [`${result.dtype} on ${backendName(result.backend)}`] : []),
		`${drawn}, at most ${sampling.max_new_tokens} tokens`,
		along.length > 0
			? `sent with the earlier ${along.map((one) => `“${one}”`).join(', ')}`
			: 'question sent alone',
		...(result?.stop_reason === 'length' ? ['cut at the token limit'] : []),
		...(result?.stop_reason === 'cancelled' ? ['stopped by hand'] : []),
		...(result
			? [
					`first token after ${duration(result.timings_ms.vision + result.timings_ms.projector + result.timings_ms.prefill)}`
				]
			: []),
		...(asked.beyond === undefined ? [] : [asked.beyond]),
		application
	];
	return [...lines, `[${parts.join(' · ')}]`].join('\n').replaceAll('\u00a0', ' ');
}
