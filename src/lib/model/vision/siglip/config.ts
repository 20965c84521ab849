import type { VisionConfig } from '../../config.ts';

/** A SigLIP tower: no class token, no norm before the layers. */
export interface SiglipConfig extends VisionConfig {
	/**
	 * Which row of the position embedding a patch gets: `raster`, its number; `fractions`, what transformers computes from its place as a
	 * fraction of the picture (`positionIds`).
	 */
	readonly positions: 'raster' | 'fractions';
}
