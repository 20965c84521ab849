import { InputError } from '../tensor/errors.ts';
import { assign } from './assignment.ts';
import {
	centreOf,
	gridOf,
	homesOn,
	patchCentre,
	patchShares,
	withNeighbours,
	type Box,
	type GridShape,
	type Place
} from './grid.ts';
import { requireSameShape, tokenRow, type TokenPatchMap } from './map.ts';
import { mean, meanInterval, quantiles, type Estimate } from './statistics.ts';

/**
 * Locality of visual tokens. Letters: M tokens, N = g × g patches. Lengths are in patches, places as in `grid.ts`.
 *
 * All numbers are taken from *shares*: every row of the map divided by its sum, so that a token's shares are a distribution over
 * the patches. Which power of the map is shared out is a choice that goes with the method:
 *  - 'energy' (power 2) for responses: with all patches moving independently, the token's variance is the sum of the squared
 *    responses, so the share is the part of the token's variance that comes from the patch;
 *  - 'value' (power 1) for attention and sampling weights, which are shares already.
 */
export type Weighting = 'energy' | 'value';

/** Shares of every token over the patches; a row without any weight (or with a value that is not finite) stays 0. */
export function shares(map: TokenPatchMap, weighting: Weighting): TokenPatchMap {
	const data = new Float32Array(map.data.length);
	for (let m = 0; m < map.tokens; m++) {
		const from = m * map.patches;
		let total = 0;
		for (let n = from; n < from + map.patches; n++) {
			const value = map.data[n]!;
			if (value < 0)
				throw new InputError(
					`Visual token ${m} has a negative weight; locality is only defined for magnitudes.`
				);
			total += weighting === 'energy' ? value * value : value;
		}
		if (!(total > 0 && total < Infinity)) continue;
		for (let n = from; n < from + map.patches; n++) {
			const value = map.data[n]!;
			data[n] = (weighting === 'energy' ? value * value : value) / total;
		}
	}
	return { ...map, data };
}

/** Numbers of one visual token. Those without a place (an empty row) are NaN; those that need a home cell are absent without one. */
export interface TokenLocality {
	readonly token: number;
	/** Sum of the map's row before sharing out, in the map's unit: how strongly the token depends on the image at all. */
	readonly total: number;
	/** Patch with the largest share. */
	readonly peak: number;
	/** Mean place of the shares, patches. */
	readonly centroid: Place;
	/** Root-mean-square distance of the shares from the centroid, patches. */
	readonly spread: number;
	/** Shannon entropy of the shares, bits; log2(N) when spread evenly. */
	readonly entropy: number;
	/** Effective number of patches: 2^entropy (Hill number of order 1); N when spread evenly, 1 for a single patch. */
	readonly effectivePatches: number;
	readonly home?: {
		readonly cell: Box;
		/** Distance of the centroid from the home cell's centre, patches, and its components (positive: right, down). */
		readonly drift: number;
		readonly driftX: number;
		readonly driftY: number;
		/** Share inside the home cell; patches cut by its edge count with the part of their area inside. */
		readonly inside: number;
		/** Share inside the home cell and its eight neighbours of the same size. */
		readonly near: number;
		/** The same two for shares spread evenly: the parts of the image's area. What chance gives. */
		readonly insideByChance: number;
		readonly nearByChance: number;
	};
}

/** Localities of all tokens. `homes` are the tokens' home cells; without them nothing is measured against a home. */
export function tokenLocalities(
	map: TokenPatchMap,
	weighting: Weighting,
	homes: readonly Box[] | undefined = homesOn(map, map.tokens)
): TokenLocality[] {
	const { columns } = gridOf(map.patches, map.grid);
	const distribution = shares(map, weighting);
	return Array.from({ length: map.tokens }, (_, token) => {
		const total = tokenRow(map, token).reduce((sum, value) => sum + value, 0);
		const row = tokenRow(distribution, token);
		const shape = describe(row, columns);
		const cell = homes?.[token];
		return { token, total, ...shape, ...(cell && { home: againstHome(row, columns, cell, shape.centroid) }) };
	});
}

