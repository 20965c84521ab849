import { pairedDifferencesStudy, radarStudy, scoreBreakdownStudy } from './breakdown.ts';
import { accuracyLatencyStudy, costCheckStudy, costCurveStudy, latencyCurveStudy } from './costs.ts';
import { growthStudy } from './growth.ts';
import { answerInfluenceStudy, attentionHeadsStudy } from './influence.ts';
import { tokenEmbeddingStudy } from './embedding.ts';
import type { FigureStudy } from './figure-study.ts';
import { logitLensStudy } from './lens.ts';
import {
	coverageStudy,
	localityDistributionStudy,
	localityGridStudy,
	tokenMapStudy,
	tokenPatchMatrixStudy
} from './locality.ts';
import { wordRelevanceStudy } from './relevance.ts';
import { accuracyCurveStudy } from './run-scores.ts';
import { checkpointSeriesStudy } from './series.ts';
import { runTableStudy } from './run-table.ts';
import {
	offsetSplitStudy,
	referencePointsStudy,
	samplingDensityStudy,
	samplingOffsetsStudy
} from './sampling.ts';
import {
	compareGridsStudy,
	compareTokensStudy,
	differenceMapStudy,
	scoreMatrixStudy,
	stageTimesStudy,
	tokenSimilarityStudy,
	wordScoresStudy
} from './side-by-side.ts';
import { attentionDistanceStudy, towerAttentionStudy } from './tower.ts';
import { channelGatesStudy, stageResponsesStudy } from './stages.ts';
import { coverageTogetherStudy, influenceTogetherStudy } from './together.ts';
import { surgeryChangeStudy } from './surgery.ts';
import {
	learningCurvesStudy,
	localityAccuracyStudy,
	trainedAccuracyStudy,
	trainedTokensStudy
} from './training.ts';
import { positionMapStudy, sweepAnswersStudy, sweepStudy } from './sweep-rows.ts';

/** How each figure is made, by its id: one line each. The command line and the gallery read it; a page imports the studies of its own figures. */
export const studies = {
	'locality-grid': localityGridStudy,
	'token-map': tokenMapStudy,
	'token-patch-matrix': tokenPatchMatrixStudy,
	coverage: coverageStudy,
	'coverage-together': coverageTogetherStudy,
	'locality-distribution': localityDistributionStudy,
	'sampling-offsets': samplingOffsetsStudy,
	'offset-split': offsetSplitStudy,
	'reference-points': referencePointsStudy,
	'sampling-density': samplingDensityStudy,
	'stage-responses': stageResponsesStudy,
	'channel-gates': channelGatesStudy,
	'tower-attention': towerAttentionStudy,
	'attention-distance': attentionDistanceStudy,
	'answer-influence': answerInfluenceStudy,
	'attention-heads': attentionHeadsStudy,
	'word-relevance': wordRelevanceStudy,
	'influence-together': influenceTogetherStudy,
	'surgery-change': surgeryChangeStudy,
	'logit-lens': logitLensStudy,
	'difference-map': differenceMapStudy,
	'token-similarity': tokenSimilarityStudy,
	'token-embedding': tokenEmbeddingStudy,
	'compare-grids': compareGridsStudy,
	'compare-tokens': compareTokensStudy,
	'stage-times': stageTimesStudy,
	'word-scores': wordScoresStudy,
	'score-matrix': scoreMatrixStudy,
	sweep: sweepStudy,
	'sweep-answers': sweepAnswersStudy,
	'position-map': positionMapStudy,
	'run-table': runTableStudy,
	'accuracy-curve': accuracyCurveStudy,
	'checkpoint-series': checkpointSeriesStudy,
	'learning-curves': learningCurvesStudy,
	'trained-accuracy': trainedAccuracyStudy,
	'trained-tokens': trainedTokensStudy,
	'locality-accuracy': localityAccuracyStudy,
	'paired-differences': pairedDifferencesStudy,
	radar: radarStudy,
	'score-breakdown': scoreBreakdownStudy,
	'latency-curve': latencyCurveStudy,
	'accuracy-latency': accuracyLatencyStudy,
	'cost-curve': costCurveStudy,
	'cost-check': costCheckStudy,
	growth: growthStudy
} as const satisfies Readonly<Record<string, FigureStudy>>;

export type StudyId = keyof typeof studies;

/** The study of a figure; undefined when there is no such figure. */
export function studyOf(figure: string): FigureStudy | undefined {
	return Object.hasOwn(studies, figure) ? studies[figure as StudyId] : undefined;
}
