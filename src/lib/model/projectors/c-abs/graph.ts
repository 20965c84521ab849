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
import { layerNorm, linear, parameter } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, PREFIX } from '../definition.ts';
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

/** [B, T, C] → [B, C, side, side] */
function toMap(g: Graph, x: Value, grid: Grid, channels: number): Value {
	return Reshape(g, Transpose(g, x, [0, 2, 1]), grid.shape(g, channels));
}

/** Declares a trace output in the golden files' layout, [image, C, side, side]. */
function traceMap(g: Graph, name: string, x: Value, grid: Grid, channels: number): void {
	g.output(name, toMap(g.scope(`trace/${name}`), x, grid, channels), [
		dims.image,
		channels,
		grid.side,
		grid.side
	]);
}

/**
 * timm RegNet bottleneck on tokens [B, T, C] (1×1 convolutions are matrix products; "bn" is a LayerNorm over channels):
 *
 *   x ─ conv1 1×1 ─ LN ─ SiLU ─ conv2 3×3 depthwise ─ LN ─ SiLU ─ SE ─ conv3 1×1 ─ LN ─ + ─ SiLU
 *    └────────────────────── shortcut: x, or LN(downsample 1×1) when C changes ────────┘
 *   SE: gate = sigmoid(fc2(SiLU(fc1(mean over the grid)))), reduced width round(C_in / 4)
 */
function block(
	g: Graph,
	x: Value,
	state: StateDict,
	key: string,
	trace: string,
	grid: Grid,
	C: number,
	D: number
): Value {
	const conv1x1 = (name: string, input: Value, from: number) => {
		const scope = g.scope(name);
		const y = linear(scope, input, state, `${key}.${name}.conv`, {
			in: from,
			out: D,
			bias: false,
			stored: [D, from, 1, 1]
		});
		return layerNorm(scope, y, state, `${key}.${name}.bn`, D, NORM_EPSILON);
	};
	const a = SiLU(g.scope('conv1'), conv1x1('conv1', x, C));
	traceMap(g, `${trace}.conv1_norm_act`, a, grid, D);

	const conv2 = g.scope('conv2');
	const kernel = parameter(conv2, state, `${key}.conv2.conv.weight`, [D, 1, 3, 3]);
	const convolved = Conv(conv2, toMap(conv2, a, grid, D), kernel, { kernel: 3, pad: 1, group: D });
	const tokens = Transpose(
		conv2.scope('tokens'),
		Reshape(conv2.scope('tokens'), convolved, [0, D, -1]),
		[0, 2, 1]
	);
	const b = SiLU(conv2, layerNorm(conv2, tokens, state, `${key}.conv2.bn`, D, NORM_EPSILON));
	traceMap(g, `${trace}.conv2_norm_act`, b, grid, D);

	const se = g.scope('se');
	const R = squeezedWidth(C);
	const mean = ReduceMean(se, b, [1]);
	const squeezed = linear(se, mean, state, `${key}.se.fc1`, { in: D, out: R, stored: [R, D, 1, 1] });
	const excited = linear(se, SiLU(se, squeezed), state, `${key}.se.fc2`, {
		in: R,
		out: D,
		stored: [D, R, 1, 1]
	});
	const c = Mul(se, b, Sigmoid(se, excited));
	traceMap(g, `${trace}.se`, c, grid, D);

	const d = conv1x1('conv3', c, D);
	traceMap(g, `${trace}.conv3_norm`, d, grid, D);
	const shortcut = C === D ? x : conv1x1('downsample', x, C);
	traceMap(g, `${trace}.shortcut`, shortcut, grid, D);
	const out = SiLU(g, Add(g, d, shortcut));
	traceMap(g, trace, out, grid, D);
	return out;
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
	let x = g.input('visual_features', 'float32', [dims.image, N, E]);
	const pooling = g.input('pooling_matrix', 'float32', [dims.visual_token, N]);
	if (config.prenorm) x = layerNorm(g, x, state, `${PREFIX}.prenorm`, E, 1e-6);
	if (config.pos_emb)
		x = addPositions(g, x, state, `${PREFIX}.pos_emb`, { tokens: N, width: E }, { oldClsRow: true });

	const patches: Grid = { shape: (s, C) => s.ints([0, C, side, side]), tokens: N, side };
	const visual: Grid = { shape: runtimeShape(g, pooling), tokens: dims.visual_token, side: 'visual_side' };
	const stage = (index: 1 | 2, input: Value, grid: Grid, width: number) => {
		let y = input;
		for (let j = 1; j <= depth; j++)
			y = block(
				g.scope(`s${index}/b${j}`),
				y,
				state,
				`${PREFIX}.net.${2 * (index - 1)}.b${j}`,
				`proj.s${index}.b${j}`,
				grid,
				j === 1 ? width : D,
				D
			);
		return y;
	};
	const width = depth > 0 ? D : E;
	x = stage(1, x, patches, E);
	traceMap(g, 'proj.s1', x, patches, width);
	x = MatMul(g.scope('sampler'), pooling, x);
	traceMap(g, 'proj.sampler', x, visual, width);
	x = stage(2, x, visual, D);
	traceMap(g, 'proj.s2', x, visual, width);

	for (let j = 0; j < config.mlp_depth; j++) {
		const readout = g.scope('readout');
		if (j > 0) {
			x = SiLU(readout.scope(2 * j - 1), x);
			g.output(`proj.readout.${2 * j - 1}`, x, [dims.image, dims.visual_token, O]);
		}
		x = linear(readout, x, state, `${PREFIX}.readout.${2 * j}`, { in: j === 0 ? width : O, out: O });
		g.output(`proj.readout.${2 * j}`, x, [dims.image, dims.visual_token, O]);
	}
	declareOutput(g, appendTokens(g, x, state, `${PREFIX}.eos_tokens`, K, O), 'visual_embed', O);
	return g;
}

/** Shape [0, C, m, m] from M rows of the pooling matrix. */
function runtimeShape(g: Graph, pooling: Value): Grid['shape'] {
	const scope = g.scope('visual_side');
	const M = Cast(scope, Shape(scope, pooling, 0, 1), 'float32');
	const half = scope.constant({ dtype: 'float32', dims: [1], data: Float32Array.of(0.5) });
	const m = Cast(scope.scope('int'), Floor(scope, Add(scope, Sqrt(scope, M), half)), 'int64');
	return (s, C) => Concat(s.scope('shape'), [s.ints([0, C]), m, m], 0);
}
