import type { KeyTable } from '../../keys.ts';
import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { PREFIX as VISION } from '../../vision/graph.ts';
import { flatKeys } from '../flat-llava.ts';

/**
 * Four spellings of one state dict: transformers up to 4.5x, transformers 5 from a model built in memory (the tower without
 * `vision_model.`), transformers 5 with `save_original_format=False`, and the authors' own.
 */
export const llavaKeys: KeyTable = [
	['language_model.model.*', `${LANGUAGE}.model.*`],
	['language_model.lm_head.*', `${LANGUAGE}.lm_head.*`],
	['model.language_model.*', `${LANGUAGE}.model.*`],
	...['', 'model.'].flatMap((root): KeyTable => [
		[`${root}multi_modal_projector.linear_1.*`, `${PROJECTOR}.net.0.*`],
		[`${root}multi_modal_projector.linear_2.*`, `${PROJECTOR}.net.2.*`],
		[`${root}vision_tower.vision_model.*`, `${VISION}.*`]
	]),
	['vision_tower.*', `${VISION}.*`],
	['model.mm_projector.weight', `${PROJECTOR}.net.0.weight`],
	['model.mm_projector.bias', `${PROJECTOR}.net.0.bias`],
	['model.mm_projector.*', `${PROJECTOR}.net.*`],
	...flatKeys.slice(0, 2),
	['model.vision_tower.*', `${VISION}.*`],
	...flatKeys.slice(2)
];
