/** Stages of RegNet blocks and the readout behind them: what every C-Abstractor is made of. */
import type { Graph } from '../../onnx/graph.ts';
import { Add, Conv, Mul, ReduceMean, Reshape, Sigmoid, SiLU, Transpose } from '../../onnx/ops.ts';
import type { Dim, Value } from '../../onnx/types.ts';
import { dims } from '../dims.ts';
import { layerNorm, linear } from '../layers.ts';
import type { Module } from '../module.ts';
import { product } from '../operations.ts';
import { indices, type GateUnit, type Stage } from './definition.ts';

/** timm's LayerNormAct2d, not LayerNorm2d. */
const NORM_EPSILON = 1e-5;

/** A grid of tokens: its sides for shapes, known when the graph is built or at run time. */
export interface StageGrid {
	/** int64 shape [0, C, rows, columns] for Reshape. */
	readonly shape: (g: Graph, channels: number) => Value;
	readonly rows: Dim;
	readonly columns: Dim;
}

/** Width inside a block's squeeze-and-excitation, Python's round(C / 4): halves to the even number. */
export function squeezedWidth(C: number): number {
	const quarter = C / 4;
	return quarter % 1 === 0.5 ? 2 * Math.round(quarter / 2) : Math.round(quarter);
}

/** Tokens as a map: x [B, T, C] ─ ᵀ ─ [B, C, T] ─ Reshape ─ [B, C, rows, columns]. */
function toMap(g: Graph, x: Value, grid: StageGrid, channels: number): Value {
	return Reshape(g, Transpose(g, x, [0, 2, 1]), grid.shape(g, channels));
}

/** Declares a trace output of tokens x [B, T, C] in the golden files' layout, [image, C, rows, columns]. */
export function traceMap(
	module: Module,
	name: string,
	x: Value,
	{ grid, C }: { grid: StageGrid; C: number }
): void {
	const g = module.graph.scope(`trace/${module.traceName(name)}`);
	module.trace(name, toMap(g, x, grid, C), [dims.image, C, grid.rows, grid.columns]);
}

/**
 * timm RegNet bottleneck on tokens [B, T, C] (1×1 convolutions are matrix products; "bn" is a LayerNorm over channels):
 *
 *   x ─ conv1 1×1 ─ LN ─ SiLU ─ conv2 3×3 depthwise ─ LN ─ SiLU ─ SE ─ conv3 1×1 ─ LN ─ + ─ SiLU
 *    └────────────────────── shortcut: x, or LN(downsample 1×1) when C changes ────────┘
 *   SE: gate = sigmoid(fc2(SiLU(fc1(mean over the grid)))), reduced width round(C_in / 4)
 */
function block(module: Module, x: Value, { grid, C, D }: { grid: StageGrid; C: number; D: number }): Value {
	const trace = (name: string, value: Value) => traceMap(module, name, value, { grid, C: D });
	const norm = (conv: Module, y: Value) => layerNorm(conv.at('bn'), y, { size: D, epsilon: NORM_EPSILON });
	const conv1x1 = (name: string, input: Value, from: number) => {
		const options = { in: from, out: D, bias: false, stored: [D, from, 1, 1] };
		return norm(module.at(name), linear(module.at(name).at('conv'), input, options));
	};
	const a = SiLU(module.at('conv1').graph, conv1x1('conv1', x, C));
	trace('conv1_norm_act', a);

	const conv2 = module.at('conv2');
	const { graph: g } = conv2;
	const kernel = conv2.at('conv.weight').parameter([D, 1, 3, 3]);
	const convolved = Conv(g, toMap(g, a, grid, D), kernel, { kernel: 3, pad: 1, group: D });
	const flat = g.scope('tokens');
	const tokens = Transpose(flat, Reshape(flat, convolved, [0, D, -1]), [0, 2, 1]);
	const b = SiLU(g, norm(conv2, tokens));
	trace('conv2_norm_act', b);

	const c = squeezeExcite(module.at('se'), b, { C: D, R: squeezedWidth(C) });
	trace('se', c);

	const d = conv1x1('conv3', c, D);
	trace('conv3_norm', d);
	const shortcut = C === D ? x : conv1x1('downsample', x, C);
	trace('shortcut', shortcut);
	const out = SiLU(module.graph, Add(module.graph, d, shortcut));
	trace('', out);
	return out;
}

