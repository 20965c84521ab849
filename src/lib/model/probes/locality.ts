import {
	partOf,
	perturbationDirections,
	rootMeanSquare,
	squaredChanges,
	type TokenValues
} from '../../analysis/perturbation.ts';
import type { TokenDirection } from './token-gradients.ts';
import { elementCount, type Tensor } from '../../tensor/tensor.ts';

/** Runs a projector on a batch of features [batch, N, E]; gives the named graph outputs. */
export type ProjectorRun = (
	visual_features: Float32Array,
	batch: number,
	outputs: readonly string[]
) => Promise<Readonly<Record<string, Tensor>>>;

/**
 * Derivatives of a projector at features [N, E] of one image: for every vector v on token m of the output, |vᵀ · ∂output[m]/∂visual_features[n]|²
 * for each patch, [vector, N].
 */
export type ProjectorGradient = (
	visual_features: Float32Array,
	output: string,
	shape: Pick<TokenValues, 'tokens' | 'width'>,
	vectors: readonly TokenDirection[]
) => Promise<Float32Array>;

export type LocalityMethod = 'gradient' | 'perturbation' | 'occlusion';

export interface LocalityOptions {
	readonly method: LocalityMethod;
	/**
	 * K, random directions: of each token's values (gradient) or each patch's (perturbation). More directions, less sampling noise; every one
	 * of them from K = the width on.
	 */
	readonly directions?: number;
	/** Size of the perturbation against the root-mean-square of the features: small against the kinks of bilinear sampling, large against float32 noise. */
	readonly step?: number;
	readonly seed?: number;
	/** Responses to so many parts of the directions are given, too, where they are random: `<output>.parts`, float32 [part, T, N]. */
	readonly parts?: number;
	/** Perturbed copies, or vectors, per projector run. */
	readonly batch?: number;
	/** Graph outputs whose response is measured: [batch, T, C], or maps [batch, C, h, w], read as T = h·w tokens. */
	readonly outputs?: readonly string[];
	readonly signal?: AbortSignal;
	readonly onProgress?: (done: number, total: number) => void;
	/** Awaited between runs, so that an abort can be heard. */
	readonly pause?: () => Promise<void>;
}

/** For every output asked for, how much patch n moves token m: float32 [T, N]; `<output>.parts` where parts were asked for. */
export type LocalityMaps = Readonly<Record<string, Tensor<'float32'>>>;

/** A projector as probes use it. */
export interface Projector {
	readonly run: ProjectorRun;
	readonly gradient: ProjectorGradient;
}

/**
 * Locality maps, for any projector.
 *
 * - gradient: R[m, n] = sqrt(1/K · Σ_k |v_kᵀ · ∂f_m/∂x_n|² / width) with K orthogonal random directions v_k of the token's values. R² is an
 *   estimate of ‖∂f_m/∂x_n‖²_F / width without bias and exact when K = the width: what perturbation measures, as the step goes to 0, in one
 *   pass for all patches.
 * - perturbation: R[m, n] = sqrt(1/K · Σ_k rms(f_m(x + ε·u_k at patch n) − f_m(x))²) / ε with K orthogonal random directions u_k and
 *   ε = step · rms(x); rms is over the token's components. R² is an estimate of ‖∂f_m/∂x_n‖²_F / width without bias (up to ε) and
 *   exact when K = E (`analysis/perturbation.ts`).
 * - occlusion: R[m, n] = rms(f_m(x with x_n replaced by the mean feature) − f_m(x)).
 *
 * @param features visual_features [N, E] of one image
 */
export async function localityMaps(
	{ run, gradient }: Projector,
	features: Float32Array,
	patches: number,
	options: LocalityOptions
): Promise<LocalityMaps> {
	const { outputs = ['visual_embeds'] } = options;
	const base = await run(features, 1, outputs);
	const bases = new Map(outputs.map((name) => [name, asTokens(base[name], name)]));
	if (options.method === 'gradient') return gradientMaps(gradient, features, patches, bases, options);
	return changedMaps(run, features, patches, bases, options);
}

/** Squared responses [token, N] to each part of the changes of a patch or token. */
interface Squares {
	readonly values: TokenValues;
	readonly parts: readonly Float64Array[];
}

const squaresOf = (values: TokenValues, parts: number, N: number): Squares => ({
	values,
	parts: Array.from({ length: parts }, () => new Float64Array(values.tokens * N))
});

