import { InputError } from '../tensor/errors.ts';
import type { GridShape } from './grid.ts';

/**
 * How much each patch has to do with each visual token, `data` row-major [visual_token M, patch N]. What a value means is the
 * producer's business: an RMS response (`perturbation.ts`), an attention weight (`attention-maps.ts`), a share of one.
 */
export interface TokenPatchMap {
	/** M, without eos tokens. */
	readonly tokens: number;
	/** N, row-major over the patch grid. */
	readonly patches: number;
	readonly data: Float32Array;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
}

/** Makes a map after checking that the data fits. */
export function tokenPatchMap(
	tokens: number,
	patches: number,
	data: Float32Array,
	grid?: GridShape
): TokenPatchMap {
	if (data.length !== tokens * patches)
		throw new InputError(
			`A map of ${tokens} visual tokens over ${patches} patches needs ${tokens * patches} values, got ${data.length}.`
		);
	return { tokens, patches, data, ...(grid && { grid }) };
}

/** One token's values over the patches [N]; a view, not a copy. */
export function tokenRow(map: TokenPatchMap, token: number): Float32Array {
	if (!(token >= 0 && token < map.tokens))
		throw new InputError(`There is no visual token ${token}; this map has tokens 0 to ${map.tokens - 1}.`);
	return map.data.subarray(token * map.patches, (token + 1) * map.patches);
}

/** Refuses maps that cannot be put side by side cell by cell. */
export function requireSameShape(a: TokenPatchMap, b: TokenPatchMap): void {
	if (a.tokens !== b.tokens || a.patches !== b.patches)
		throw new InputError(
			`Maps of ${a.tokens} × ${a.patches} and ${b.tokens} × ${b.patches} (visual tokens × patches) cannot be compared cell by cell; choose the same M, or compare their coverage.`
		);
}
