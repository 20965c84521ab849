import type { KeyTable } from '../../keys.ts';
import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { PREFIX as VISION } from '../../vision/graph.ts';

/** Names of the published file, and of one that transformers 5 has written again (the tower without its inner `vision_model.`). */
export const keys: KeyTable = [
	['vision_model.vision_model.*', `${VISION}.*`],
	['vision_model.*', `${VISION}.*`],
	['mm_projector.*', `${PROJECTOR}.*`],
	['image_newline', `${PROJECTOR}.image_newline`],
	['language_model.*', `${LANGUAGE}.*`]
];
