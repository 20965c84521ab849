import { seededRandom, normals } from '../bytes/random.ts';
import { InputError } from '../tensor/errors.ts';

/**
 * The numbers of perturbation maps (`model/probes/locality.ts` runs the projector for them): how far visual token m moves when the feature of patch n moves a little.
 *
 * Letters: N patches of width E (`visual_features`), M tokens of width O (`visual_embeds`), K directions,
 * J_mn = ∂ visual_embeds[m] / ∂ visual_features[n], an O × E matrix.
 *
 * The patch is moved to x_n + ε·u_k and the token answers by Δ_mk. The response of the map is
 *
 *     r[m, n] = sqrt( (1/K) Σ_k |Δ_mk|² / O ) / ε
 *
 * that is: root mean square over the token's values, per unit of root-mean-square change of the patch's values, since every
 * u_k has |u_k|² = E. The u_k are K rows of a random rotation times √E, so E[u uᵀ] = I and, as ε → 0,
 *
 *     E[ r² ] = |J_mn|_F² / O        and exactly  r = |J_mn|_F / √O  when K = E.
 *
 * With K < E the estimate of r² is unbiased. Its relative error is at most that of K independent directions: a standard
 * deviation of sqrt(2/K) times |JᵀJ|_F / tr(JᵀJ), which is 1 for a Jacobian of rank one and 1/√E for an isotropic one.
 */

/**
 * K directions [K, E], row-major. Rows are orthogonal within each block of E (Gram–Schmidt on normal numbers) and have a
 * root mean square of 1 per value.
 */
export function perturbationDirections(count: number, width: number, seed = 1): Float32Array {
	if (!(Number.isInteger(count) && count > 0))
		throw new InputError(`The number of directions must be a whole number above 0, got ${count}.`);
	const random = seededRandom(seed);
	const rows: Float64Array[] = [];
	while (rows.length < count) {
		const row = normals(width, random);
		// Twice: once is not enough in floating point when the row is nearly dependent.
		const block = rows.slice(Math.floor(rows.length / width) * width);
		for (let pass = 0; pass < 2; pass++)
			for (const other of block) {
				let dot = 0;
				for (let e = 0; e < width; e++) dot += row[e]! * other[e]!;
				for (let e = 0; e < width; e++) row[e]! -= (dot / width) * other[e]!;
			}
		const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
		if (length < 1e-6) continue;
		rows.push(row.map((value) => (value * Math.sqrt(width)) / length));
	}
	const out = new Float32Array(count * width);
	rows.forEach((row, k) => out.set(row, k * width));
	return out;
}

/** In how many parts the K directions are told apart, so that what chance does among them can be seen. */
export const partsOf = (directions: number): number => Math.min(directions, 8);

/** The part of direction k; parts differ in size by one direction at most. */
export const partOf = (k: number, directions: number, parts: number): number =>
	Math.floor((k * parts) / directions);

/** One output of a projector for one image, with the meaning of its axes. */
export interface TokenValues {
	readonly data: Float32Array;
	readonly tokens: number;
	readonly width: number;
	/** [width, token] instead of [token, width] */
	readonly channelsFirst: boolean;
}

/** |Δ_m|² of every token between an output and a changed one of the same layout, float64 [token]. */
export function squaredChanges(base: TokenValues, changed: Float32Array): Float64Array {
	const { data, tokens, width, channelsFirst } = base;
	const out = new Float64Array(tokens);
	for (let m = 0; m < tokens; m++) {
		let sum = 0;
		for (let c = 0; c < width; c++) {
			const at = channelsFirst ? c * tokens + m : m * width + c;
			const difference = changed[at]! - data[at]!;
			sum += difference * difference;
		}
		out[m] = sum;
	}
	return out;
}

/** Root mean square of the features: ε is chosen relative to it. */
export function rootMeanSquare(values: Float32Array): number {
	let sum = 0;
	for (const value of values) sum += value * value;
	return Math.sqrt(sum / values.length);
}
