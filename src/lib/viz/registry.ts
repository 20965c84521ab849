import { pairedDifferences } from './paired-differences.ts';
import { radar } from './radar.ts';
import { scoreBreakdown } from './score-breakdown.ts';
import { latencyCurve } from './latency-curve.ts';
import { accuracyLatency } from './accuracy-latency.ts';
import { costCurve } from './cost-curve.ts';
import { costCheck } from './cost-check.ts';
import { growth } from './growth.ts';
import { accuracyCurve } from './accuracy-curve.ts';
import { answerInfluence } from './answer-influence.ts';
import { compareGrids } from './compare-grids.ts';
import { compareTokens } from './compare-tokens.ts';
import { scoreMatrix } from './score-matrix.ts';
import { stageTimes } from './stage-times.ts';
import { wordScores } from './word-scores.ts';
import { coverageFigure } from './coverage.ts';
import { coverageTogether } from './coverage-together.ts';
import { influenceTogether } from './influence-together.ts';
import { differenceMap } from './difference-map.ts';
import { localityDistribution } from './locality-distribution.ts';
import { localityGrid } from './locality-grid.ts';
import { logitLens } from './logit-lens.ts';
import { positionMap } from './position-map.ts';
import { offsetSplit } from './offset-split.ts';
import { channelGatesFigure } from './channel-gates.ts';
import { referencePoints } from './reference-points.ts';
import { samplingDensity } from './sampling-density.ts';
import { samplingOffsets } from './sampling-offsets.ts';
import { stageResponses } from './stage-responses.ts';
import { surgeryChange } from './surgery-change.ts';
import { sweepAnswers } from './sweep-answers.ts';
import { sweep } from './sweep.ts';
import { towerAttention } from './tower-attention.ts';
import { attentionHeads } from './attention-heads.ts';
import { attentionDistance } from './attention-distance.ts';
import { tokenEmbedding } from './token-embedding.ts';
import { checkpointSeries } from './checkpoint-series.ts';
import { runTable } from './run-table.ts';
import { learningCurves } from './learning-curves.ts';
import { localityAccuracy } from './locality-accuracy.ts';
import { trainedAccuracy } from './trained-accuracy.ts';
import { trainedTokens } from './trained-tokens.ts';
import { tokenMap } from './token-map.ts';
import { tokenPatchMatrix } from './token-patch-matrix.ts';
import { tokenSimilarity } from './token-similarity.ts';
import { wordRelevance } from './word-relevance.ts';

/** All figures; one line for each file. The page, the notebook and the export menu read it. */
export const figures = [
	localityGrid,
	tokenMap,
	tokenPatchMatrix,
	coverageFigure,
	coverageTogether,
	localityDistribution,
	differenceMap,
	samplingOffsets,
	offsetSplit,
	referencePoints,
	samplingDensity,
	stageResponses,
	channelGatesFigure,
	towerAttention,
	attentionDistance,
	answerInfluence,
	attentionHeads,
	wordRelevance,
	influenceTogether,
	surgeryChange,
	logitLens,
	tokenSimilarity,
	tokenEmbedding,
	compareGrids,
	compareTokens,
	stageTimes,
	wordScores,
	scoreMatrix,
	sweep,
	sweepAnswers,
	positionMap,
	runTable,
	accuracyCurve,
	checkpointSeries,
	learningCurves,
	trainedAccuracy,
	trainedTokens,
	localityAccuracy,
	pairedDifferences,
	radar,
	scoreBreakdown,
	latencyCurve,
	accuracyLatency,
	costCurve,
	costCheck,
	growth
] as const;

export type AnyFigure = (typeof figures)[number];
export type FigureId = AnyFigure['id'];