/**
 * Vectors of a run for features of so many values, where nobody says: what is computed once for all of them is shared by as many (with 16 the
 * embedded D-Abstractor takes 1.5 times as long), but each takes memory for several times the features.
 */
const vectorsAtOnce = (values: number): number => Math.min(36, Math.max(8, Math.floor(8e6 / values)));

/** One direction after the other of each token of each output, `batch` at a time. */
async function gradientMaps(
	gradient: ProjectorGradient,
	features: Float32Array,
	N: number,
	bases: ReadonlyMap<string, TokenValues>,
	options: LocalityOptions
): Promise<LocalityMaps> {
	const { batch = vectorsAtOnce(features.length), directions = 4, seed = 0, signal, onProgress } = options;
	const maps: Record<string, Tensor<'float32'>> = {};
	const outputs = [...bases].map(([name, values]) => ({
		name,
		values,
		...drawDirections(directions, values.width, seed)
	}));
	const total = outputs.reduce((sum, { values, count }) => sum + values.tokens * count, 0);
	let done = 0;
	for (const { name, values, count: K, drawn, averaged, direction } of outputs) {
		const { tokens } = values;
		const squares = squaresOf(values, drawn ? (options.parts ?? 1) : 1, N);
		for (let start = 0; start < tokens * K; start += batch) {
			signal?.throwIfAborted();
			const vectors = Array.from({ length: Math.min(batch, tokens * K - start) }, (_, i) => {
				const [token, k] = [Math.floor((start + i) / K), (start + i) % K];
				return { token, k, direction: direction(token, k) };
			});
			const responses = await gradient(features, name, values, vectors);
			vectors.forEach(({ token, k }, i) => {
				const part = squares.parts[partOf(k, K, squares.parts.length)]!;
				for (let n = 0; n < N; n++) part[token * N + n]! += responses[i * N + n]!;
			});
			done += vectors.length;
			onProgress?.(done, total);
			await options.pause?.();
		}
		Object.assign(maps, mapsOf(name, squares, N, { perUnit: K, scale: 1 / averaged }));
	}
	return maps;
}

interface Directions {
	/** Of each patch or token. */
	readonly count: number;
	/** At random among more. */
	readonly drawn: boolean;
	/** Squares of so many are averaged: of unit vectors, which are all there are, they are summed. */
	readonly averaged: number;
	/** Direction k of patch or token i [width]; quickest when those of one i are asked for one after the other. */
	readonly direction: (i: number, k: number) => Float32Array;
}

/** With as many directions as values any rotation gives the same: unit vectors do, whose step is the shortest. */
function drawDirections(wanted: number, width: number, seed: number): Directions {
	const row = (all: Float32Array, k: number) => all.subarray(k * width, (k + 1) * width);
	if (wanted >= width) {
		const unit = new Float32Array(width * width);
		for (let i = 0; i < width; i++) unit[i * width + i] = 1;
		return { count: width, drawn: false, averaged: 1, direction: (_, k) => row(unit, k) };
	}
	// Each has directions of its own, so that its noise is independent of its neighbours'.
	let known = { i: -1, all: new Float32Array(0) as Float32Array };
	return {
		...{ count: wanted, drawn: true, averaged: wanted },
		direction(i, k) {
			if (known.i !== i)
				known = { i, all: perturbationDirections(wanted, width, Math.imul(seed, 0x9e3779b9) + i) };
			return row(known.all, k);
		}
	};
}

/** Changed features, patch by patch, `batch` copies at a time. */
async function changedMaps(
	run: ProjectorRun,
	features: Float32Array,
	N: number,
	bases: ReadonlyMap<string, TokenValues>,
	options: LocalityOptions
): Promise<LocalityMaps> {
	const { batch = 16, signal, onProgress } = options;
	const E = features.length / N;
	const changes =
		options.method === 'occlusion' ? occlusions(features, N, E) : perturbations(features, N, E, options);
	const parts = changes.drawn ? (options.parts ?? 1) : 1;
	const responses = new Map([...bases].map(([name, values]) => [name, squaresOf(values, parts, N)]));
	const outputs = [...bases.keys()];

	const total = N * changes.perPatch;
	for (let start = 0; start < total; start += batch) {
		signal?.throwIfAborted();
		const count = Math.min(batch, total - start);
		const copies = new Float32Array(count * N * E);
		for (let i = 0; i < count; i++) {
			copies.set(features, i * N * E);
			const patch = Math.floor((start + i) / changes.perPatch);
			changes.apply(
				copies.subarray((i * N + patch) * E, (i * N + patch + 1) * E),
				patch,
				(start + i) % changes.perPatch
			);
		}
		const changed = await run(copies, count, outputs);
		for (const name of outputs)
			addSquares(responses.get(name)!, asTokens(changed[name], name), start, changes.perPatch, N);
		onProgress?.(start + count, total);
		await options.pause?.();
	}

	const maps: Record<string, Tensor<'float32'>> = {};
	for (const [name, squares] of responses)
		Object.assign(maps, mapsOf(name, squares, N, { perUnit: changes.perPatch, scale: changes.scale }));
	return maps;
}

