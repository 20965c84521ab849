import type { GrowthRows } from '../analysis/growth-rows.ts';
import { quantiles } from '../analysis/statistics.ts';
import {
	cacheBytes,
	languageWeights,
	stageCosts,
	visionWeights,
	type CostInputs
} from '../benchmarks/cost.ts';
import { tokensOf } from '../benchmarks/run/target.ts';
import { networksOf, type GraphFiles, type ModelManifest } from '../model/manifest.ts';
import { patchCount } from '../model/patch-grid.ts';
import type { MachineLimits } from '../model/runtime/limits.ts';
import { greedy } from '../model/runtime/sampling.ts';
import { InputError } from '../tensor/errors.ts';
import type { Answerer } from './answerer.ts';
import { ask } from './ask.ts';
import type { Choices } from './choices.ts';
import type { Control } from './control.ts';
import { stages, type CostStage } from './costs.ts';
import { required, type FigureStudy } from './figure-study.ts';
import { questionRequest } from './question.ts';
import { kindsOf } from './run-scores.ts';
import type { Subject } from './subject.ts';
import { timeStages, TIMED_QUESTION, TIMED_RUNS, TIMED_TOKENS, type TimedTarget } from './timing.ts';

/** What time grows along, as axes name it. Layers and width are those of what the stage runs through. */
export const growthAxes = {
	tokens: 'M, visual tokens',
	positions: 'Positions of the prompt',
	layers: 'Layers',
	width: 'Width'
} as const;
export type GrowthAxis = keyof typeof growthAxes;

/** What a stage's time can be drawn along: the tower reads no prompt, and a projector's layers are its own. */
export function axesOf(stage: CostStage): readonly GrowthAxis[] {
	if (stage === 'projector') return ['tokens'];
	return stage === 'vision' ? ['tokens', 'layers', 'width'] : ['tokens', 'positions', 'layers', 'width'];
}

/** A timed answer: M and the positions of its prompt, with milliseconds of every run. */
export interface GrowthTiming {
	readonly tokens: number;
	readonly positions: number;
	readonly ms: Readonly<Record<CostStage, readonly number[]>>;
}

/** What is measured for the figure. */
export interface MeasuredGrowth {
	readonly subject: Subject;
	readonly question: string;
	/** Absent where both were typed in. */
	readonly limits?: MachineLimits;
	/** Of one question at several M, the subject's own among them. */
	readonly byTokens: readonly GrowthTiming[];
	/** Of longer and longer questions at the subject's own M. */
	readonly byPositions: readonly GrowthTiming[];
}

/** M that are timed at most. */
const MOST_TOKENS = 6;
/** Positions up to which longer questions are timed: a figure should not take minutes. */
const MOST_POSITIONS = 2048;
/** Factors on the model's own layers and width. */
const FACTORS = [0.25, 0.5, 1, 1.5, 2, 3, 4];

/** What is measured beside the subject's own time. */
interface GrowthWanted {
	readonly limits: boolean;
	/** Other M. */
	readonly tokens: boolean;
	/** Longer prompts. */
	readonly positions: boolean;
}

/** All of it. */
export const wholeGrowth: GrowthWanted = { limits: true, tokens: true, positions: true };

/** Times of the subject's projector at several M and after several prompts, and what the machine can do. @throws as `Answerer` */
export async function measureGrowth(
	answerer: Pick<Answerer, 'answer' | 'limits'>,
	subject: Subject,
	question: string,
	wanted: GrowthWanted,
	control: Control = {}
): Promise<MeasuredGrowth> {
	const { manifest, projector, tokens: own } = subject;
	const { id, bytes, name } = subject.image;
	const seen = { projector, image: { id, bytes, name } };
	const limits = wanted.limits ? await answerer.limits({}, { signal: control.signal }) : undefined;
	const others = wanted.tokens && subject.entry.tokens_by !== 'picture';
	const chosen = others ? spread(tokensOf(manifest, projector), own) : [own];
	const questions = wanted.positions
		? await longerQuestions(answerer, subject, question, control.signal)
		: [];
	const target = (tokens: number, asked: string): TimedTarget => {
		// Its own M as the subject asks for it, which names none where the picture decides.
		const M = tokens === own ? subject.request.tokens : tokens;
		return { answerer, question: asked, ...seen, ...(M !== undefined && { tokens: M }) };
	};
	const times = await timeStages(
		[...chosen.map((M) => target(M, question)), ...questions.map((asked) => target(own, asked))],
		control
	);
	const timing = (i: number, tokens: number): GrowthTiming => ({
		...{ tokens, positions: times[i]!.prompt_positions, ms: times[i]!.ms }
	});
	const byTokens = chosen.map((tokens, i) => timing(i, tokens));
	return {
		...{ subject, question, byTokens, ...(limits && { limits }) },
		byPositions: [
			byTokens.find(({ tokens }) => tokens === own)!,
			...questions.map((_, i) => timing(chosen.length + i, own))
		]
	};
}

