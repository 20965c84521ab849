import type { PositionMapRows, SweepAnswersRows, SweepRows } from '../../src/lib/analysis/sweep-rows.ts';
import type {
	AccuracyRows,
	BreakdownRows,
	DifferencesRows,
	TradeoffRows
} from '../../src/lib/analysis/score-rows.ts';
import { directionSpread } from '../../src/lib/analysis/direction-spread.ts';
import {
	coverage,
	shareDifference,
	summariseLocality,
	tokenLocalities
} from '../../src/lib/analysis/locality.ts';
import { scoreWords } from '../../src/lib/analysis/answer-scores.ts';
import type { Sample } from '../../src/lib/analysis/offsets.ts';
import { tokenPatchMap, tokenRow, type TokenPatchMap } from '../../src/lib/analysis/map.ts';
import { initialReferencePoints, samplingDensity, type OffsetSplit } from '../../src/lib/analysis/offsets.ts';
import { stageSteps } from '../../src/lib/analysis/stages.ts';
import { twoHops } from '../../src/lib/analysis/two-hop.ts';
import type { LatencyRows } from '../../src/lib/viz/latency-curve.ts';
import type { GrowthRows } from '../../src/lib/analysis/growth-rows.ts';
import type { CostRows } from '../../src/lib/viz/cost-curve.ts';
import type { CheckRows } from '../../src/lib/viz/cost-check.ts';
import type { InfluenceRows } from '../../src/lib/viz/answer-influence.ts';
import type { LensRows } from '../../src/lib/viz/logit-lens.ts';
import type { SplitRows } from '../../src/lib/viz/offset-split.ts';
import type { ReferenceRows } from '../../src/lib/viz/reference-points.ts';
import type { DensityRows } from '../../src/lib/viz/sampling-density.ts';
import type { GateRows } from '../../src/lib/viz/channel-gates.ts';
import type { StageRows } from '../../src/lib/viz/stage-responses.ts';
import type { CompareGridsRows } from '../../src/lib/viz/compare-grids.ts';
import type { CompareTokensRows } from '../../src/lib/viz/compare-tokens.ts';
import type { ScoreMatrixRows } from '../../src/lib/viz/score-matrix.ts';
import type { StageTimesRows } from '../../src/lib/viz/stage-times.ts';
import type { SurgeryRows } from '../../src/lib/viz/surgery-change.ts';
import type { WordScoresRows } from '../../src/lib/viz/word-scores.ts';
import type { CoverageRows } from '../../src/lib/viz/coverage.ts';
import type { PictureRows } from '../../src/lib/viz/picture-map.ts';
import type { DifferenceRows } from '../../src/lib/viz/difference-map.ts';
import type { MapRows } from '../../src/lib/viz/locality-grid.ts';
import type { DistributionRows } from '../../src/lib/viz/locality-distribution.ts';
import type { SamplingRows } from '../../src/lib/viz/sampling-offsets.ts';
import type { SimilarityRows } from '../../src/lib/viz/token-similarity.ts';
import type { HeadsRows } from '../../src/lib/viz/attention-heads.ts';
import type { TowerAttentionRows } from '../../src/lib/viz/tower-attention.ts';
import type { AttentionDistanceRows } from '../../src/lib/viz/attention-distance.ts';
import type { EmbeddingRows } from '../../src/lib/viz/token-embedding.ts';
import type { CheckpointSeriesRows } from '../../src/lib/viz/checkpoint-series.ts';
import type {
	LearningRows,
	LocalityAccuracyRows,
	TrainedTokensRows
} from '../../src/lib/analysis/training-rows.ts';
import type { RunTableRows } from '../../src/lib/analysis/run-rows.ts';
import type { TokenMapRows } from '../../src/lib/viz/token-map.ts';
import type { RelevanceRows } from '../../src/lib/viz/word-relevance.ts';

const image = { href: 'data:image/png;base64,AAAA', name: 'scene.png' };

