import type { KeyTable } from '../keys.ts';
import { PREFIX } from './graph.ts';

/**
 * Names in the folder of a CLIP: a whole one, whose text tower no one asks for, or the vision tower alone, which transformers 5 saves
 * without `vision_model.`.
 */
export const towerKeys: KeyTable = [
	['vision_model.*', `${PREFIX}.*`],
	['embeddings.*', `${PREFIX}.embeddings.*`],
	['pre_layrnorm.*', `${PREFIX}.pre_layrnorm.*`],
	['encoder.*', `${PREFIX}.encoder.*`],
	['post_layernorm.*', `${PREFIX}.post_layernorm.*`]
];
