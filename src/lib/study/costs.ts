import type { AccuracyRows, TradeoffPoint, TradeoffRows } from '../analysis/score-rows.ts';
import { quantiles } from '../analysis/statistics.ts';
import { cacheBytes, stageCosts, type CostInputs, type StageCost } from '../benchmarks/cost.ts';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import { paretoFront } from '../benchmarks/pareto.ts';
import { published } from '../benchmarks/published.ts';
import type { ScoredRun } from '../benchmarks/run/scored.ts';
import { chooseTargets, tokensOf, type TargetChoice } from '../benchmarks/run/target.ts';
import { gridSide } from '../model/config.ts';
import { networksOf, type ModelManifest } from '../model/manifest.ts';
import { patchCount } from '../model/patch-grid.ts';
import type { ImageInput } from '../model/runtime/types.ts';
import type { Answerer } from './answerer.ts';
import type { Control } from './control.ts';
import { required, type FigureStudy, type Work } from './figure-study.ts';
import { accuracyRows, kindsOf, scoreName } from './run-scores.ts';
import type { Subject } from './subject.ts';
import { tokensOf as tokensIn } from './tokens.ts';
import { viewsOf } from './views.ts';
import { timeStages, TIMED_QUESTION, TIMED_RUNS, TIMED_TOKENS, type WarmTimes } from './timing.ts';

/** Stages whose time is drawn against M, with their words in figures. */
export const stages = {
	vision: 'Vision tower',
	projector: 'Projector',
	prefill: 'Prefill',
	decode_per_token: 'Decoding, a token',
	whole: 'Whole answer'
} as const;
export type CostStage = keyof typeof stages;

/** Warm times of one projector at one M. */
export interface Timing extends TargetChoice, Pick<WarmTimes, 'ms'> {
	/** Operations that the cost model counts for the same prompt. */
	readonly operations: StageCost;
}

interface AtTokens {
	readonly projector: string;
	/** M */
	readonly tokens: number;
}

/** Rows of the figure cost-curve. */
export interface CountRows {
	readonly quantity: string;
	readonly points: readonly (AtTokens & { readonly value: number })[];
	/** Every projector of the model, for the colours. */
	readonly projectors: readonly string[];
}

/** Rows of the figure latency-curve: milliseconds, median and quartiles of n runs. */
export interface TimeRows {
	readonly stage: string;
	readonly points: readonly (AtTokens & Spread)[];
	readonly projectors: readonly string[];
}

/** Rows of the figure cost-check. */
export interface CountedTimeRows {
	readonly stage: string;
	readonly points: readonly (AtTokens & { readonly operations: number; readonly milliseconds: number })[];
	readonly projectors: readonly string[];
}

/** Warm times of one answer by every target, in rounds. @throws as `timeStages` */
export async function timeTargets(
	answerer: Pick<Answerer, 'answer'>,
	manifest: ModelManifest,
	targets: readonly TargetChoice[],
	asked: { readonly image: ImageInput; readonly question: string },
	control: Control = {}
): Promise<Timing[]> {
	const times = await timeStages(
		targets.map(({ projector, tokens }) => ({ answerer, projector, tokens, ...asked })),
		control
	);
	return targets.map(({ projector, tokens }, i): Timing => {
		const { ms, prompt_positions } = times[i]!;
		const { num_eos_tokens, config } = manifest.projectors[projector]!;
		const seen = viewsOf(manifest, asked.image);
		const views = seen.length;
		// Where pictures decide, this one does.
		const M = tokensIn(manifest, manifest.projectors[projector]!, seen[0]!, tokens);
		const operations = stageCosts({
			vision_config: manifest.config.vision_config,
			text_config: manifest.config.text_config,
			projector_config: config,
			tokens: M,
			patches: patchCount(manifest.config.vision_config, seen[0]),
			views,
			text_tokens: prompt_positions - views * (M + num_eos_tokens)
		});
		return { projector, tokens, ms, operations };
	});
}

export const quantities = {
	vision: 'Vision tower (operations)',
	projector: 'Projector (operations)',
	prefill: 'Prefill (operations)',
	decode_per_token: 'Decoding, a token (operations)',
	whole: `An answer of ${TIMED_TOKENS} tokens (operations)`,
	memory: 'Memory (bytes)'
} as const;
export type Quantity = keyof typeof quantities;