function describe(row: Float32Array, columns: number) {
	let mass = 0;
	let x = 0;
	let y = 0;
	let entropy = 0;
	let peak = 0;
	for (let n = 0; n < row.length; n++) {
		const share = row[n]!;
		if (share > row[peak]!) peak = n;
		if (share === 0) continue;
		const centre = patchCentre(n, columns);
		mass += share;
		x += share * centre.x;
		y += share * centre.y;
		entropy -= share * Math.log2(share);
	}
	if (mass === 0) {
		const nowhere = { x: NaN, y: NaN };
		return { peak: 0, centroid: nowhere, spread: NaN, entropy: NaN, effectivePatches: NaN };
	}
	const centroid = { x: x / mass, y: y / mass };
	let squares = 0;
	for (let n = 0; n < row.length; n++) {
		const centre = patchCentre(n, columns);
		squares += row[n]! * ((centre.x - centroid.x) ** 2 + (centre.y - centroid.y) ** 2);
	}
	return {
		peak,
		centroid,
		spread: Math.sqrt(squares),
		entropy,
		effectivePatches: 2 ** entropy
	};
}

function againstHome(row: Float32Array, side: number, cell: Box, centroid: Place) {
	const centre = centreOf(cell);
	const driftX = centroid.x - centre.x;
	const driftY = centroid.y - centre.y;
	const inCell = patchShares(cell, side);
	const inNear = patchShares(withNeighbours(cell, side), side);
	let inside = 0;
	let near = 0;
	let insideByChance = 0;
	let nearByChance = 0;
	for (let n = 0; n < row.length; n++) {
		inside += row[n]! * inCell[n]!;
		near += row[n]! * inNear[n]!;
		insideByChance += inCell[n]! / row.length;
		nearByChance += inNear[n]! / row.length;
	}
	const drift = Math.hypot(driftX, driftY);
	return { cell, drift, driftX, driftY, inside, near, insideByChance, nearByChance };
}

/**
 * The kindest homes for tokens that have no order on the image (a resampler's): cells of the m × m grid given to the tokens one to
 * one so that the sum of squared drifts is smallest. Numbers against these homes are a lower bound of the drift under any order.
 */
export function assignedHomes(map: TokenPatchMap, weighting: Weighting): readonly Box[] | undefined {
	const cells = homesOn(map, map.tokens);
	if (!cells) return undefined;
	const centroids = tokenLocalities(map, weighting, cells).map(({ centroid }) => centroid);
	const centres = cells.map(centreOf);
	const cost = new Float64Array(map.tokens * map.tokens);
	centroids.forEach((from, m) =>
		centres.forEach((to, c) => {
			cost[m * map.tokens + c] = Number.isNaN(from.x) ? 0 : (from.x - to.x) ** 2 + (from.y - to.y) ** 2;
		})
	);
	const cellOf = assign(cost, map.tokens, map.tokens).columnOfRow;
	return centroids.map((_, m) => cells[cellOf[m]!]!);
}

/** Who covers a patch. */
export interface Coverage {
	readonly patches: number;
	/** The patches' grid, where it is known; else it is square. */
	readonly grid?: GridShape;
	/** Sum over the tokens of the share they give this patch [N]; M/N everywhere when all is even, sums to M. */
	readonly cover: Float32Array;
	/** Token with the largest share of its own on this patch [N]. */
	readonly strongest: Int32Array;
	/** Part of the cover that comes from that token, 0..1 [N]. */
	readonly dominance: Float32Array;
	/** Effective number of tokens on this patch, 2^entropy over the tokens' parts [N]. */
	readonly effectiveTokens: Float32Array;
}

export function coverage(map: TokenPatchMap, weighting: Weighting): Coverage {
	const { data, tokens, patches, grid } = shares(map, weighting);
	const cover = new Float32Array(patches);
	const strongest = new Int32Array(patches);
	const dominance = new Float32Array(patches);
	const effectiveTokens = new Float32Array(patches);
	for (let n = 0; n < patches; n++) {
		let sum = 0;
		let logs = 0;
		let best = 0;
		for (let m = 0; m < tokens; m++) {
			const share = data[m * patches + n]!;
			if (share === 0) continue;
			sum += share;
			logs += share * Math.log2(share);
			if (share > data[best * patches + n]!) best = m;
		}
		cover[n] = sum;
		strongest[n] = best;
		if (sum === 0) continue;
		dominance[n] = data[best * patches + n]! / sum;
		effectiveTokens[n] = 2 ** (Math.log2(sum) - logs / sum);
	}
	return { patches, ...(grid && { grid }), cover, strongest, dominance, effectiveTokens };
}

