import { Graph } from '../../../onnx/graph.ts';
import { Add, Conv, MatMul, Reshape, Transpose } from '../../../onnx/ops.ts';
import { dims } from '../../dims.ts';
import { computed } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { declareOutput, projectorModule, twoLayers } from '../parts.ts';
import { poolingMatrix } from '../pooling.ts';
import { SIDE, type LdpNetV2Config } from './config.ts';

/**
 * LDPv2 (upstream: mobilevlm/model/vision_projector.py FeatureIRLayer, TokenDownLayer, PosInjectLayer).
 *
 *   visual_features [image, N, E] ─ mlp.0 Linear ─ GELU (exact) ─ mlp.2 Linear                        proj.mlp [image, N, O]
 *     ─ mean over the bins of a 12 × 12 grid, as a matrix [144, N]                                    proj.pool [image, 144, O]
 *     ─┬─ 3 × 3 depthwise with bias on the 12 × 12 map ─ Add ─ visual_embeds [image, 144, O]
 *      └───────────────────────────────────────────────┘
 */
export function ldpNetV2Graph(config: LdpNetV2Config, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, num_query_tokens: M } = config;
	const N = side * side;
	const g = new Graph('ldpnet-v2');
	const features = g.input('visual_features', 'float32', [dims.image, N, E]);
	const root = projectorModule(g, state);
	const mlp = root.at('mlp.mlp', { scope: 'mlp', trace: 'mlp' });
	const x = twoLayers(mlp, features, { in: E, out: O });
	root.trace('mlp', x, [dims.image, N, O]);

	const pool = root.at('pool');
	const pooled = MatMul(
		pool.graph,
		computed(pool, [M, N], () => poolingMatrix(side, SIDE)),
		x
	);
	root.trace('pool', pooled, [dims.image, M, O]);

	const peg = root.at('peg.peg.0', { scope: 'peg' });
	const map = Reshape(peg.graph, Transpose(peg.graph, pooled, [0, 2, 1]), [0, O, SIDE, SIDE]);
	const mixed = Conv(peg.graph, map, peg.at('weight').parameter([O, 1, 3, 3]), {
		...{ kernel: 3, pad: 1, group: O },
		bias: peg.at('bias').parameter([O])
	});
	const out = peg.graph.scope('out');
	const tokens = Transpose(out, Reshape(out, Add(peg.graph, mixed, map), [0, O, M]), [0, 2, 1]);
	declareOutput(root, tokens, { tokens: M, width: O });
	return g;
}