/**
 * Squeeze-and-excitation, timm's SEModule: x [B, T, C] times a gate for every channel. R is the reduced width.
 *
 *   x ─┬─ mean over T ─ fc1 [B, 1, R] ─ SiLU ─ fc2 [B, 1, C] ─ Sigmoid ─┐
 *      └───────────────────────────────────────────────────────────── Mul ─ [B, T, C]
 */
function squeezeExcite(module: Module, x: Value, { C, R }: { C: number; R: number }): Value {
	const { graph: g } = module;
	const mean = ReduceMean(g, x, [1]);
	const squeezed = linear(module.at('fc1'), mean, { in: C, out: R, stored: [R, C, 1, 1] });
	const excited = linear(module.at('fc2'), SiLU(g, squeezed), { in: R, out: C, stored: [C, R, 1, 1] });
	return Mul(g, x, Sigmoid(g, excited));
}

interface StageOptions {
	readonly grid: StageGrid;
	/** Channels that it is given. */
	readonly from: number;
	/** Channels inside and after it. */
	readonly width: number;
	/** Blocks; none changes nothing. */
	readonly depth: number;
}

/** timm's RegStage, keys `net.0` and `net.2`, traced as `s1` and `s2`: x [B, T, from] → [B, T, width], or x itself of depth 0. */
export function regStage(
	root: Module,
	index: 1 | 2,
	x: Value,
	{ grid, from, width, depth }: StageOptions
): Value {
	const net = root.at(`net.${2 * (index - 1)}`, { scope: `s${index}`, trace: `s${index}` });
	let y = x;
	for (let j = 1; j <= depth; j++)
		y = block(net.at(`b${j}`), y, { grid, C: j === 1 ? from : width, D: width });
	return y;
}

/** Linear ─ SiLU ─ Linear …, `depth` linear layers under the names of a torch Sequential: x [B, M, from] → [B, M, out]. */
export function siluReadout(
	module: Module,
	x: Value,
	{ from, out, depth }: { readonly from: number; readonly out: number; readonly depth: number }
): Value {
	let y = x;
	for (let j = 0; j < depth; j++) {
		if (j > 0) {
			y = SiLU(module.at(`${2 * j - 1}`).graph, y);
			module.trace(`${2 * j - 1}`, y, [dims.image, dims.visual_token, out]);
		}
		y = linear(module.at(`${2 * j}`), y, { in: j === 0 ? from : out, out });
		module.trace(`${2 * j}`, y, [dims.image, dims.visual_token, out]);
	}
	return y;
}

/** Operations of a stage. */
export function regStageCost(positions: number, { from, width, depth }: Omit<StageOptions, 'grid'>): number {
	const block = (inner: number) =>
		product(positions, inner, width) +
		product(positions, 9, width) +
		2 * product(1, width, squeezedWidth(inner)) +
		product(positions, width, width) +
		(inner === width ? 0 : product(positions, inner, width));
	return depth === 0 ? 0 : block(from) + (depth - 1) * block(width);
}

/** Operations of the readout over M tokens. */
export const siluReadoutCost = (M: number, from: number, out: number, depth: number): number =>
	product(M, from, out) + (depth - 1) * product(M, out, out);

/** The blocks of a stage, counted through: those after the sampler go on where those before it end. */
export function regBlocks(depth: number, stage: 1 | 2, trace = 'proj'): Stage[] {
	return indices(depth).map((j) => ({
		output: `${trace}.s${stage}.b${j + 1}`,
		title: `block ${(stage - 1) * depth + j + 1}`
	}));
}

/** A block with the steps inside it. */
export const regSteps = ({ output, title }: Stage): Stage[] => [
	{ output: `${output}.conv2_norm_act`, title: `${title}, 3 × 3`, inner: true },
	{ output: `${output}.se`, title: `${title}, gate`, inner: true },
	{ output, title }
];

/** The gates of blocks. */
export const regGates = (blocks: readonly Stage[]): GateUnit[] =>
	blocks.map(({ output, title }) => ({ title, before: `${output}.conv2_norm_act`, after: `${output}.se` }));
