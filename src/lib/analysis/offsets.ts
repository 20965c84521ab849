import { InputError } from '../tensor/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { floats } from './attention-maps.ts';
import { sideOf, type Place } from './grid.ts';

/**
 * Deformable sampling of a D-Abstractor. Letters: M tokens, H heads, P points, N = g × g patches.
 * Locations are (x, y) with 0..1 over the image, as upstream has them; lengths in figures and statistics are in patches (× g).
 */
export interface SamplingTrace {
	/** `proj.reference_points` [image, M, 2]. */
	readonly referencePoints: Tensor;
	/** By layer: `proj.layer{i}.sampling_locations` [image, M, H, 1, P, 2] and `.attention_weights` [image, M, H, 1, P]. */
	readonly layers: readonly { readonly locations: Tensor; readonly weights: Tensor }[];
	/** g. */
	readonly side: number;
}

/** Names of the activations that a sampling trace is made of. */
export interface SamplingOutputs {
	readonly layers: number;
	readonly referencePoints: string;
	readonly locations: (layer: number) => string;
	readonly weights: (layer: number) => string;
}

export function samplingNames({ layers, referencePoints, locations, weights }: SamplingOutputs): string[] {
	return [referencePoints, ...Array.from({ length: layers }, (_, i) => [locations(i), weights(i)]).flat()];
}

/** A sampling trace from named activations. @param get gives one, or says in its own words that it is missing */
export function samplingTrace(
	{ layers, referencePoints, locations, weights }: SamplingOutputs,
	side: number,
	get: (name: string) => Tensor
): SamplingTrace {
	return {
		referencePoints: get(referencePoints),
		layers: Array.from({ length: layers }, (_, i) => ({
			locations: get(locations(i)),
			weights: get(weights(i))
		})),
		side
	};
}

/** One sample of one token. */
export interface Sample {
	readonly layer: number;
	readonly head: number;
	readonly point: number;
	readonly token: number;
	/** Reference point and sampling location, patches (see `grid.ts`). */
	readonly referenceX: number;
	readonly referenceY: number;
	readonly x: number;
	readonly y: number;
	/** Location minus reference point, patches. */
	readonly offsetX: number;
	readonly offsetY: number;
	/** Attention weight of the point; a head's P weights sum to 1. */
	readonly weight: number;
	/** The location lies outside the image; there the features are zeros. */
	readonly outside: boolean;
}

export interface SampleFilter {
	readonly image?: number;
	readonly layer?: number;
	readonly head?: number;
	readonly point?: number;
	readonly token?: number;
}

/** Number of images, layers, heads, points and tokens. @throws InputError when the tensors do not fit together */
export function samplingSizes({ referencePoints, layers }: SamplingTrace) {
	const weights = layers[0]?.weights;
	if (!weights)
		throw new InputError(
			'There are no sampling layers in this trace; choose a projector that samples the image.'
		);
	const [images, tokens, heads, levels, points] = weights.dims as [number, number, number, number, number];
	for (const layer of layers) {
		if (
			levels !== 1 ||
			layer.weights.dims.join() !== weights.dims.join() ||
			layer.locations.dims.join() !== [...weights.dims, 2].join() ||
			referencePoints.dims.join() !== [images, tokens, 2].join()
		)
			throw new InputError(
				`Sampling tensors do not fit together: reference points [${referencePoints.dims.join(', ')}], locations [${layer.locations.dims.join(', ')}], weights [${layer.weights.dims.join(', ')}].`
			);
	}
	return { images, layers: layers.length, heads, points, tokens };
}

function chosen(count: number, index: number | undefined): number[] {
	return index === undefined ? Array.from({ length: count }, (_, i) => i) : index < count ? [index] : [];
}