/** a − b of the shares, cell by cell: −1..1, every row sums to 0. */
export function shareDifference(a: TokenPatchMap, b: TokenPatchMap, weighting: Weighting): TokenPatchMap {
	requireSameShape(a, b);
	const left = shares(a, weighting);
	const right = shares(b, weighting);
	return { ...a, data: left.data.map((value, i) => value - right.data[i]!) };
}

/** Half the sum of absolute differences of the shares of each token [M]: 0 the same, 1 disjoint (total variation distance). */
export function shareDistance(a: TokenPatchMap, b: TokenPatchMap, weighting: Weighting): Float32Array {
	const difference = shareDifference(a, b, weighting);
	return Float32Array.from({ length: a.tokens }, (_, m) =>
		tokenRow(difference, m).reduce((sum, value) => sum + Math.abs(value) / 2, 0)
	);
}

/** Numbers that are described as distributions, with the words and units figures use. */
export const localityMeasures = {
	drift: { title: 'Drift from the home cell', unit: 'patches', of: (t: TokenLocality) => t.home?.drift },
	spread: { title: 'Spread', unit: 'patches', of: (t: TokenLocality) => t.spread },
	inside: { title: 'Share inside the home cell', unit: 'share', of: (t: TokenLocality) => t.home?.inside },
	near: {
		title: 'Share inside home cell and neighbours',
		unit: 'share',
		of: (t: TokenLocality) => t.home?.near
	},
	entropy: { title: 'Entropy', unit: 'bits', of: (t: TokenLocality) => t.entropy },
	effectivePatches: {
		title: 'Effective number of patches',
		unit: 'patches',
		of: (t: TokenLocality) => t.effectivePatches
	}
} as const;

export type LocalityMeasure = keyof typeof localityMeasures;

/** A measure's distribution over tokens, and its mean with an interval over images. */
export interface LocalitySummary {
	readonly measure: LocalityMeasure;
	/** Mean over tokens, then over images; Student’s interval over images, which are the independent units. */
	readonly estimate: Estimate;
	/** What the interval is over; of one image there is none but that of the directions its map was measured in. */
	readonly over: 'images' | 'directions';
	/** 5th, 25th, 50th, 75th, 95th percentile over the tokens of all images. */
	readonly quantiles: readonly [number, number, number, number, number];
}

/**
 * Describes the tokens of one projector over a set of images (outer array). Measures that the tokens do not have (no home cell)
 * are left out. With one image nothing is known about others: the interval is `ofOne`'s, or else the mean itself.
 * @param ofOne the mean of a measure with its interval over directions, for one image
 */
export function summariseLocality(
	images: readonly (readonly TokenLocality[])[],
	ofOne?: (measure: LocalityMeasure) => Estimate
): LocalitySummary[] {
	const summaries: LocalitySummary[] = [];
	for (const measure of Object.keys(localityMeasures) as LocalityMeasure[]) {
		const perImage = images
			.map((tokens) => tokens.map(localityMeasures[measure].of).filter(isNumber))
			.filter((values) => values.length > 0);
		if (perImage.length === 0) continue;
		const [q5, q25, q50, q75, q95] = quantiles(perImage.flat(), [0.05, 0.25, 0.5, 0.75, 0.95]);
		const one = images.length === 1 ? ofOne?.(measure) : undefined;
		const most = localityMeasures[measure].unit === 'share' ? 1 : Infinity;
		summaries.push({
			measure,
			estimate: one
				? { ...one, low: Math.max(0, one.low), high: Math.min(most, one.high) }
				: meanInterval(perImage.map(mean), [0, most]),
			over: one ? 'directions' : 'images',
			quantiles: [q5!, q25!, q50!, q75!, q95!]
		});
	}
	return summaries;
}

function isNumber(value: number | undefined): value is number {
	return value !== undefined && !Number.isNaN(value);
}