/** Four tokens on 4 × 4 patches: bells around their homes, `drift` patches to the right. */
export function bells(drift = 0): TokenPatchMap {
	const centre = (i: number) => 1 + 2 * i;
	const data = Float32Array.from({ length: 64 }, (_, i) => {
		const [token, n] = [Math.floor(i / 16), i % 16];
		const x = (n % 4) + 0.5 - centre(token % 2) - drift;
		const y = Math.floor(n / 4) + 0.5 - centre(Math.floor(token / 2));
		return (token + 1) * Math.exp(-(x * x + y * y));
	});
	return tokenPatchMap(4, 16, data);
}

const meaning = { label: 'Response', unit: 'per unit of the feature' };
const map: MapRows = { ...meaning, map: bells() };
const scattered = directionSpread(bells(), [bells(0.1), bells(), bells(-0.1)], 'energy', undefined, 1);
const one: TokenMapRows = { ...map, token: 1, weighting: 'energy', image, spread: scattered };
/** A picture in two tiles and the whole, two cells each; one cell of the whole lies on padding. */
const cell = (name: string, x: number, value: number, width = 30) => ({
	name,
	value,
	regions: [{ x, y: 0, width, height: 60 }]
});
const pictured: PictureRows = {
	...{ label: 'Gain of “left”', unit: 'nats', signed: true, sums: true, size: { width: 120, height: 60 } },
	image: { ...image, aspect: 2 },
	layers: [
		{
			title: '2 tiles together',
			cells: [0.5, -0.25, 1, 0].map((value, i) =>
				cell(`tile in row 1, column ${1 + (i >> 1)}, token ${i % 2}`, 30 * i, value)
			)
		},
		{
			title: 'View of the whole picture',
			cells: [
				cell('whole picture, token 0', 0, -1, 120),
				{ name: 'whole picture, token 1', value: 0.1, regions: [] }
			]
		}
	]
};
const cover: CoverageRows = { coverage: coverage(bells(0.5), 'energy'), tokens: 4, image };
const difference: DifferenceRows = {
	difference: tokenRow(shareDifference(bells(), bells(0.5), 'energy'), 1),
	a: 'C-Abstractor',
	b: 'Resampler',
	label: 'Difference of shares',
	unit: 'share'
};

const names = ['c-abs', 'resampler'];
const summary = (drifts: number[]) =>
	summariseLocality(drifts.map((drift) => tokenLocalities(bells(drift), 'energy')));
const distribution: DistributionRows = {
	all: names,
	projectors: [
		{ name: 'c-abs', tokens: 36, summary: summary([0, 0.1, 0.2]) },
		{ name: 'resampler', tokens: 36, summary: summary([0.8, 1.2, 1]) }
	]
};
const sample = (head: number, x: number, y: number, weight: number): Sample => ({
	...{ layer: 0, head, point: 0, token: 1, referenceX: 3, referenceY: 1, x, y, weight },
	...{ offsetX: x - 3, offsetY: y - 1, outside: x > 4 }
});
const sampling: SamplingRows = {
	side: 4,
	tokens: 4,
	image,
	samples: [sample(0, 3.5, 1, 0.8), sample(1, 2, 2.5, 0.1), sample(1, 4.5, 0.5, 0.4)]
};
const similarity: SimilarityRows = {
	...{ a: 'c-abs', b: 'd-abs', tokensA: 2, tokensB: 3, cka: 0.75, mean: 0.6 },
	cosine: Float32Array.of(0.9, -0.2, 0, 0.1, 0.3, -0.8),
	partner: Int32Array.of(0, 1)
};
const embedding: EmbeddingRows = {
	colour: 'place',
	axes: [
		{ component: 1, explained: 0.42 },
		{ component: 2, explained: 0.17 }
	],
	columns: [
		{ name: 'A: C-Abstractor, M = 4', colour: '#E69F00' },
		{ name: 'B: Resampler, M = 4', colour: '#009E73' }
	],
	pictures: [image],
	points: Array.from({ length: 8 }, (_, i) => ({
		...{ column: Math.floor(i / 4), image: 0, token: i % 4, norm: 1 + i },
		...{ x: Math.cos(i), y: Math.sin(2 * i) },
		...(i < 4 && {
			place: [0.25 + 0.5 * (i % 2), i < 2 ? 0.25 : 0.75] as const,
			grid: { rows: 2, columns: 2 }
		}),
		...{ words: ['car', 'red'], cosine: 0.3 }
	})),
	words: [{ word: 'car', x: 0.2, y: 0.4, count: 8 }]
};
const sweepRows: SweepRows = {
	...{ projectors: names, position: 'Place (patches)', value: 'Accuracy', domain: [0, 1] },
	points: names.flatMap((projector, p) =>
		[0, 1, 2].map((position) => {
			const value = 0.9 - 0.2 * p - 0.1 * p * position;
			return { projector, position, value, low: value - 0.05, high: value + 0.05 };
		})
	)
};

