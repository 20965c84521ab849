import { InputError } from '../tensor/errors.ts';
import { floats } from './attention-maps.ts';
import { gridOf, homesOn, patchShares, sideOf, squareSideOf, type Box, type GridShape } from './grid.ts';
import { shareDistance, tokenLocalities, type TokenLocality, type Weighting } from './locality.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { tokenPatchMap, tokenRow, type TokenPatchMap } from './map.ts';

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
 * @param homes the tokens' home cells in patches; those of their own grid by default
 * @param cells which of the stage's cells each token joins, where they are not those of its home
 */
export function onTokens(
	map: TokenPatchMap,
	tokens: number,
	weighting: Weighting,
	homes: readonly Box[] | undefined = homesOn(map, tokens),
	cells?: TokenPatchMap
): TokenPatchMap {
	if (map.tokens === tokens) return map;
	const [from, side] = [sideOf(map.tokens), squareSideOf(map)];
	const sharesOf = (m: number): Float32Array => {
		if (cells?.patches === map.tokens) return tokenRow(cells, m);
		const home = homes?.[m];
		if (from === undefined || side === undefined || home === undefined)
			throw new InputError(
				`${map.tokens} cells cannot be laid under ${tokens} visual tokens: both must be squares.`
			);
		return patchShares(scaled(home, from / side), from);
	};
	const data = new Float32Array(tokens * map.patches);
	for (let m = 0; m < tokens; m++) {
		const shares = sharesOf(m);
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
	return tokenPatchMap(tokens, map.patches, data, map.grid);
}

function scaled({ left, top, right, bottom }: Box, by: number): Box {
	return { left: left * by, top: top * by, right: right * by, bottom: bottom * by };
}

/** A stage's part in one token's map. */
export interface StageStep {
	readonly name: string;
	/** The token's response over the patches [N], in the map's unit. */
	readonly response: Float32Array;
	readonly locality: TokenLocality;
	/** Part of the token's shares that lies elsewhere than after the stage before (total variation, 0..1); NaN for the first. */
	readonly moved: number;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
}

/** How a token's map comes about, stage by stage. Quick when the stages are on the tokens already (`onTokens`). */
export function stageSteps(
	stages: readonly StageResponse[],
	tokens: number,
	token: number,
	weighting: Weighting = 'energy',
	homes?: readonly Box[]
): StageStep[] {
	let before: TokenPatchMap | undefined;
	return stages.map(({ name, map }) => {
		gridOf(map.patches, map.grid);
		const all = onTokens(map, tokens, weighting, homes);
		const own = all.data.slice(token * all.patches, (token + 1) * all.patches);
		const one = tokenPatchMap(1, all.patches, own, all.grid);
		const home = (homes ?? homesOn(map, tokens))?.[token];
		const [locality] = tokenLocalities(one, weighting, home ? [home] : []);
		const moved = before ? shareDistance(one, before, weighting)[0]! : NaN;
		before = one;
		return {
			...{ name, response: one.data, locality: { ...locality!, token }, moved },
			...(one.grid && { grid: one.grid })
		};
	});
}

/** The channel gates of one squeeze-and-excite unit. */
export interface GateRow {
	/** The block it stands in. */
	readonly name: string;
	/** Gate of every channel, 0 (shut) to 1 (open). */
	readonly gates: Float32Array;
}

/**
 * Gates from what stands before and after them, both [image, C, side, side]: after = gate · before at every place, so each channel's gate
 * is Σ after·before / Σ before² over the places. A channel that is 0 everywhere has no gate to see (NaN).
 */
export function channelGates(before: Tensor, after: Tensor, image = 0): Float32Array {
	if (before.dims.length !== 4 || before.dims.join() !== after.dims.join() || image >= before.dims[0]!)
		throw new InputError(
			`Gates need two maps [image, C, side, side] of one shape, got [${before.dims.join(', ')}] and [${after.dims.join(', ')}].`
		);
	const [, channels, rows, columns] = before.dims as [number, number, number, number];
	const [open, gated] = [floats(before), floats(after)];
	const places = rows * columns;
	return Float32Array.from({ length: channels }, (_, channel) => {
		let both = 0;
		let own = 0;
		for (let i = 0; i < places; i++) {
			const at = (image * channels + channel) * places + i;
			both += gated[at]! * open[at]!;
			own += open[at]! * open[at]!;
		}
		return own > 0 ? both / own : NaN;
	});
}
