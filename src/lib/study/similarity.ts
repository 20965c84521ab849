import { centred, linearCKA, matchTokens, type TokenMatrix } from '../analysis/token-similarity.ts';
import { InputError } from '../tensor/errors.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import type { Seen } from './question.ts';
import { ofView } from './views.ts';

/**
 * `visual_embeds` without its eos tokens [M, hidden].
 * @param tokens M
 * @throws as `Answerer.trace`
 */
export async function visualTokens(
	answerer: Pick<Answerer, 'trace'>,
	seen: Seen,
	tokens: number,
	control: Control = {}
): Promise<TokenMatrix> {
	const { visual_embeds } = await answerer.trace({ ...seen, names: ['visual_embeds'] }, control);
	control.signal?.throwIfAborted();
	if (visual_embeds?.dtype !== 'float32') throw new Error('The model gave no float32 visual tokens.');
	const width = visual_embeds.dims.at(-1)!;
	const views = visual_embeds.dims.length === 3 ? visual_embeds.dims[0]! : 1;
	const { data } = ofView(visual_embeds, seen.view ?? 0, views);
	return { tokens, width, data: (data as Float32Array).slice(0, tokens * width) };
}

/** How alike the visual tokens of two sides are; rows of the figure token-similarity. */
export interface Similarity {
	/** Cosines of the centred tokens [M of a, M of b]. */
	readonly cosine: Float32Array;
	/** Partner in b of each token of a by the best one-to-one matching, −1 for none. */
	readonly partner: Int32Array;
	/** Mean cosine of the matched pairs. */
	readonly mean: number;
	/** Linear CKA, when both have the same M. */
	readonly cka?: number;
	readonly tokensA: number;
	readonly tokensB: number;
}

/**
 * @throws InputError when the two are of different widths, so that no cosine can be had; the sentence tells the linear CKA, which can be
 * had all the same where M is equal
 */
export function similarity(a: TokenMatrix, b: TokenMatrix): Similarity {
	const cka = a.tokens === b.tokens ? { cka: linearCKA(a, b) } : {};
	try {
		const { all, partner, mean } = matchTokens(centred(a), centred(b));
		return { cosine: all, partner, mean, ...cka, tokensA: a.tokens, tokensB: b.tokens };
	} catch (error) {
		if (!(error instanceof InputError) || cka.cka === undefined) throw error;
		throw new InputError(`${error.message} Linear CKA: ${cka.cka.toFixed(3)}.`);
	}
}
