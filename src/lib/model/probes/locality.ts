import {
	partOf,
	perturbationDirections,
	rootMeanSquare,
	squaredChanges,
	type TokenValues
} from '../../analysis/perturbation.ts';
import { elementCount, type Tensor } from '../../tensor/tensor.ts';

/** Runs a projector on a batch of features [batch, N, E]; gives the named graph outputs. */
export type ProjectorRun = (
	visual_features: Float32Array,
	batch: number,
	outputs: readonly string[]
) => Promise<Readonly<Record<string, Tensor>>>;

export type LocalityMethod = 'perturbation' | 'occlusion';

export interface LocalityOptions {
	readonly method: LocalityMethod;
	/** K, random directions per patch (perturbation). More directions, less sampling noise; every one of them from K = E on. */
	readonly directions?: number;
	/** Size of the perturbation against the root-mean-square of the features: small against the kinks of bilinear sampling, large against float32 noise. */
	readonly step?: number;
	readonly seed?: number;
	/** Responses to so many parts of the directions are given, too, where K < E: `<output>.parts`, float32 [part, T, N]. */
	readonly parts?: number;
	/** Perturbed copies per projector run. */
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

/**
 * Locality maps by running the projector on changed features, for any projector.
 *
 * - perturbation: R[m, n] = sqrt(1/K · Σ_k rms(f_m(x + ε·u_k at patch n) − f_m(x))²) / ε with K orthogonal random directions u_k and
 *   ε = step · rms(x); rms is over the token's components. R² is an estimate of ‖∂f_m/∂x_n‖²_F / width without bias (up to ε) and
 *   exact when K = E (`analysis/perturbation.ts`).
 * - occlusion: R[m, n] = rms(f_m(x with x_n replaced by the mean feature) − f_m(x)).
 *
 * @param features visual_features [N, E] of one image
 */
export async function localityMaps(
	run: ProjectorRun,
	features: Float32Array,
	patches: number,
	options: LocalityOptions
): Promise<LocalityMaps> {
	const { batch = 16, outputs = ['visual_embeds'], signal, onProgress } = options;
	const N = patches;
	const E = features.length / N;
	const changes =
		options.method === 'occlusion' ? occlusions(features, N, E) : perturbations(features, N, E, options);
	const base = await run(features, 1, outputs);
	const parts = changes.drawn ? (options.parts ?? 1) : 1;
	const responses = new Map(
		outputs.map((name) => {
			const values = asTokens(base[name], name);
			const squares = Array.from({ length: parts }, () => new Float64Array(values.tokens * N));
			return [name, { ...values, squares }] as const;
		})
	);

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
	for (const [name, { squares, tokens, width }] of responses) {
		const response = (sum: number, scale: number) => Math.sqrt((sum * scale) / width);
		maps[name] = {
			dtype: 'float32',
			dims: [tokens, N],
			data: Float32Array.from({ length: tokens * N }, (_, i) =>
				response(
					squares.reduce((sum, part) => sum + part[i]!, 0),
					changes.scale
				)
			)
		};
		if (parts === 1) continue;
		const data = new Float32Array(parts * tokens * N);
		squares.forEach((part, p) => {
			let count = 0;
			for (let k = 0; k < changes.perPatch; k++) if (partOf(k, changes.perPatch, parts) === p) count++;
			const scale = (changes.scale * changes.perPatch) / count;
			part.forEach((sum, i) => (data[p * tokens * N + i] = response(sum, scale)));
		});
		maps[`${name}.parts`] = { dtype: 'float32', dims: [parts, tokens, N], data };
	}
	return maps;
}

interface Changes {
	readonly perPatch: number;
	/** Drawn at random among more. */
	readonly drawn?: true;
	/** Factor on the summed squares. */
	readonly scale: number;
	/** Changes one patch's feature in place. */
	readonly apply: (feature: Float32Array, patch: number, index: number) => void;
}

function occlusions(features: Float32Array, N: number, E: number): Changes {
	const mean = new Float32Array(E);
	for (let n = 0; n < N; n++) for (let e = 0; e < E; e++) mean[e]! += features[n * E + e]! / N;
	return { perPatch: 1, scale: 1, apply: (feature) => feature.set(mean) };
}

function perturbations(
	features: Float32Array,
	N: number,
	E: number,
	{ directions = 4, step = 2e-3, seed = 0 }: LocalityOptions
): Changes {
	const epsilon = step * rootMeanSquare(features) || step;
	// With as many directions as entries any rotation gives the same: unit vectors do, whose step is the shortest.
	if (directions >= E)
		return {
			perPatch: E,
			scale: 1 / epsilon ** 2,
			apply: (feature, _patch, index) => {
				feature[index]! += epsilon;
			}
		};
	// Each patch has directions of its own, so that its noise is independent of its neighbours'.
	let known: { readonly patch: number; readonly directions: Float32Array } = {
		patch: -1,
		directions: new Float32Array(0)
	};
	const directionsOf = (patch: number): Float32Array => {
		if (known.patch !== patch)
			known = {
				patch,
				directions: perturbationDirections(directions, E, Math.imul(seed, 0x9e3779b9) + patch)
			};
		return known.directions;
	};
	return {
		perPatch: directions,
		drawn: true,
		scale: 1 / (directions * epsilon ** 2),
		apply: (feature, patch, index) => {
			const u = directionsOf(patch).subarray(index * E, (index + 1) * E);
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
	base: TokenValues & { readonly squares: readonly Float64Array[] },
	{ data }: TokenValues,
	start: number,
	perPatch: number,
	N: number
): void {
	const { tokens, width, squares } = base;
	const size = tokens * width;
	for (let i = 0; i * size < data.length; i++) {
		const patch = Math.floor((start + i) / perPatch);
		const part = squares[partOf((start + i) % perPatch, perPatch, squares.length)]!;
		squaredChanges(base, data.subarray(i * size, (i + 1) * size)).forEach(
			(square, m) => (part[m * N + patch]! += square)
		);
	}
}
