import { Graph } from '../../../onnx/graph.ts';
import {
	Add,
	Cast,
	Concat,
	Conv,
	Floor,
	MatMul,
	Mul,
	ReduceMean,
	Reshape,
	Shape,
	Sigmoid,
	SiLU,
	Sqrt,
	Transpose
} from '../../../onnx/ops.ts';
import type { Dim, Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import { layerNorm, linear } from '../../layers.ts';
import type { Module } from '../../module.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, prenorm, projectorModule } from '../parts.ts';
import type { CAbsConfig } from './config.ts';

/** timm's LayerNormAct2d, not LayerNorm2d. */
const NORM_EPSILON = 1e-5;

/** A square grid of tokens: its side for shapes, known when the graph is built (stage 1) or at run time (stage 2). */
interface Grid {
	/** int64 shape [0, C, side, side] for Reshape. */
	readonly shape: (g: Graph, channels: number) => Value;
	readonly tokens: Dim;
	readonly side: Dim;
}

/** Width inside a block's squeeze-and-excitation, Python's round(C / 4): halves to the even number. */
export function squeezedWidth(C: number): number {
	const quarter = C / 4;
	return quarter % 1 === 0.5 ? 2 * Math.round(quarter / 2) : Math.round(quarter);
}

/** Tokens as a map: x [B, T, C] ─ ᵀ ─ [B, C, T] ─ Reshape ─ [B, C, side, side]. */
function toMap(g: Graph, x: Value, grid: Grid, channels: number): Value {
	return Reshape(g, Transpose(g, x, [0, 2, 1]), grid.shape(g, channels));
}

/** Declares a trace output of tokens x [B, T, C] in the golden files' layout, [image, C, side, side]. */
function traceMap(module: Module, name: string, x: Value, { grid, C }: { grid: Grid; C: number }): void {
	const g = module.graph.scope(`trace/${module.traceName(name)}`);
	module.trace(name, toMap(g, x, grid, C), [dims.image, C, grid.side, grid.side]);
}

/**
 * timm RegNet bottleneck on tokens [B, T, C] (1×1 convolutions are matrix products; "bn" is a LayerNorm over channels):
 *
 *   x ─ conv1 1×1 ─ LN ─ SiLU ─ conv2 3×3 depthwise ─ LN ─ SiLU ─ SE ─ conv3 1×1 ─ LN ─ + ─ SiLU
 *    └────────────────────── shortcut: x, or LN(downsample 1×1) when C changes ────────┘
 *   SE: gate = sigmoid(fc2(SiLU(fc1(mean over the grid)))), reduced width round(C_in / 4)
 */
function block(module: Module, x: Value, { grid, C, D }: { grid: Grid; C: number; D: number }): Value {
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

/**
 * C-Abstractor (paper §3.2; upstream: honeybee/projectors.py CAbstractor). g = sqrt(N), m = sqrt(M).
 *
 *   visual_features [image, N, E] ─ (prenorm) ─ (+ pos_emb)
 *     ─ stage 1: depth blocks on g×g                                        proj.s1
 *     ─ pooling_matrix [M, N] · tokens                                      proj.sampler
 *     ─ stage 2: depth blocks on m×m                                        proj.s2
 *     ─ readout MLP (Linear, SiLU, Linear …) ─ (eos_tokens) ─ visual_embeds [image, M + K, O]
 *
 * With depth 0 it is average pooling and an MLP, the control without locality-aware layers.
 * Adaptive average pooling is a matrix, given at run time (`poolingMatrix`), so that M is free.
 */
export function cAbsGraph(config: CAbsConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, num_eos_tokens: K, depth } = config;
	const N = side * side;
	const g = new Graph('c-abs');
	const root = projectorModule(g, state);
	let x = g.input('visual_features', 'float32', [dims.image, N, E]);
	const pooling = g.input('pooling_matrix', 'float32', [dims.visual_token, N]);
	if (config.prenorm) x = prenorm(root.at('prenorm'), x, { tokens: N, width: E });
	if (config.pos_emb) x = addPositions(root.at('pos_emb'), x, { tokens: N, width: E, oldClsRow: true });

	const patches: Grid = { shape: (s, C) => s.ints([0, C, side, side]), tokens: N, side };
	const visual: Grid = { shape: runtimeShape(g, pooling), tokens: dims.visual_token, side: 'visual_side' };
	const stage = (index: 1 | 2, input: Value, grid: Grid, inner: number) => {
		const net = root.at(`net.${2 * (index - 1)}`, { scope: `s${index}`, trace: `s${index}` });
		let y = input;
		for (let j = 1; j <= depth; j++) y = block(net.at(`b${j}`), y, { grid, C: j === 1 ? inner : D, D });
		return y;
	};
	const width = depth > 0 ? D : E;
	x = stage(1, x, patches, E);
	traceMap(root, 's1', x, { grid: patches, C: width });
	x = MatMul(g.scope('sampler'), pooling, x);
	traceMap(root, 'sampler', x, { grid: visual, C: width });
	x = stage(2, x, visual, D);
	traceMap(root, 's2', x, { grid: visual, C: width });

	const readout = root.at('readout');
	for (let j = 0; j < config.mlp_depth; j++) {
		if (j > 0) {
			x = SiLU(readout.at(`${2 * j - 1}`).graph, x);
			readout.trace(`${2 * j - 1}`, x, [dims.image, dims.visual_token, O]);
		}
		x = linear(readout.at(`${2 * j}`), x, { in: j === 0 ? width : O, out: O });
		readout.trace(`${2 * j}`, x, [dims.image, dims.visual_token, O]);
	}
	const out = appendTokens(root.at('eos_tokens'), x, { count: K, tokens: 'visual_embed', width: O });
	declareOutput(root, out, { tokens: 'visual_embed', width: O });
	return g;
}

/**
 * The side m of the grid of visual tokens at run time, as shapes [0, C, m, m]:
 *
 *   pooling_matrix [M, N] ─ Shape ─ M ─ Sqrt ─ + 0.5 ─ Floor ─ m ─ Concat(0, C, m, m)
 */
function runtimeShape(g: Graph, pooling: Value): Grid['shape'] {
	const scope = g.scope('visual_side');
	const M = Cast(scope, Shape(scope, pooling, 0, 1), 'float32');
	const half = scope.constant({ dtype: 'float32', dims: [1], data: Float32Array.of(0.5) });
	const m = Cast(scope.scope('int'), Floor(scope, Add(scope, Sqrt(scope, M), half)), 'int64');
	return (s, C) => Concat(s.scope('shape'), [s.ints([0, C]), m, m], 0);
}
