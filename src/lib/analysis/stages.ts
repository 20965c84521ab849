import { InputError } from '../tensor/errors.ts';
import { homeCell, patchShares, patchSide, sideOf } from './grid.ts';
import { shareDistance, tokenLocalities, type TokenLocality, type Weighting } from './locality.ts';
import { tokenPatchMap, type TokenPatchMap } from './map.ts';

/** Response after one stage of a C-Abstractor: M′ cells of the stage's own grid over N patches. */
export interface StageResponse {
	/** Trace name, e.g. `proj.s1.b2`. */
	readonly name: string;
	/** [M′, N]; M′ is N before the pooling and M after it. */
	readonly map: TokenPatchMap;
}

/**
 * A stage's map seen from the M visual tokens: the root mean square (energy) or mean (value) over the stage's cells in each token's home
 * cell, weighted by the area inside. What a token would see if the later stages only pooled.
 */
export function onTokens(map: TokenPatchMap, tokens: number, weighting: Weighting): TokenPatchMap {
	if (map.tokens === tokens) return map;
	const from = sideOf(map.tokens);
	const to = sideOf(tokens);
	if (from === undefined || to === undefined)
		throw new InputError(
			`${map.tokens} cells cannot be laid under ${tokens} visual tokens: both must be squares.`
		);
	const data = new Float32Array(tokens * map.patches);
	for (let m = 0; m < tokens; m++) {
		const shares = patchShares(homeCell(m, to, from), from);
		const area = shares.reduce((sum, share) => sum + share, 0);
		for (let n = 0; n < map.patches; n++) {
			let sum = 0;
			for (let cell = 0; cell < shares.length; cell++) {
				if (shares[cell] === 0) continue;
				const value = map.data[cell * map.patches + n]!;
				sum += shares[cell]! * (weighting === 'energy' ? value * value : value);
			}
			data[m * map.patches + n] = weighting === 'energy' ? Math.sqrt(sum / area) : sum / area;
		}
	}
	return tokenPatchMap(tokens, map.patches, data);
}

/** A stage's part in one token's map. */
export interface StageStep {
	readonly name: string;
	/** The token's response over the patches [N], in the map's unit. */
	readonly response: Float32Array;
	readonly locality: TokenLocality;
	/** Part of the token's shares that lies elsewhere than after the stage before (total variation, 0..1); NaN for the first. */
	readonly moved: number;
}

/** How a token's map comes about, stage by stage. */
export function stageSteps(
	stages: readonly StageResponse[],
	tokens: number,
	token: number,
	weighting: Weighting = 'energy'
): StageStep[] {
	let before: TokenPatchMap | undefined;
	return stages.map(({ name, map }) => {
		patchSide(map.patches);
		const all = onTokens(map, tokens, weighting);
		const one = tokenPatchMap(1, all.patches, all.data.slice(token * all.patches, (token + 1) * all.patches));
		const home = homeCell(token, sideOf(tokens)!, patchSide(map.patches));
		const [locality] = tokenLocalities(one, weighting, [home]);
		const moved = before ? shareDistance(one, before, weighting)[0]! : NaN;
		before = one;
		return { name, response: one.data, locality: { ...locality!, token }, moved };
	});
}