const said = (answer: string, truth: string | undefined, logProbability?: number) => ({
	...{ answer, truth, logProbability },
	credit: truth === undefined ? undefined : Number(answer === truth)
});
const sweepAnswersRows: SweepAnswersRows = {
	...{ projectors: names, position: 'Place (patches)', positions: [0, 1, 2] },
	lines: [
		{
			...{ projector: 'c-abs', title: 'C-Abstractor', question: 'Where is the car?' },
			cells: [
				said('top left', 'top left', -0.1),
				said('center', 'top center', -2.5),
				said('center', undefined)
			]
		},
		{
			...{ projector: 'resampler', title: 'Resampler', question: 'Where is the car?' },
			cells: [said('center', 'top left', -3), said('top center', 'top center', -0.7), undefined]
		}
	]
};
const positionRows: PositionMapRows = {
	side: 2,
	panels: ['C-Abstractor', 'Resampler'].map((title, i) => ({
		title,
		credit: Float32Array.of(1, 1 - i, 1, NaN),
		logProbability: Float32Array.of(-0.1, -0.4 - 2 * i, -0.2, NaN),
		answers: ['top left', 'top right', 'bottom left', '']
	}))
};

const density: DensityRows = { density: samplingDensity(sampling.samples, 4, 8), total: 1.3 };
const split = (head: number, meanX: number, deviation: number): OffsetSplit => ({
	...{ layer: 0, head, point: head, token: 1, meanX, meanY: 1.5, deviation, weight: 0.5 },
	...{ offsetX: meanX - 3, offsetY: 0.5 }
});
const splitRows: SplitRows = { side: 4, images: 3, image, rows: [split(0, 3.5, 0.2), split(1, 2, 0.6)] };
const initial = initialReferencePoints(4, 4);
const reference: ReferenceRows = {
	...{ side: 4, initial },
	learned: initial.map(({ x, y }, i) => ({ x: x + 0.1 * i, y: y - 0.15 * i }))
};
const gates: GateRows = {
	blocks: [
		{ name: 's1.b1', gates: Float32Array.of(0.2, 0.9, NaN, 0.5) },
		{ name: 's2.b1', gates: Float32Array.of(0.7, 0.4, 0.1, 1) }
	]
};
const stages: StageRows = {
	token: 2,
	steps: stageSteps(
		[
			{ name: 'proj.s1', map: bells() },
			{ name: 'proj.s2', map: bells(0.6) }
		],
		4,
		2
	)
};
const influence = Float32Array.of(0.5, -0.1, 0, 0.2, 0, 0.9, -0.4, 0.1);
const answer: InfluenceRows = {
	...{ words: ['A', 'red car'], tokens: 4, influence, patches: twoHops(influence, 2, bells(), 'energy') },
	...{ word: 1, label: 'Influence', unit: 'nats', signed: true, image }
};
const tower: TowerAttentionRows = {
	...{ layer: 1, query: 5, image, maps: bells().data },
	heads: [0, 1, 2, 3].map((head) => ({ distance: 1 + head / 4, toClass: 0.1 * head }))
};
const distances: AttentionDistanceRows = {
	...{ side: 4, heads: 2, images: 3, uniform: 1.86 },
	points: [0, 1, 2].flatMap((layer) =>
		[0, 1].map((head) => {
			const value = 0.6 + 0.4 * layer + 0.2 * head;
			return { layer, head, value, low: value - 0.1, high: value + 0.1, toClass: 0.05 * layer };
		})
	)
};
const heads: HeadsRows = {
	...{ word: 'car', layers: 2, heads: 2, layer: 1, head: 0, image, maps: bells(0.3).data }
};
const attended = Float32Array.of(0.1, 0.2, 0.05, 0.3, 0.02, 0.4, 0.1, 0.06);
const relevance: RelevanceRows = {
	words: [
		{ word: 'A', logProbability: -0.02, agreement: 0.4 },
		{ word: 'red car', logProbability: -1.2, agreement: 0.8 }
	],
	...{ tokens: 4, word: 1, scale: 'own', unit: 'nats', image },
	relevance: { tokens: influence, patches: twoHops(influence, 2, bells(), 'energy') },
	attention: { tokens: attended, patches: twoHops(attended, 2, bells(), 'energy') }
};
const moved = (word: string, before: number, after: number) => ({
	...{ word, from: 0, to: 1, before, after, delta: after - before }
});
const surgery: SurgeryRows = {
	pairs: [
		{ before: moved('a', -0.1, -0.2), after: moved('a', -0.1, -0.2), index: 0 },
		{ before: moved('red', -0.3, -4), after: moved('blue', -5, -0.5), index: 1 },
		{ before: moved('extraordinarily', -1, -1.5), index: 2 },
		{ after: moved('car', -2, -2.25) }
	]
};
const lens: LensRows = {
	...{ layer: 2, vocabulary: 512 },
	tokens: ['car', 'red', 'sky', 'background'].map((word, i) => ({
		words: [word, 'the'],
		probabilities: [0.9 - 0.2 * i, 0.05],
		entropy: 1 + 2 * i
	}))
};

