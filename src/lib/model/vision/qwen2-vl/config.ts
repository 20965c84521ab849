import type { VisionConfig } from '../../config.ts';

/** Qwen2-VL's tower, for pictures of any size: no class token, no learned positions, no norm before or after the layers. */
export interface Qwen2VlConfig extends VisionConfig {
	readonly tower: 'qwen2-vl';
	/** T, frames of a patch; a picture is all of them. */
	readonly temporal_patch_size: number;
	/** Patches come block by block, so many each way. */
	readonly spatial_merge_size: number;
}
