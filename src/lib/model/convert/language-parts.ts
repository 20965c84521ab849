import { weightByteLength } from '../../onnx/graph.ts';
import type { Weight } from '../../onnx/types.ts';
import type { TextConfig } from '../config.ts';
import { languageGraph } from '../language/graph.ts';
import type { WeightDType } from '../manifest.ts';
import type { StateDict } from '../state-dict.ts';
import { graphPart, type Part } from './part.ts';

/**
 * Bytes of weights that one session of the language model has at most by default. A session's shards are all in the page's
 * memory until it exists, so this bounds what loading needs beside the GPU.
 */
export const LANGUAGE_LIMIT = 1.5 * 2 ** 30;

/** A language graph over decoder layers `[from, to)`, with its files. */
export interface LanguagePart extends Part {
	readonly layers: readonly [from: number, to: number];
}

/**
 * The language model as one graph, or as several of whole layers where one would have more than `limit` bytes of weights.
 * @param known layers of each part where that is settled already (a projector is added to a model)
 */
export function planLanguage(
	config: TextConfig,
	state: StateDict,
	dtype: WeightDType,
	limit = LANGUAGE_LIMIT,
	known?: readonly (readonly [from: number, to: number])[]
): LanguagePart[] {
	const graphOf = (layers: readonly [number, number]) => languageGraph(config, state, dtype, { layers });
	const all = [0, config.num_hidden_layers] as const;
	const parts = known ?? cutEvenly(layerBytes(graphOf(all).weights, all[1]), limit);
	return parts.map((layers) => ({
		...graphPart(graphOf(layers), parts.length === 1 ? 'language' : `language.${layers.join('-')}`),
		layers
	}));
}

/** Bytes of each layer's weights; what is of no layer counts for the last, where the head is. */
function layerBytes(weights: readonly Weight[], layers: number): number[] {
	const bytes = new Array<number>(layers).fill(0);
	for (const weight of weights) {
		const index = /\.layers\.(\d+)\./.exec(weight.name)?.[1];
		bytes[index === undefined ? layers - 1 : Number(index)]! += weightByteLength(weight);
	}
	return bytes;
}

/**
 * Cuts a row of sizes into pieces `[from, to)` so that none is above the limit (a single larger item has a piece to itself):
 * as few pieces as possible and about equal ones.
 */
export function cutEvenly(sizes: readonly number[], limit: number): (readonly [from: number, to: number])[] {
	const fewest = cutGreedily(sizes, limit);
	const mean = sizes.reduce((sum, size) => sum + size, 0) / fewest.length;
	// The smallest of some limits between the mean and the given one that needs no more pieces.
	for (let step = 0; step < 16; step++) {
		const pieces = cutGreedily(sizes, mean + ((limit - mean) * step) / 16);
		if (pieces.length <= fewest.length) return pieces;
	}
	return fewest;
}

function cutGreedily(sizes: readonly number[], limit: number): (readonly [from: number, to: number])[] {
	const cuts = [0];
	let sum = 0;
	sizes.forEach((size, index) => {
		if (sum > 0 && sum + size > limit) {
			cuts.push(index);
			sum = 0;
		}
		sum += size;
	});
	return cuts.map((from, i) => [from, cuts[i + 1] ?? sizes.length] as const);
}