/** Few of many M, even in √M, the model's own and both ends among them. */
function spread(all: readonly number[], own: number): number[] {
	const [low, high] = [Math.sqrt(all[0] ?? own), Math.sqrt(all.at(-1) ?? own)];
	const wanted = Array.from(
		{ length: MOST_TOKENS - 1 },
		(_, i) => low + ((high - low) * i) / (MOST_TOKENS - 2)
	);
	const nearest = (root: number) =>
		all.reduce(
			(best, M) => (Math.abs(Math.sqrt(M) - root) < Math.abs(Math.sqrt(best) - root) ? M : best),
			own
		);
	return [...new Set([own, ...wanted.map(nearest)])].sort((a, b) => a - b);
}

/** The question again and again, so that the prompt has twice, four, … times as many positions, as far as the model's context goes. */
async function longerQuestions(
	answerer: Pick<Answerer, 'answer'>,
	{ manifest, request }: Subject,
	question: string,
	signal: AbortSignal | undefined
): Promise<string[]> {
	const { view: _one, ...seen } = request;
	const repeated = (times: number) => new Array<string>(times).fill(question).join(' ');
	const lengthOf = async (asked: string) => {
		const sampling = { ...greedy, max_new_tokens: 1 };
		const { prompt_ids } = await ask(answerer, { ...questionRequest(seen, asked), sampling }, { signal });
		return prompt_ids.length;
	};
	const [once, twice] = [await lengthOf(question), await lengthOf(repeated(2))];
	const each = Math.max(1, twice - once);
	const most = Math.min(manifest.config.text_config.max_position_embeddings - TIMED_TOKENS, MOST_POSITIONS);
	const asked: string[] = [];
	for (let positions = 2 * once; positions <= most; positions *= 2)
		asked.push(repeated(1 + Math.floor((positions - once) / each)));
	return asked;
}

/** What the stages ask of the machine: operations, and bytes that come from memory. */
interface Demand {
	readonly operations: number;
	readonly bytes: number;
}

/** Bytes of the weights of graphs, as they are stored. */
function stored({ files }: ModelManifest, graphs: readonly GraphFiles[]): number {
	const used = new Set(graphs.flatMap(({ weights }) => weights));
	return files.reduce((sum, { path, size }) => sum + (used.has(path) ? size : 0), 0);
}

/**
 * Operations and bytes of each stage. Weights are read once, of a model with other layers or another width in proportion to the stored
 * ones; decoding reads keys and values, the prompt writes them. Activations are not counted: they may stay in caches.
 */
function demands(manifest: ModelManifest, projector: string, inputs: CostInputs): Record<CostStage, Demand> {
	const operations = stageCosts(inputs);
	const { vision_config, text_config } = manifest.config;
	const { vision, language } = manifest.graphs;
	const tower =
		(stored(manifest, [vision]) * visionWeights(inputs.vision_config)) / visionWeights(vision_config);
	const weights =
		(stored(manifest, language) * languageWeights(inputs.text_config)) / languageWeights(text_config);
	const cache = cacheBytes(inputs, manifest.kv_dtype === 'float16' ? 2 : 4);
	const bytes = {
		vision: tower,
		projector: stored(manifest, networksOf(manifest.projectors[projector]!)),
		prefill: weights + cache,
		decode_per_token: weights + cache
	};
	const further = TIMED_TOKENS - 1;
	const sum = (of: typeof bytes) => of.vision + of.projector + of.prefill + further * of.decode_per_token;
	const at = (stage: keyof typeof bytes): Demand => ({ operations: operations[stage], bytes: bytes[stage] });
	return {
		...{ vision: at('vision'), projector: at('projector'), prefill: at('prefill') },
		decode_per_token: at('decode_per_token'),
		whole: { operations: sum(operations), bytes: sum(bytes) }
	};
}

/** The configuration as it would be with another M, prompt, number of layers or width; heads keep their number and get wider. */
function changed(inputs: CostInputs, stage: CostStage, axis: GrowthAxis, x: number): CostInputs {
	if (axis === 'tokens') return { ...inputs, tokens: x };
	const { vision_config, text_config } = inputs;
	if (axis === 'positions') {
		const visual = (inputs.views ?? 1) * (inputs.tokens + inputs.projector_config.num_eos_tokens);
		return { ...inputs, text_tokens: x - visual };
	}
	if (axis === 'layers')
		return stage === 'vision'
			? { ...inputs, vision_config: { ...vision_config, num_hidden_layers: x } }
			: { ...inputs, text_config: { ...text_config, num_hidden_layers: x } };
	const wider = <C extends { readonly hidden_size: number; readonly intermediate_size: number }>(
		config: C
	): C => ({
		...config,
		hidden_size: x,
		intermediate_size: (config.intermediate_size * x) / config.hidden_size
	});
	return stage === 'vision'
		? { ...inputs, vision_config: wider(vision_config) }
		: {
				...inputs,
				text_config: {
					...wider(text_config),
					head_dim: (text_config.head_dim * x) / text_config.hidden_size
				}
			};
}

