import { Graph } from '../../../onnx/graph.ts';
import { Add, Conv, HardSigmoid, Mul, ReduceMean, Relu, Reshape, Transpose } from '../../../onnx/ops.ts';
import type { Value } from '../../../onnx/types.ts';
import { dims } from '../../dims.ts';
import { layerNorm, linear } from '../../layers.ts';
import type { Module } from '../../module.ts';
import type { StateDict } from '../../state-dict.ts';
import { declareOutput, projectorModule, twoLayers } from '../parts.ts';
import { squeezedWidth, tokenSide, type LdpNetConfig } from './config.ts';

const NORM_EPSILON = 1e-5;

/**
 * LDP (upstream: mobilevlm/model/vision_projector.py LDPBlock; its blocks are torchvision's InvertedResidual without expansion).
 *
 *   visual_features [image, N, E] ─ mlp.1 Linear ─ GELU (exact) ─ mlp.3 Linear           proj.mlp [image, N, O]
 *     ─ block 1 (stride 1, added to its input)                                          proj.block1 [image, O, g, g]
 *     ─ block 2 (stride 2)                                                              proj.block2 [image, O, h, h]
 *     ─ row by row ─ visual_embeds [image, M, O]
 */
export function ldpNetGraph(config: LdpNetConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, num_query_tokens: M } = config;
	const N = side * side;
	const g = new Graph('ldpnet');
	const features = g.input('visual_features', 'float32', [dims.image, N, E]);
	const root = projectorModule(g, state);
	const model = root.at('model', { scope: '', trace: '' });
	const x = twoLayers(model.at('mlp'), features, { in: E, out: O, names: ['1', '3'] });
	root.trace('mlp', x, [dims.image, N, O]);

	const blockOf = (index: 1 | 2) =>
		model.at(`mb_block.${index}.block`, { scope: `block${index}`, trace: `block${index}` });
	const first = block(blockOf(1), x, { O, side, stride: 1 });
	const second = block(blockOf(2), first, { O, side, stride: 2 });
	declareOutput(root, second, { tokens: M, width: O });
	return g;
}

interface BlockOptions {
	readonly O: number;
	/** Side of the map that comes in. */
	readonly side: number;
	readonly stride: 1 | 2;
}

/**
 *   x [B, T, O] ─ 3 × 3 depthwise ─ LayerNorm ─ Hardswish        .dw
 *     ─ gates: mean over the map ─ fc1 ─ ReLU ─ fc2 ─ Hardsigmoid ─ × .se
 *     ─ 1 × 1 ─ LayerNorm                                        .pw
 *     ─ (+ x where the stride is 1)
 */
function block(module: Module, x: Value, { O, side, stride }: BlockOptions): Value {
	const out = stride === 1 ? side : tokenSide(side);
	const trace = (name: string, value: Value) => {
		const g = module.graph.scope(`trace/${name}`);
		module.trace(name, toMap(g, value, O, out), [dims.image, O, out, out]);
	};
	const norm = (at: Module, value: Value) => layerNorm(at, value, { size: O, epsilon: NORM_EPSILON });

	const depthwise = module.at('0', { scope: 'dw' });
	const { graph: g } = depthwise;
	const kernel = depthwise.at('0.weight').parameter([O, 1, 3, 3]);
	const convolved = Conv(g, toMap(g, x, O, side), kernel, { kernel: 3, stride, pad: 1, group: O });
	const flat = g.scope('tokens');
	const tokens = Transpose(flat, Reshape(flat, convolved, [0, O, out * out]), [0, 2, 1]);
	const normed = norm(depthwise.at('1'), tokens);
	const dw = Mul(g, normed, HardSigmoid(g, normed));
	trace('dw', dw);

	const gates = module.at('1', { scope: 'se' });
	const R = squeezedWidth(O);
	const mean = ReduceMean(gates.graph, dw, [1]);
	const squeezed = linear(gates.at('fc1'), mean, { in: O, out: R, stored: [R, O, 1, 1] });
	const excited = linear(gates.at('fc2'), Relu(gates.graph, squeezed), {
		in: R,
		out: O,
		stored: [O, R, 1, 1]
	});
	const se = Mul(gates.graph, dw, HardSigmoid(gates.graph, excited));
	trace('se', se);

	const pointwise = module.at('2', { scope: 'pw' });
	const mixed = linear(pointwise.at('0'), se, { in: O, out: O, bias: false, stored: [O, O, 1, 1] });
	const pw = norm(pointwise.at('1'), mixed);
	trace('pw', pw);
	const whole = stride === 1 ? Add(module.graph, pw, x) : pw;
	trace('', whole);
	return whole;
}

/** Tokens as a map: x [B, side², O] → [B, O, side, side]. */
function toMap(g: Graph, x: Value, O: number, side: number): Value {
	return Reshape(g, Transpose(g, x, [0, 2, 1]), [0, O, side, side]);
}
