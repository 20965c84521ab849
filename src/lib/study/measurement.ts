import type { DirectionSpread } from '../analysis/direction-spread.ts';
import type { TokenPatchMap } from '../analysis/map.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Control } from './control.ts';
import type { Subject } from './subject.ts';

/** How a token → patch map is made, with the word for it. */
export const methodTitles = {
	gradient: 'Gradient',
	perturbation: 'Perturbation',
	occlusion: 'Occlusion',
	attention: 'Attention',
	structural: 'Structure'
} as const;

export type Method = keyof typeof methodTitles;
export const methods = Object.keys(methodTitles) as readonly Method[];

/** What every projector offers and is measured by where nothing else is chosen. */
export const standardMethod = 'gradient' satisfies Method;

/** Along random directions, of which there are K: of each visual token's values, or of each patch's. */
export const directedMethods = { gradient: 'visual token', perturbation: 'patch' } as const;
export type DirectedMethod = keyof typeof directedMethods;
export const isDirected = (method: Method): method is DirectedMethod =>
	Object.hasOwn(directedMethods, method);

/** One layer, or all of them rolled out. */
export type LayerChoice = number | 'rollout';

/** What the worker has to compute: the part of a method's choices that costs time. */
export interface Measurement {
	readonly method: Method;
	/** K; of a method along directions only. */
	readonly directions: number;
}

/** What a measurement gives; attention of all layers comes at once, layer and head are only read off it. */
export type Measured =
	| {
			readonly kind: 'map';
			readonly map: TokenPatchMap;
			/** Of fewer directions than there are. */
			readonly spread?: DirectionSpread;
	  }
	| { readonly kind: 'attention'; readonly layers: readonly Tensor[] };

/** Maps that may have been measured before. */
export interface MeasuredMaps {
	/** Whether it has been, and is kept. */
	has(subject: Subject, measurement: Measurement): boolean;
	/** @throws as `measure` */
	get(subject: Subject, measurement: Measurement, control?: Control): Promise<Measured>;
}
