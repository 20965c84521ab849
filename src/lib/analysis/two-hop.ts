import { InputError } from '../tensor/errors.ts';
import { shares, type Weighting } from './locality.ts';
import type { TokenPatchMap } from './map.ts';

/**
 * From words to the image in two hops: how much each visual token has to do with the word, times how each token's share is spread
 * over the patches. A token's influence is divided among the patches without loss, so that Σ_n out[n] = Σ_m influence[m] for every
 * word (tokens with an empty row excepted). Influences may be negative (ablation).
 * @param influence [words, M]
 * @returns [words, N]
 */
export function twoHops(
	influence: Float32Array,
	words: number,
	locality: TokenPatchMap,
	weighting: Weighting
): Float32Array {
	const { tokens, patches } = locality;
	if (influence.length !== words * tokens)
		throw new InputError(
			`${words} words over ${tokens} visual tokens need ${words * tokens} influences, got ${influence.length}; the locality map must be of the same projector and M as the answer.`
		);
	const { data } = shares(locality, weighting);
	const sum = new Float64Array(words * patches);
	for (let word = 0; word < words; word++)
		for (let m = 0; m < tokens; m++) {
			const factor = influence[word * tokens + m]!;
			if (factor === 0) continue;
			for (let n = 0; n < patches; n++) sum[word * patches + n]! += factor * data[m * patches + n]!;
		}
	return Float32Array.from(sum);
}