const accuracy: AccuracyRows = {
	...{ score: 'Scenes, short answers (%)', projectors: names },
	points: [
		...[16, 36, 64].map((tokens, i) => ({
			...{ series: 'c-abs', projector: 'c-abs', origin: 'measured' as const, tokens, value: 60 + 8 * i },
			...{ low: 57 + 8 * i, high: 63 + 8 * i, answers: [50, 122, 200][i]! }
		})),
		{ series: 'resampler', projector: 'resampler', origin: 'training', tokens: 36, value: 66 },
		{ series: 'C-7B-M144', projector: 'c-abs', origin: 'published', tokens: 144, value: 70.1 },
		{ series: 'other', projector: '', origin: 'imported', tokens: 100, value: 69, low: 65, high: 73 }
	]
};

const trained: CheckpointSeriesRows = {
	...{ measure: 'Inside home (share)', most: 1, projectors: names },
	points: [100, 200, 400].flatMap((step, i) =>
		names.map((projector, p) => {
			const value = 0.3 + 0.1 * i - 0.1 * p;
			return {
				...{ step, checkpoint: `checkpoint-${step}`, projector, tokens: 36, value },
				...{ low: value - 0.05, high: value + 0.05, over: 'images' as const, n: 8 }
			};
		})
	)
};
const runTable: RunTableRows = {
	projectors: names,
	runs: [
		{
			...{ name: 'Before the change', model: 'mini', projector: 'c-abs', kind: 'c-abs', tokens: 36 },
			...{ benchmark: 'POPE', score: { name: 'accuracy', unit: '%', value: 80 }, low: 77, high: 83 },
			...{ n: 500, date: '2026-01-31', tags: ['seed 1'], notes: 'Baseline', origin: 'measured' }
		},
		{
			...{ name: 'resampler, M = 36', model: 'mini', projector: 'resampler', kind: 'resampler', tokens: 36 },
			...{ benchmark: 'POPE', score: { name: 'accuracy', unit: '%', value: 72 }, low: 68, high: 76 },
			...{ n: 400, date: '', tags: [], notes: '', origin: 'imported' }
		},
		{
			...{ name: 'Judged later', model: 'mini', projector: 'c-abs', kind: 'c-abs', tokens: 36 },
			...{ benchmark: 'MM-Vet', n: 10, date: '2026-02-01', tags: [], notes: '', origin: 'measured' }
		}
	]
};

