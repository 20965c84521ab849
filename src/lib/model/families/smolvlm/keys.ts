import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { PREFIX as VISION } from '../../vision/graph.ts';
import type { KeyTable } from '../../keys.ts';

/** Names in Idefics3's and SmolVLM's checkpoints, the same in every release of transformers. */
export const keys: KeyTable = [
	['model.vision_model.*', `${VISION}.*`],
	['model.connector.modality_projection.*', `${PROJECTOR}.*`],
	['model.text_model.*', `${LANGUAGE}.model.*`],
	['lm_head.*', `${LANGUAGE}.lm_head.*`]
];