/** The samples that pass the filter, by layer, token, head, point; of image 0 unless another is asked for. */
export function samples(trace: SamplingTrace, filter: SampleFilter = {}): Sample[] {
	const sizes = samplingSizes(trace);
	const { side } = trace;
	const image = filter.image ?? 0;
	const reference = floats(trace.referencePoints);
	const rows: Sample[] = [];
	for (const layer of chosen(sizes.layers, filter.layer)) {
		const locations = floats(trace.layers[layer]!.locations);
		const weights = floats(trace.layers[layer]!.weights);
		for (const token of chosen(sizes.tokens, filter.token))
			for (const head of chosen(sizes.heads, filter.head))
				for (const point of chosen(sizes.points, filter.point)) {
					const at = ((image * sizes.tokens + token) * sizes.heads + head) * sizes.points + point;
					const referenceX = reference[2 * (image * sizes.tokens + token)]! * side;
					const referenceY = reference[2 * (image * sizes.tokens + token) + 1]! * side;
					const x = locations[2 * at]! * side;
					const y = locations[2 * at + 1]! * side;
					rows.push({
						...{ layer, head, point, token, referenceX, referenceY, x, y },
						offsetX: x - referenceX,
						offsetY: y - referenceY,
						weight: weights[at]!,
						outside: !(x >= 0 && x <= side && y >= 0 && y <= side)
					});
				}
	}
	return rows;
}

/**
 * The samples between two layers, for moving from one to the other: places and weights at `part` (0..1) of the way. Both hold the same
 * tokens, heads and points in the same order; the layer is the nearer one's.
 */
export function betweenLayers(from: readonly Sample[], to: readonly Sample[], part: number): Sample[] {
	if (from.length !== to.length)
		throw new InputError(
			`Layers of ${from.length} and ${to.length} samples cannot be moved into each other.`
		);
	return from.map((a, i) => {
		const b = to[i]!;
		const mix = (of: 'x' | 'y' | 'offsetX' | 'offsetY' | 'weight') => a[of] + part * (b[of] - a[of]);
		const near = part < 0.5 ? a : b;
		return {
			...near,
			...{ x: mix('x'), y: mix('y'), offsetX: mix('offsetX'), offsetY: mix('offsetY'), weight: mix('weight') }
		};
	});
}

/** Numbers of a set of samples. Weighted numbers count a sample by its attention weight. */
export interface SamplingSummary {
	readonly count: number;
	/** Root-mean-square length of the offsets, patches, weighted. */
	readonly reach: number;
	/** Share of samples outside the image, by count and by weight. */
	readonly outsideRate: number;
	readonly outsideWeight: number;
	/** Share of samples that have another one of the same token and layer within `radius` patches: wasted, unless weights differ. */
	readonly duplicateRate: number;
}

/** @param radius patches; a quarter of a patch by default, where bilinear samples share most of their weight */
export function summariseSamples(rows: readonly Sample[], radius = 0.25): SamplingSummary {
	if (rows.length === 0) throw new InputError('There are no samples to summarise; widen the choice.');
	let weight = 0;
	let squares = 0;
	let outside = 0;
	let outsideWeight = 0;
	for (const row of rows) {
		weight += row.weight;
		squares += row.weight * (row.offsetX ** 2 + row.offsetY ** 2);
		if (!row.outside) continue;
		outside++;
		outsideWeight += row.weight;
	}
	const duplicates = duplicateSamples(rows, radius).reduce((sum, flag) => sum + (flag ? 1 : 0), 0);
	return {
		count: rows.length,
		reach: weight > 0 ? Math.sqrt(squares / weight) : 0,
		outsideRate: outside / rows.length,
		outsideWeight: weight > 0 ? outsideWeight / weight : 0,
		duplicateRate: duplicates / rows.length
	};
}

/** For each sample, whether another sample of the same token and layer lies within `radius` patches. */
export function duplicateSamples(rows: readonly Sample[], radius = 0.25): boolean[] {
	const groups = new Map<string, number[]>();
	rows.forEach(({ layer, token }, i) => {
		const key = `${layer} ${token}`;
		const group = groups.get(key);
		if (group) group.push(i);
		else groups.set(key, [i]);
	});
	const flags = new Array<boolean>(rows.length).fill(false);
	for (const group of groups.values())
		for (let a = 0; a < group.length; a++)
			for (let b = a + 1; b < group.length; b++) {
				const [i, j] = [group[a]!, group[b]!];
				if (Math.hypot(rows[i]!.x - rows[j]!.x, rows[i]!.y - rows[j]!.y) > radius) continue;
				flags[i] = flags[j] = true;
			}
	return flags;
}

