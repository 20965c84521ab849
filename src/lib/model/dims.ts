/**
 * Axis words, used for symbolic graph dimensions, traces and figures.
 * `patch` and `visual_token` run row-major over their grids.
 */
export const dims = {
	batch: 'batch',
	image: 'image',
	patch: 'patch',
	visual_token: 'visual_token',
	layer: 'layer',
	head: 'head',
	kv_head: 'kv_head',
	point: 'point',
	position: 'position',
	past: 'past',
	total: 'total',
	hidden: 'hidden',
	vocab: 'vocab'
} as const;
