import { Graph } from '../../../onnx/graph.ts';
import { Add, Cast, Concat, Floor, MatMul, Shape, Sqrt } from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, prenorm, projectorModule } from '../parts.ts';
import { regStage, siluReadout, traceMap, type StageGrid } from '../reg-stage.ts';
import type { CAbsConfig } from './config.ts';

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
 * @param tower side of the tower's grid
 * @param view which of a picture's views it is for, where each has a network of its own
 */
export function cAbsGraph(config: CAbsConfig, state: StateDict, tower: number, view = 0): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, num_eos_tokens: K, depth } = config;
	const crops = config.views === 'crops';
	const side = crops && view === 0 ? 2 * tower : tower;
	const N = side * side;
	const g = new Graph('c-abs');
	const whole = projectorModule(g, state);
	const root = crops ? whole.at(view === 0 ? 'ctt' : 'ori', { scope: '', trace: '' }) : whole;
	let x = g.input('visual_features', 'float32', [dims.image, N, E]);
	const pooling = g.input('pooling_matrix', 'float32', [dims.visual_token, N]);
	if (config.prenorm) x = prenorm(root.at('prenorm'), x, { tokens: N, width: E });
	if (config.pos_emb)
		x = addPositions(root.at('pos_emb'), x, { tokens: N, width: E, oldClsRow: true, from: tower ** 2 });

	const patches: StageGrid = { shape: (s, C) => s.ints([0, C, side, side]), rows: side, columns: side };
	const visual: StageGrid = { shape: runtimeShape(g, pooling), rows: 'visual_side', columns: 'visual_side' };
	const width = depth > 0 ? D : E;
	x = regStage(root, 1, x, { grid: patches, from: E, width: D, depth });
	traceMap(root, 's1', x, { grid: patches, C: width });
	x = MatMul(g.scope('sampler'), pooling, x);
	traceMap(root, 'sampler', x, { grid: visual, C: width });
	x = regStage(root, 2, x, { grid: visual, from: D, width: D, depth });
	traceMap(root, 's2', x, { grid: visual, C: width });

	x = siluReadout(root.at('readout'), x, { from: width, out: O, depth: config.mlp_depth });
	const out = appendTokens(root.at('eos_tokens'), x, { count: K, tokens: 'visual_embed', width: O });
	declareOutput(root, out, { tokens: 'visual_embed', width: O });
	return g;
}

/**
 * The side m of the grid of visual tokens at run time, as shapes [0, C, m, m]:
 *
 *   pooling_matrix [M, N] ─ Shape ─ M ─ Sqrt ─ + 0.5 ─ Floor ─ m ─ Concat(0, C, m, m)
 */
function runtimeShape(g: Graph, pooling: Value): StageGrid['shape'] {
	const scope = g.scope('visual_side');
	const M = Cast(scope, Shape(scope, pooling, 0, 1), 'float32');
	const half = scope.constant({ dtype: 'float32', dims: [1], data: Float32Array.of(0.5) });
	const m = Cast(scope.scope('int'), Floor(scope, Add(scope, Sqrt(scope, M), half)), 'int64');
	return (s, C) => Concat(s.scope('shape'), [s.ints([0, C]), m, m], 0);
}