const compared = [
	{ name: 'A: D-Abstractor, M = 4', colour: '#0072B2' },
	{ name: 'B: Resampler, M = 4', colour: '#009E73' },
	{ name: 'C: C-Abstractor, M = 4', colour: '#E69F00' }
];
const grids: CompareGridsRows = {
	...meaning,
	columns: [
		{ ...compared[0]!, map: bells() },
		{ ...compared[1]!, map: bells(0.7) },
		{ ...compared[2]!, note: 'Being computed…' }
	]
};
const comparedTokens: CompareTokensRows = {
	...{ ...meaning, image },
	tokens: [bells(), bells(0.7)].map((each, column) => ({
		...{ ...compared[column]!, map: each, column },
		locality: tokenLocalities(each, 'energy')[2]!
	}))
};
const times: StageTimesRows = {
	stages: [
		{ title: 'Vision', unit: 'ms' },
		{ title: 'Decoding', unit: 'ms per token' }
	],
	columns: [
		{
			...compared[0]!,
			times: [
				[20, 22, 21],
				[4, 4.5, 5]
			]
		},
		{ ...compared[1]!, times: [[23, 20, 26], []] }
	]
};
const pieces = ['A', ' red', ' c', 'ar'];
const scored = [
	[-0.1, -0.2, -1, -0.05],
	[-0.1, -2.5, -1.4, -0.3]
].map((scores) => scoreWords(pieces, scores));
const forced: WordScoresRows = {
	source: compared[0]!.name,
	columns: scored.map((score, column) => ({ ...compared[column]!, score }))
};
const matrix: ScoreMatrixRows = { columns: compared.slice(0, 2), scores: [scored, [undefined, scored[0]]] };

const breakdown: BreakdownRows = {
	...{ score: 'Scenes, short answers (%)', projectors: names },
	series: [
		{ name: 'c-abs, M = 36', projector: 'c-abs' },
		{ name: 'resampler, M = 36', projector: 'resampler', hollow: true }
	],
	warnings: ['relation, resampler, M = 36: of 50 answers 2 missing, 3 unread.'],
	categories: ['existence', 'relation', 'a category with a name that is too long for its place'].map(
		(name, i) => ({
			name,
			scores: [0, 1].map((series) => {
				const value = 95 - 20 * i - 5 * series;
				const counts = { missing: 2 * i * series, failed: 0, unread: 3 * i * series, drawn: 0 };
				return { series, value, low: value - 4, high: value + 3, answers: 50, counts };
			})
		})
	)
};
const differing: DifferencesRows = {
	...{ a: 'c-abs, M = 36', b: 'resampler, M = 36' },
	rows: [
		{
			...{ category: 'all answers', value: 4.5, low: 1.2, high: 7.6, p: 0.008, onlyA: 31, onlyB: 12 },
			...{ mcnemar: 0.0054, examples: 420 }
		},
		{
			...{ category: 'counting', value: -2, low: -9, high: 5, p: 0.62, onlyA: 5, onlyB: 7 },
			...{ mcnemar: 0.77, examples: 50 }
		}
	]
};

const learning: LearningRows = {
	...{ tuning: 100, score: 'Accuracy, mean over tasks (%)', group: 'M = 36' },
	lines: names.slice(0, 2).flatMap((name, n) =>
		[1, 2].map((seed) => ({
			...{ name, seed },
			points: [50, 100, 150, 200].map((step, i) => ({ step, value: 10 + 20 * i + 5 * n + 3 * seed }))
		}))
	)
};
const learned: BreakdownRows = {
	...breakdown,
	series: breakdown.series.map(({ projector }) => ({ name: projector, projector })),
	warnings: [],
	categories: breakdown.categories.map(({ name, scores }) => ({
		name,
		scores: scores.map((score) => ({ ...score, each: [score.value - 2, score.value + 2] }))
	}))
};
const flexible: TrainedTokensRows = {
	...{ score: 'Accuracy, localisation (%)', projectors: names },
	points: [16, 36, 64].flatMap((tokens, t) =>
		names.slice(0, 2).map((projector, p) => {
			const value = 55 + 15 * t - 8 * p;
			return {
				...{ projector, tokens, value, low: value - 6, high: value + 5, answers: 600 },
				seeds: [1, 2].map((seed) => ({ seed, value: value + 6 * seed - 9 }))
			};
		})
	)
};
const placed: LocalityAccuracyRows = {
	...{
		measure: 'Share inside the home cell (share)',
		score: 'Accuracy, localisation (%)',
		projectors: names
	},
	points: names.slice(0, 2).flatMap((projector, p) =>
		[16, 36].map((tokens, t) => ({
			...{ run: `${projector}-m${tokens}-s1`, projector, tokens, seed: 1 },
			...{ locality: 0.2 + 0.4 * p + 0.1 * t, accuracy: 60 + 20 * p + 5 * t }
		}))
	)
};

