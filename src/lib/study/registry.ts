import { answerInfluenceStudy } from './influence.ts';
import type { FigureStudy } from './figure-study.ts';
import { logitLensStudy } from './lens.ts';
import {
	coverageStudy,
	localityDistributionStudy,
	localityGridStudy,
	tokenMapStudy,
	tokenPatchMatrixStudy
} from './locality.ts';
import {
	offsetSplitStudy,
	referencePointsStudy,
	samplingDensityStudy,
	samplingOffsetsStudy
} from './sampling.ts';
import { channelGatesStudy, stageResponsesStudy } from './stages.ts';
import { surgeryChangeStudy } from './surgery.ts';

/** How each figure is made, by its id: one line each. The command line, the pages and the gallery read it. */
export const studies = {
	'locality-grid': localityGridStudy,
	'token-map': tokenMapStudy,
	'token-patch-matrix': tokenPatchMatrixStudy,
	coverage: coverageStudy,
	'locality-distribution': localityDistributionStudy,
	'sampling-offsets': samplingOffsetsStudy,
	'offset-split': offsetSplitStudy,
	'reference-points': referencePointsStudy,
	'sampling-density': samplingDensityStudy,
	'stage-responses': stageResponsesStudy,
	'channel-gates': channelGatesStudy,
	'answer-influence': answerInfluenceStudy,
	'surgery-change': surgeryChangeStudy,
	'logit-lens': logitLensStudy
} as const satisfies Readonly<Record<string, FigureStudy>>;

export type StudyId = keyof typeof studies;

/** The study of a figure; undefined when there is no such figure. */
export function studyOf(figure: string): FigureStudy | undefined {
	return Object.hasOwn(studies, figure) ? studies[figure as StudyId] : undefined;
}