/** Text around the image that the curves are computed for, positions. */
export const TEXT = 64;

/** What pictures the curves are computed for, where these differ. */
const ofPictures: Readonly<Record<ModelManifest['views'], string>> = {
	one: '',
	tiles: ', a picture of one view',
	sizes: ', the largest square picture',
	several: ', one view'
};

/** What every projector costs at every M that it can be run at. */
export function costRows(manifest: ModelManifest, quantity: Quantity): CountRows {
	const { vision_config, text_config } = manifest.config;
	const { kinds, kindOf } = kindsOf(manifest);
	const points = Object.entries(manifest.projectors).flatMap(([projector, { config }]) =>
		tokensOf(manifest, projector).map((tokens) => {
			const inputs = { vision_config, text_config, projector_config: config, tokens, text_tokens: TEXT };
			return {
				projector: kindOf(projector),
				tokens,
				value: quantity === 'memory' ? memory(manifest, projector, inputs) : operations(inputs, quantity)
			};
		})
	);
	return {
		quantity: `${quantities[quantity]}, ${TEXT} positions of text${ofPictures[manifest.views]}`,
		points,
		projectors: kinds
	};
}

function operations(inputs: CostInputs, quantity: Exclude<Quantity, 'memory'>): number {
	const costs = stageCosts(inputs);
	return quantity === 'whole'
		? costs.vision + costs.projector + costs.prefill + (TIMED_TOKENS - 1) * costs.decode_per_token
		: costs[quantity];
}