const latency: LatencyRows = {
	...{ stage: 'Prefill (ms)', projectors: names },
	points: [16, 36, 144].map((tokens, i) => ({
		...{ projector: names[i % 2]!, tokens, median: 10 + 8 * i, q1: 9 + 8 * i, q3: 13 + 8 * i, n: 5 }
	}))
};
const traded = [16, 36, 64, 144].map((tokens, i) => ({
	...{ series: names[i % 2]!, projector: names[i % 2]!, origin: 'measured' as const, tokens },
	...{ cost: 20 + 15 * i, costLow: 18 + 15 * i, costHigh: 24 + 15 * i, score: [60, 72, 70, 74][i]! },
	...{ low: [57, 69, 66, 71][i]!, high: [63, 75, 74, 77][i]! }
}));
const tradeoff: TradeoffRows = {
	...{ points: traded, front: [traded[0]!, traded[1]!, traded[3]!], projectors: names },
	...{ cost: 'Whole answer (ms)', score: 'Scenes, short answers (%)' }
};
const costs: CostRows = {
	...{ quantity: 'Prefill (operations)', projectors: names },
	points: [1, 16, 64].map((tokens) => ({ projector: 'c-abs', tokens, value: 2e8 + 3e6 * tokens }))
};
const checks: CheckRows = {
	...{ stage: 'Prefill', projectors: names },
	points: [16, 64].map((tokens) => ({
		...{ projector: 'c-abs', tokens, operations: 3e6 * tokens, milliseconds: 4 + tokens / 10 }
	}))
};

const grown: GrowthRows = {
	...{ stage: 'Prefill (ms)', axis: 'M, visual tokens', roots: true, projector: 'c-abs', projectors: names },
	measured: [1, 16, 36, 64].map((x) => ({ x, median: 6 + x / 4, q1: 5.5 + x / 4, q3: 7.5 + x / 4, n: 5 })),
	limits: [
		{
			...{ of: 'memory' as const, rate: 12.5e9, origin: 'measured' as const },
			points: [1, 16, 36, 64].map((x) => ({ x, milliseconds: 0.5 + x / 2000 }))
		},
		{
			...{ of: 'arithmetic' as const, rate: 90e9, origin: 'typed' as const },
			points: [1, 16, 36, 64].map((x) => ({ x, milliseconds: 2 + x / 15 }))
		}
	],
	projected: [1, 16, 36, 64].map((x) => ({ x, milliseconds: (15 * (2 + x / 15)) / 4.4 }))
};

/** Rows for every figure of the registry, by id. */
export const examples = {
	'locality-grid': map,
	'token-map': one,
	'token-patch-matrix': map,
	coverage: cover,
	'coverage-together': { ...pictured, label: 'Cover', unit: 'tokens', signed: false, sums: false },
	'difference-map': difference,
	'locality-distribution': distribution,
	'sampling-offsets': sampling,
	'token-similarity': similarity,
	'token-embedding': embedding,
	'compare-grids': grids,
	'compare-tokens': comparedTokens,
	'stage-times': times,
	'word-scores': forced,
	'score-matrix': matrix,
	sweep: sweepRows,
	'sweep-answers': sweepAnswersRows,
	'position-map': positionRows,
	'sampling-density': density,
	'offset-split': splitRows,
	'reference-points': reference,
	'stage-responses': stages,
	'channel-gates': gates,
	'answer-influence': answer,
	'tower-attention': tower,
	'attention-distance': distances,
	'attention-heads': heads,
	'word-relevance': relevance,
	'influence-together': pictured,
	'surgery-change': surgery,
	'logit-lens': lens,
	'run-table': runTable,
	'checkpoint-series': trained,
	'learning-curves': learning,
	'trained-accuracy': learned,
	'trained-tokens': flexible,
	'locality-accuracy': placed,
	'accuracy-curve': accuracy,
	'score-breakdown': breakdown,
	'paired-differences': differing,
	radar: breakdown,
	'latency-curve': latency,
	'accuracy-latency': tradeoff,
	'cost-curve': costs,
	'cost-check': checks,
	growth: grown
};
