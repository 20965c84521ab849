import type { Exchange } from './exchange.svelte.ts';
import { recordOf } from './exchange-record.ts';

/**
 * The conversation as JSON: every question and answer with what it was computed from, pictures by name and sha256.
 * @param application the workbench and its version
 */
export function conversationFile(exchanges: readonly Exchange[], application: string): string {
	const file = {
		format: 'honeybee-conversation',
		version: 1,
		application,
		exchanges: exchanges.map((exchange) => {
			const { id, texts: _, ...record } = recordOf(exchange);
			return { time: new Date(id).toISOString(), ...record };
		})
	};
	return `${JSON.stringify(file, undefined, '\t')}\n`;
}