/** Weights of the graphs that an answer through this projector needs, keys and values of the prompt, features of the patches. */
function memory(manifest: ModelManifest, projector: string, inputs: CostInputs): number {
	const { vision, embedding, language } = manifest.graphs;
	const used = new Set(
		[vision, embedding, ...language, ...networksOf(manifest.projectors[projector]!)].flatMap(
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
interface Spread {
	readonly median: number;
	readonly q1: number;
	readonly q3: number;
	/** Runs. */
	readonly n: number;
}

function spread(ms: readonly number[]): Spread {
	const [q1, median, q3] = quantiles(ms, [0.25, 0.5, 0.75]);
	return { median: median!, q1: q1!, q3: q3!, n: ms.length };
}

export function latencyRows(
	timings: readonly Timing[],
	stage: CostStage,
	projectors: readonly string[]
): TimeRows {
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
	stage: Exclude<CostStage, 'whole'>,
	projectors: readonly string[]
): CountedTimeRows {
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
	{ points: scored, score, most, projectors }: AccuracyRows,
	timings: readonly Timing[]
): TradeoffRows {
	const points = scored.flatMap((point): TradeoffPoint[] => {
		const timed = timings.find(
			({ projector, tokens }) => projector === point.projector && tokens === point.tokens
		);
		if (!timed || (point.origin !== 'measured' && point.origin !== 'training')) return [];
		const { median, q1, q3 } = spread(timed.ms.whole);
		return [{ ...point, cost: median, costLow: q1, costHigh: q3, score: point.value }];
	});
	return {
		...{ points, front: paretoFront(points), cost: 'Whole answer (ms)', score, projectors },
		...(most !== undefined && { most })
	};
}

/** Scores of imported results against the tokens of an average question, where their files have counted them. */
export function importedTradeoff(
	benchmark: Benchmark,
	runs: readonly ScoredRun[],
	projectors: readonly string[]
): TradeoffRows {
	const counted = runs.filter(({ source, report }) => source?.tokens && report.scores.length > 0);
	const whole = counted.every(({ source }) => source?.tokens?.input !== undefined);
	const points = counted.map(
		({ title, projector, tokens, source, report, interval, results }): TradeoffPoint => {
			const { input = 0, output } = source!.tokens!;
			return {
				...{ series: title, projector, origin: 'imported', answers: results.length },
				...{ cost: whole ? input + output : output, score: report.scores[0]!.value },
				...(tokens !== undefined && { tokens }),
				...(interval && { low: interval.low, high: interval.high })
			};
		}
	);
	return {
		...{ points, front: paretoFront(points), projectors, score: scoreName(benchmark, counted) },
		cost: whole ? 'Tokens of prompt and answer' : 'Tokens of the answer'
	};
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

interface MeasuredTimes {
	readonly subject: Subject;
	readonly question: string;
	/** By kind. */
	readonly timings: readonly Timing[];
}

/** Times of every projector at its own M, or of the columns. */
async function measureTimes(
	work: Work,
	control: Control,
	targets = (manifest: ModelManifest): readonly TargetChoice[] =>
		work.columns?.map(({ subject: { projector, tokens } }) => ({ projector, tokens })) ??
		chooseTargets(manifest, undefined, 'own')
): Promise<MeasuredTimes> {
	const subject = required(work.subject, 'image');
	const { manifest, image } = subject;
	const { question = TIMED_QUESTION } = work;
	const { id, bytes, name } = image;
	const timings = await timeTargets(
		required(work.answerer, 'model'),
		manifest,
		targets(manifest),
		{ image: { id, bytes, name }, question },
		control
	);
	const { kindOf } = kindsOf(manifest);
	return {
		...{ subject, question },
		timings: timings.map((timing) => ({ ...timing, projector: kindOf(timing.projector) }))
	};
}

const timedProvenance = ({ subject: { manifest, backend, image }, question }: MeasuredTimes) =>
	`${manifest.name} · ${image.name}, “${question}” · ${manifest.dtype} on ${backend.backend} · batch 1, greedy`;

/** What figures of times have in common. */
const ofTimes = {
	page: 'benchmarks',
	needs: ['model', 'image'],
	choices: ['stage'],
	slow: true,
	measure: (work, _choices, control) => measureTimes(work, control)
} as const satisfies Omit<FigureStudy<MeasuredTimes, unknown>, 'show'>;

export const latencyCurveStudy: FigureStudy<MeasuredTimes, TimeRows> = {
	...ofTimes,
	show: (measured, { stage }) => ({
		rows: latencyRows(measured.timings, stage, kindsOf(measured.subject.manifest).kinds),
		provenance: timedProvenance(measured),
		method: `median of ${TIMED_RUNS} runs, quartiles`
	})
};

export const costCheckStudy: FigureStudy<MeasuredTimes, CountedTimeRows> = {
	...ofTimes,
	show: (measured, { stage }) => ({
		rows: checkRows(
			measured.timings,
			stage === 'whole' ? 'prefill' : stage,
			kindsOf(measured.subject.manifest).kinds
		),
		provenance: timedProvenance(measured),
		method: `median of ${TIMED_RUNS} runs`
	})
};

export const costCurveStudy: FigureStudy<ModelManifest, CountRows> = {
	page: 'benchmarks',
	needs: ['model'],
	choices: ['quantity'],
	measure: (work) => Promise.resolve(required(work.model, 'model').manifest),
	show: (manifest, { quantity }) => ({
		rows: costRows(manifest, quantity),
		provenance: `${manifest.name} · computed from its config`
	})
};

interface MeasuredTradeoff extends MeasuredTimes {
	readonly runs: readonly ScoredRun[];
}

/** The runs' scores against the times of their projectors. */
export const accuracyLatencyStudy: FigureStudy<MeasuredTradeoff, TradeoffRows> = {
	page: 'benchmarks',
	needs: ['model', 'image', 'run'],
	choices: [],
	slow: true,
	async measure(work, _choices, control) {
		const runs = required(work.runs, 'run');
		const measured = await measureTimes(work, control, ({ projectors }) =>
			runs.flatMap(({ projector, tokens }) =>
				tokens !== undefined && Object.hasOwn(projectors, projector) ? [{ projector, tokens }] : []
			)
		);
		return { ...measured, runs };
	},
	show(measured) {
		const { runs, timings, subject } = measured;
		const kinds = kindsOf(subject.manifest);
		const benchmark = required(runs[0], 'run').benchmark;
		return {
			rows: tradeoffRows(accuracyRows(benchmark, runs, [], kinds), timings),
			provenance: timedProvenance(measured),
			method: `median of ${TIMED_RUNS} runs, quartiles`
		};
	}
};