/**
 * A map and, where there are several, that of each part.
 * @param perUnit changes of each patch or token
 * @param scale factor on the summed squares
 */
function mapsOf(
	name: string,
	{ values: { tokens, width }, parts }: Squares,
	N: number,
	{ perUnit, scale }: { readonly perUnit: number; readonly scale: number }
): Record<string, Tensor<'float32'>> {
	const response = (sum: number, factor: number) => Math.sqrt((sum * factor) / width);
	const size = tokens * N;
	const whole = Float32Array.from({ length: size }, (_, i) =>
		response(
			parts.reduce((sum, part) => sum + part[i]!, 0),
			scale
		)
	);
	const map: Tensor<'float32'> = { dtype: 'float32', dims: [tokens, N], data: whole };
	if (parts.length === 1) return { [name]: map };
	const data = new Float32Array(parts.length * size);
	parts.forEach((part, p) => {
		let count = 0;
		for (let k = 0; k < perUnit; k++) if (partOf(k, perUnit, parts.length) === p) count++;
		part.forEach((sum, i) => (data[p * size + i] = response(sum, (scale * perUnit) / count)));
	});
	return { [name]: map, [`${name}.parts`]: { dtype: 'float32', dims: [parts.length, tokens, N], data } };
}

interface Changes {
	readonly perPatch: number;
	/** Drawn at random among more. */
	readonly drawn: boolean;
	/** Factor on the summed squares. */
	readonly scale: number;
	/** Changes one patch's feature in place. */
	readonly apply: (feature: Float32Array, patch: number, index: number) => void;
}

function occlusions(features: Float32Array, N: number, E: number): Changes {
	const mean = new Float32Array(E);
	for (let n = 0; n < N; n++) for (let e = 0; e < E; e++) mean[e]! += features[n * E + e]! / N;
	return { perPatch: 1, drawn: false, scale: 1, apply: (feature) => feature.set(mean) };
}

function perturbations(
	features: Float32Array,
	N: number,
	E: number,
	{ directions = 4, step = 2e-3, seed = 0 }: LocalityOptions
): Changes {
	const epsilon = step * rootMeanSquare(features) || step;
	const { count, drawn, averaged, direction } = drawDirections(directions, E, seed);
	return {
		perPatch: count,
		drawn,
		scale: 1 / (averaged * epsilon ** 2),
		apply: (feature, patch, index) => {
			const u = direction(patch, index);
			for (let e = 0; e < E; e++) feature[e]! += u[e]! * epsilon;
		}
	};
}

function asTokens(output: Tensor | undefined, name: string): TokenValues {
	if (output?.dtype !== 'float32') throw new Error(`The projector gave no float32 output "${name}".`);
	const data = output.data as Float32Array;
	const [, a = 0, b = 0, ...rest] = output.dims;
	return output.dims.length === 3
		? { data, tokens: a, width: b, channelsFirst: false }
		: { data, tokens: b * elementCount(rest), width: a, channelsFirst: true };
}

/** Adds ‖changed − base‖² of every copy to column `patch` of the squares of its part. */
function addSquares(
	{ values, parts }: Squares,
	{ data }: TokenValues,
	start: number,
	perPatch: number,
	N: number
): void {
	const size = values.tokens * values.width;
	for (let i = 0; i * size < data.length; i++) {
		const patch = Math.floor((start + i) / perPatch);
		const part = parts[partOf((start + i) % perPatch, perPatch, parts.length)]!;
		squaredChanges(values, data.subarray(i * size, (i + 1) * size)).forEach(
			(square, m) => (part[m * N + patch]! += square)
		);
	}
}
