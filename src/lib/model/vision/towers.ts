import type { GridShape } from '../../analysis/grid.ts';
import type { Graph } from '../../onnx/graph.ts';
import { InputError } from '../../tensor/errors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { VisionConfig } from '../config.ts';
import type { WeightDType } from '../manifest.ts';
import type { StateDict } from '../state-dict.ts';
import { afterFeatures, visionGraph } from './graph.ts';
import { qwen2Vl } from './qwen2-vl/tower.ts';
import { siglip } from './siglip/tower.ts';

/** A kind of vision tower. */
export interface Tower {
	/** Positions of its layers beside the patches. */
	readonly classTokens: number;
	/** What people call it. */
	readonly title: string;
	/** pixel_values [image, 3, S, S] → `vision.features.i` [image, N, E] of each layer asked for. */
	readonly graph: (state: StateDict, featureLayers: readonly number[], dtype: WeightDType) => Graph;
	/** Whether a tower that is read up to hidden state `last` has no use for this key. */
	readonly unread: (key: string, last: number) => boolean;
	/** Of towers that take pictures of any size, whose grids of patches differ. */
	readonly anySize?: {
		/** Shape of one picture's `pixel_values`, which of other towers is [3, S, S]. */
		readonly pixelDims: (grid: GridShape) => readonly number[];
		/** Place of each patch of the sequence in the picture, counted row by row. */
		readonly order: (grid: GridShape) => Int32Array;
		/** What the graph is given beside the pixels, by input. */
		readonly feeds: (grid: GridShape) => Readonly<Record<string, Tensor>>;
	};
}

/** Towers by `VisionConfig.tower`; one that does not say is a CLIP. */
const towers: Readonly<Record<string, (config: VisionConfig) => Tower>> = {
	clip: (config) => ({
		classTokens: 1,
		title: 'CLIP ViT',
		graph: (state, layers, dtype) => visionGraph(config, state, layers, dtype),
		unread: afterFeatures
	}),
	siglip,
	'qwen2-vl': qwen2Vl
};

/** @throws InputError when this version has no such tower */
export function towerOf(config: VisionConfig): Tower {
	const { tower = 'clip' } = config;
	const make = towers[tower];
	if (!make)
		throw new InputError(
			`The model has a vision tower "${tower}", which this version does not know; it knows ${Object.keys(towers).join(', ')}.`
		);
	return make(config);
}
