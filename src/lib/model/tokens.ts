import type { ProjectorEntry } from './manifest.ts';

/**
 * The M a projector can be run with, ascending. One pools to any square grid no finer than the patches, one gives
 * the first tokens of a row, another has the one M its weights were made for.
 *
 * @param side of the grid of patches
 */
export function tokenChoices(
	entry: Pick<ProjectorEntry, 'tokens_by' | 'most_tokens' | 'num_query_tokens'>,
	side: number
): number[] {
	const upTo = (most: number, M: (n: number) => number) => Array.from({ length: most }, (_, n) => M(n + 1));
	const possible = {
		fixed: () => [],
		squares: () => upTo(side, (n) => n ** 2),
		prefix: () => upTo(entry.most_tokens, (n) => n),
		picture: () => []
	};
	return [...new Set([...possible[entry.tokens_by](), entry.num_query_tokens])].sort((a, b) => a - b);
}
