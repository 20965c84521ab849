import type { LanguageModel } from '../../src/lib/model/runtime/language.ts';

/**
 * Through a cache in place: positions that are kept, and how many come. The third step needs more room than the first made; later ones take
 * positions back.
 */
export const cacheSteps = [
	[0, 250],
	[250, 1],
	[251, 40],
	[291, 1],
	[120, 1],
	[121, 7],
	[0, 3]
] as const;

/** `count` ids of a vocabulary of `size`, the first three of which are marks. */
export const idsFrom = (count: number, seed: number, size: number): number[] =>
	Array.from({ length: count }, (_, i) => 3 + ((seed + i * 79) % (size - 3)));

/** The logits after more ids. */
export const appendIds = async (model: LanguageModel, more: readonly number[]) =>
	model.append(await model.embed(more), more);