/** Times and limits along one axis. @throws InputError where the stage has no such axis, or a limit is known neither from here nor from the reader */
export function growthRows(
	measured: MeasuredGrowth,
	{ stage, along, bandwidth, arithmetic }: Pick<Choices, 'stage' | 'along' | 'bandwidth' | 'arithmetic'>,
	projectors: readonly string[],
	kind: string
): GrowthRows {
	const axes = axesOf(stage);
	if (!axes.includes(along))
		throw new InputError(
			`${stages[stage]} does not grow along ${along} here; choose one of ${axes.join(', ')}.`
		);
	const { subject, byTokens, byPositions, limits } = measured;
	const { manifest, projector, entry, tokens, views } = subject;
	const { vision_config, text_config } = manifest.config;
	const own = byTokens.find((timing) => timing.tokens === tokens)!;
	const inputs: CostInputs = {
		...{ vision_config, text_config, projector_config: entry.config, tokens },
		...{ patches: patchCount(vision_config, views[0]), views: views.length },
		text_tokens: own.positions - views.length * (tokens + entry.num_eos_tokens)
	};
	const part = stage === 'vision' ? vision_config : text_config;
	const here = {
		...{ tokens, positions: own.positions, layers: part.num_hidden_layers, width: part.hidden_size }
	}[along];
	const timed = along === 'tokens' ? byTokens : along === 'positions' ? byPositions : [own];
	const places = {
		tokens: byTokens.map((timing) => timing.tokens),
		positions: byPositions.map(({ positions }) => positions),
		layers: FACTORS.map((factor) => Math.max(1, Math.round(factor * here))),
		width: FACTORS.map((factor) => Math.round(factor * here))
	}[along];
	const rates = {
		memory: rateOf('bandwidth', bandwidth, limits?.bytes_per_second),
		arithmetic: rateOf('arithmetic', arithmetic, limits?.operations_per_second)
	};
	const at = (x: number): { readonly memory: number; readonly arithmetic: number } => {
		const { operations, bytes } = demands(manifest, projector, changed(inputs, stage, along, x))[stage];
		return {
			memory: (bytes / rates.memory.rate) * 1000,
			arithmetic: (operations / rates.arithmetic.rate) * 1000
		};
	};
	const bound = (x: number) => Math.max(...Object.values(at(x)));
	const xs = [...new Set(places)].sort((a, b) => a - b);
	const spreads = timed.flatMap((timing) => {
		const ms = timing.ms[stage];
		if (ms.length === 0) return [];
		const [q1, median, q3] = quantiles(ms, [0.25, 0.5, 0.75]);
		const x = along === 'tokens' ? timing.tokens : along === 'positions' ? timing.positions : here;
		return [{ x, median: median!, q1: q1!, q3: q3!, n: ms.length }];
	});
	const start = spreads.find(({ x }) => x === here)?.median;
	return {
		stage: `${stages[stage]} (ms)`,
		axis: `${growthAxes[along]}${along === 'layers' || along === 'width' ? ` of the ${stage === 'vision' ? 'vision tower' : 'language model'}` : ''}`,
		...{ roots: along === 'tokens', projector: kind, measured: spreads, projectors },
		limits: (['memory', 'arithmetic'] as const).map((of) => ({
			...{ of, ...rates[of] },
			points: xs.map((x) => ({ x, milliseconds: at(x)[of] }))
		})),
		projected:
			start === undefined ? [] : xs.map((x) => ({ x, milliseconds: (start * bound(x)) / bound(here) }))
	};
}

/** What the reader typed, in 10⁹ a second, or else what was measured. */
function rateOf(
	name: string,
	typed: number | undefined,
	measured: number | undefined
): { readonly rate: number; readonly origin: 'measured' | 'typed' } {
	if (typed !== undefined) return { rate: typed * 1e9, origin: 'typed' };
	if (measured === undefined)
		throw new InputError(`Nothing is known of the machine's ${name}: measure again.`);
	return { rate: measured, origin: 'measured' };
}

/** How latency grows, beside what the machine allows. */
export const growthStudy: FigureStudy<MeasuredGrowth, GrowthRows> = {
	page: 'benchmarks',
	needs: ['model', 'image'],
	choices: ['stage', 'along', 'bandwidth', 'arithmetic'],
	slow: true,
	measure: (work, { along, bandwidth, arithmetic }, control) =>
		measureGrowth(
			required(work.answerer, 'model'),
			required(work.subject, 'image'),
			work.question ?? TIMED_QUESTION,
			{
				limits: bandwidth === undefined || arithmetic === undefined,
				tokens: along === 'tokens',
				positions: along === 'positions'
			},
			control
		),
	show(measured, choices) {
		const { subject, question } = measured;
		const { manifest, projector } = subject;
		const { kinds, kindOf } = kindsOf(manifest);
		return {
			rows: growthRows(measured, choices, kinds, kindOf(projector)),
			provenance: `${subject.provenance} · “${question}” · batch 1, greedy`,
			method: `median of ${TIMED_RUNS} runs, quartiles`
		};
	}
};