/** One sampling point over a set of images: what is the same for all of them, and what the content changes. */
export interface OffsetSplit {
	readonly layer: number;
	readonly head: number;
	readonly point: number;
	readonly token: number;
	/** Mean location over the images, patches: the input-independent part. */
	readonly meanX: number;
	readonly meanY: number;
	/** Mean offset from the reference point, patches. */
	readonly offsetX: number;
	readonly offsetY: number;
	/** Root-mean-square deviation from the mean location over the images, patches: the content-driven part. */
	readonly deviation: number;
	/** Mean attention weight over the images. */
	readonly weight: number;
}

/** Splits every offset that passes the filter (its `image` is ignored). With one image the content-driven part is 0: unknown. */
export function splitOffsets(trace: SamplingTrace, filter: Omit<SampleFilter, 'image'> = {}): OffsetSplit[] {
	const { images } = samplingSizes(trace);
	const perImage = Array.from({ length: images }, (_, image) => samples(trace, { ...filter, image }));
	return perImage[0]!.map(({ layer, head, point, token }, i) => {
		const rows = perImage.map((all) => all[i]!);
		const mean = (of: (row: Sample) => number) => rows.reduce((sum, row) => sum + of(row), 0) / images;
		const meanX = mean((row) => row.x);
		const meanY = mean((row) => row.y);
		return {
			...{ layer, head, point, token, meanX, meanY },
			offsetX: mean((row) => row.offsetX),
			offsetY: mean((row) => row.offsetY),
			deviation: Math.sqrt(mean((row) => (row.x - meanX) ** 2 + (row.y - meanY) ** 2)),
			weight: mean((row) => row.weight)
		};
	});
}

/**
 * Part of the mean squared offset that the content drives, 0..1: Σ deviation² / Σ (|mean offset|² + deviation²). 0 when the points
 * never move, 1 when they only move about the reference point.
 */
export function contentShare(rows: readonly OffsetSplit[]): number {
	let content = 0;
	let all = 0;
	for (const { deviation, offsetX, offsetY } of rows) {
		content += deviation ** 2;
		all += deviation ** 2 + offsetX ** 2 + offsetY ** 2;
	}
	return all > 0 ? content / all : 0;
}

/** Where the samples lie. */
export interface SamplingDensity {
	/** Cells on each side; the image is covered by cells × cells. */
	readonly cells: number;
	/** Attention weight in each cell per patch area, row-major [cells, cells]. */
	readonly data: Float32Array;
	/** Attention weight outside the image, in the same unit as the sum of all (number of heads · tokens · layers chosen). */
	readonly outside: number;
}

/** Histogram of sampling locations over the image, each with its attention weight. */
export function samplingDensity(rows: readonly Sample[], side: number, cells = side): SamplingDensity {
	const data = new Float32Array(cells * cells);
	const perPatch = (cells / side) ** 2;
	let outside = 0;
	for (const row of rows) {
		if (row.outside) {
			outside += row.weight;
			continue;
		}
		const i = Math.min(cells - 1, Math.floor((row.x / side) * cells));
		const j = Math.min(cells - 1, Math.floor((row.y / side) * cells));
		data[j * cells + i]! += row.weight * perPatch;
	}
	return { cells, data, outside };
}

/** Where upstream puts the reference points before training, patches: m × m evenly from the first to the last patch's centre. */
export function initialReferencePoints(tokens: number, side: number): Place[] {
	const m = sideOf(tokens);
	if (m === undefined)
		throw new InputError(`${tokens} reference points do not form a square grid; upstream's always do.`);
	const step = (i: number) => (m === 1 ? 0.5 : 0.5 + (i * (side - 1)) / (m - 1));
	return Array.from({ length: tokens }, (_, token) => ({
		x: step(token % m),
		y: step(Math.floor(token / m))
	}));
}

/** `proj.reference_points` [image, M, 2] of one image, patches. */
export function referencePlaces({ referencePoints, side }: SamplingTrace, image = 0): Place[] {
	const [, tokens] = referencePoints.dims as [number, number];
	const data = floats(referencePoints);
	return Array.from({ length: tokens }, (_, token) => {
		const at = 2 * (image * tokens + token);
		return { x: data[at]! * side, y: data[at + 1]! * side };
	});
}
