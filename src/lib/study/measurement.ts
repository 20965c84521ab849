import type { DirectionSpread } from '../analysis/direction-spread.ts';
import type { TokenPatchMap } from '../analysis/map.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Control } from './control.ts';
import type { Subject } from './subject.ts';

/** How a token → patch map is made. */
export type Method = 'perturbation' | 'occlusion' | 'attention' | 'structural';

/** One layer, or all of them rolled out. */
export type LayerChoice = number | 'rollout';

/** What the worker has to compute: the part of a method's choices that costs time. */
export interface Measurement {
	readonly method: Method;
	/** K, random directions per patch; perturbation only. */
	readonly directions: number;
}

/** What a measurement gives; attention of all layers comes at once, layer and head are only read off it. */
export type Measured =
	| {
			readonly kind: 'map';
			readonly map: TokenPatchMap;
			/** Of a perturbation with fewer directions than there are. */
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
