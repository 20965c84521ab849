import { Graph } from '../../../onnx/graph.ts';
import { Add, Concat, MatMul, Reshape, Slice, Transpose } from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import type { Module } from '../../module.ts';
import type { StateDict } from '../../state-dict.ts';
import { declareOutput, prenorm, projectorModule } from '../parts.ts';
import { regStage, siluReadout, traceMap, type StageGrid } from '../reg-stage.ts';
import type { DynamicCAbsConfig } from './config.ts';

/**
 * C-Abstractor for grids of any size (upstream: Kanana-1.5-v's modeling.py DynamicCAbstractor). H × W patches, N = H·W, s = 2 (`merge_size`),
 * M = N / s²; the sequence is read row by row as H × W, whatever its patches are.
 *
 *   visual_features [image, N, E] ─ (prenorm) ─ (+ pos_emb, resized to H × W)
 *     ─ stage 1: depth blocks on H×W, E → D                                                proj.s1
 *     ─ blocks of s × s patches side by side in channels, d·s² + row·s + column            proj.sampler [image, D·s², H/s, W/s]
 *     ─ stage 2: depth blocks on H/s × W/s, D·s² → D                                       proj.s2
 *     ─ readout MLP (Linear, SiLU, Linear …) ─ visual_embeds [image, M, O]
 *
 * The grid comes as inputs: `patch_grid`, `token_grid` int64 [2] (rows, columns), and the rows and columns of the positions' resizing,
 * `pos_emb_rows` [H, side], `pos_emb_columns` [W, side].
 */
export function dynamicCAbsGraph(config: DynamicCAbsConfig, state: StateDict): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, depth, merge_size: s } = config;
	const g = new Graph('dynamic-c-abs');
	const root = projectorModule(g, state);
	let x = g.input('visual_features', 'float32', [dims.image, dims.patch, E]);
	const patchGrid = g.input('patch_grid', 'int64', [2]);
	const tokenGrid = g.input('token_grid', 'int64', [2]);
	if (config.prenorm) x = prenorm(root.at('prenorm'), x, { tokens: dims.patch, width: E });
	if (config.pos_emb) x = addResizedPositions(root.at('pos_emb'), x, config);

	const gridOf = (shape: Value, rows: string, columns: string): StageGrid => ({
		shape: (scope, C) => Concat(scope.scope('shape'), [scope.ints([0, C]), shape], 0),
		rows,
		columns
	});
	const patches = gridOf(patchGrid, 'patch_row', 'patch_column');
	const visual = gridOf(tokenGrid, 'token_row', 'token_column');
	x = regStage(root, 1, x, { grid: patches, from: E, width: D, depth });
	traceMap(root, 's1', x, { grid: patches, C: D });
	x = mergeBlocks(g.scope('sampler'), x, tokenGrid, { s, D });
	const merged = D * s * s;
	traceMap(root, 'sampler', x, { grid: visual, C: merged });
	x = regStage(root, 2, x, { grid: visual, from: merged, width: D, depth });
	traceMap(root, 's2', x, { grid: visual, C: D });
	x = siluReadout(root.at('readout'), x, { from: D, out: O, depth: config.mlp_depth });
	declareOutput(root, x, { tokens: dims.visual_token, width: O });
	return g;
}

/**
 * x [B, N, E] + the table of positions, a square that is resized to the patches' grid by a matrix along each axis:
 *
 *   table [side, side·E] ─ pos_emb_rows [H, side] · ─ [H, side, E] ─ pos_emb_columns [W, side] · ─ [H, W, E] ─ [1, N, E]
 */
function addResizedPositions(module: Module, x: Value, config: DynamicCAbsConfig): Value {
	const { encoder_hidden_size: E, pos_emb_size } = config;
	const side = Math.sqrt(pos_emb_size);
	const { graph: g } = module;
	const rows = g.input('pos_emb_rows', 'float32', ['patch_row', side]);
	const columns = g.input('pos_emb_columns', 'float32', ['patch_column', side]);
	const table = module.parameter([1, pos_emb_size, E], { dims: [side, side * E] });
	const stretched = Reshape(g.scope('rows'), MatMul(g.scope('rows'), rows, table), [-1, side, E]);
	const resized = MatMul(g.scope('columns'), columns, stretched);
	const sum = Add(g, x, Reshape(g.scope('columns').scope('flat'), resized, [1, -1, E]));
	module.trace('', sum, [dims.image, dims.patch, E]);
	return sum;
}

/**
 * Space to depth: x [B, N, D] of H × W → [B, M, D·s²].
 *
 *   x ─ Reshape [B, H/s, s, W/s, s, D] ─ ᵀ [B, H/s, W/s, D, s, s] ─ Reshape [B, M, D·s²]
 */
function mergeBlocks(
	g: Graph,
	x: Value,
	tokenGrid: Value,
	{ s, D }: { readonly s: number; readonly D: number }
): Value {
	const part = (from: number) =>
		Slice(g.scope(`grid.${from}`), tokenGrid, g.ints([from]), g.ints([from + 1]), [0]);
	const shape = Concat(g.scope('shape'), [g.ints([-1]), part(0), g.ints([s]), part(1), g.ints([s, D])], 0);
	const blocks = Transpose(g, Reshape(g.scope('cut'), x, shape), [0, 1, 3, 5, 2, 4]);
	const M = Concat(g.scope('joined'), [g.ints([-1]), tokenGrid, g.ints([D * s * s])], 0);
	// Two steps, since the number of images and that of tokens are both open.
	const grid = Reshape(g.scope('channels'), blocks, M);
	return Reshape(g.scope('join'), grid, [0, -1, D * s * s]);
}
