import { quantiles } from '$lib/analysis/statistics.ts';
import { cacheBytes, stageCosts, type CostInputs } from '$lib/benchmarks/cost.ts';
import { paretoFront } from '$lib/benchmarks/pareto.ts';
import { published } from '$lib/benchmarks/published.ts';
import { tokensOf } from '$lib/benchmarks/run/target.ts';
import { gridSide } from '$lib/model/config.ts';
import type { GraphFiles, ModelManifest } from '$lib/model/manifest.ts';
import type { AccuracyPoint } from '$lib/viz/accuracy-curve.ts';
import type { TradeoffPoint, TradeoffRows } from '$lib/viz/accuracy-latency.ts';
import type { CheckRows } from '$lib/viz/cost-check.ts';
import type { CostRows } from '$lib/viz/cost-curve.ts';
import type { LatencyRows } from '$lib/viz/latency-curve.ts';
import { unique } from './lists.ts';
import { stages, type TimedStage, type Timing } from './measure.ts';

export const quantities = {
	vision: 'Vision tower (operations)',
	projector: 'Projector (operations)',
	prefill: 'Prefill (operations)',
	decode_per_token: 'Decoding, a token (operations)',
	whole: 'An answer of 16 tokens (operations)',
	memory: 'Memory (bytes)'
} as const;
export type Quantity = keyof typeof quantities;

/** Text around the image that the curves are computed for, positions. */
export const TEXT = 64;
const ANSWER = 16;

/** What every projector costs at every M that it can be run at. */
export function costRows(manifest: ModelManifest, quantity: Quantity): CostRows {
	const { vision_config, text_config } = manifest.config;
	const points = Object.entries(manifest.projectors).flatMap(([projector, { config }]) =>
		tokensOf(manifest, projector).map((tokens) => {
			const inputs = { vision_config, text_config, projector_config: config, tokens, text_tokens: TEXT };
			return {
				projector: manifest.projectors[projector]!.family ?? projector,
				tokens,
				value: quantity === 'memory' ? memory(manifest, projector, inputs) : operations(inputs, quantity)
			};
		})
	);
	return {
		quantity: `${quantities[quantity]}, ${TEXT} positions of text`,
		points,
		projectors: unique(points.map(({ projector }) => projector))
	};
}

function operations(inputs: CostInputs, quantity: Exclude<Quantity, 'memory'>): number {
	const costs = stageCosts(inputs);
	return quantity === 'whole'
		? costs.vision + costs.projector + costs.prefill + (ANSWER - 1) * costs.decode_per_token
		: costs[quantity];
}

/** Weights of the graphs that an answer through this projector needs, keys and values of the prompt, features of the patches. */
function memory(manifest: ModelManifest, projector: string, inputs: CostInputs): number {
	const { vision, embedding, language } = manifest.graphs;
	const used = new Set(
		[vision, embedding, ...language, manifest.projectors[projector]! as GraphFiles].flatMap(
			({ weights }) => weights
		)
	);
	const weights = manifest.files
		.filter(({ path }) => used.has(path))
		.reduce((sum, { size }) => sum + size, 0);
	const { vision_config } = inputs;
	return (
		weights +
		cacheBytes(inputs, manifest.kv_dtype === 'float16' ? 2 : 4) +
		4 * gridSide(vision_config) ** 2 * vision_config.hidden_size
	);
}

/** Median and quartiles. */
function spread(ms: readonly number[]): { median: number; q1: number; q3: number; n: number } {
	const [q1, median, q3] = quantiles(ms, [0.25, 0.5, 0.75]);
	return { median: median!, q1: q1!, q3: q3!, n: ms.length };
}

export function latencyRows(
	timings: readonly Timing[],
	stage: TimedStage,
	projectors: readonly string[]
): LatencyRows {
	return {
		stage: `${stages[stage]} (ms)`,
		points: timings
			.filter(({ ms }) => ms[stage].length > 0)
			.map(({ projector, tokens, ms }) => ({ projector, tokens, ...spread(ms[stage]) })),
		projectors
	};
}

export function checkRows(
	timings: readonly Timing[],
	stage: Exclude<TimedStage, 'whole'>,
	projectors: readonly string[]
): CheckRows {
	return {
		stage: stages[stage],
		points: timings
			.filter(({ ms }) => ms[stage].length > 0)
			.map(({ projector, tokens, ms, operations: of }) => ({
				...{ projector, tokens, operations: of[stage], milliseconds: spread(ms[stage]).median }
			})),
		projectors
	};
}

/** Scores against measured time of the whole answer, where both are known. */
export function tradeoffRows(
	accuracy: readonly AccuracyPoint[],
	timings: readonly Timing[],
	score: string,
	projectors: readonly string[]
): TradeoffRows {
	const points = accuracy.flatMap((point): TradeoffPoint[] => {
		const timed = timings.find(
			({ projector, tokens }) => projector === point.projector && tokens === point.tokens
		);
		if (!timed || (point.origin !== 'measured' && point.origin !== 'training')) return [];
		const { median, q1, q3 } = spread(timed.ms.whole);
		return [{ ...point, cost: median, costLow: q1, costHigh: q3, score: point.value }];
	});
	return { points, front: paretoFront(points), cost: 'Whole answer (ms)', score, projectors };
}

/** Figure 1 of the paper, as read off its plot. */
export function publishedTradeoff(): TradeoffRows {
	const points = published.figure1.points.map(
		({ model, visual_tokens, step_time, avg_n }): TradeoffPoint => ({
			...{ series: model, projector: '', origin: 'published', tokens: visual_tokens },
			...{ cost: step_time, score: avg_n }
		})
	);
	return {
		points,
		front: paretoFront(points),
		cost: published.figure1.x,
		score: published.figure1.y,
		projectors: []
	};
}
