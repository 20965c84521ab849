import { Graph } from '../../../onnx/graph.ts';
import { SiLU } from '../../../onnx/ops.ts';
import { dims } from '../../dims.ts';
import { layerNorm, linear } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, PREFIX } from '../definition.ts';
import type { MlpConfig } from './config.ts';

/**
 *   visual_features [image, N, E] ─ (prenorm) ─ (+ pos_emb) ─ net.0 Linear ─ SiLU ─ net.2 Linear … ─ (eos_tokens)
 *
 * depth 1 is the linear projector. M = N: one visual token for every patch.
 */
export function mlpGraph(config: MlpConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, num_eos_tokens: K, depth } = config;
	const N = side * side;
	const g = new Graph('mlp');
	let x = g.input('visual_features', 'float32', [dims.image, N, E]);
	if (config.prenorm) x = layerNorm(g, x, state, `${PREFIX}.prenorm`, E, 1e-6);
	if (config.pos_emb)
		x = addPositions(g, x, state, `${PREFIX}.pos_emb`, { tokens: N, width: E }, { oldClsRow: true });
	for (let j = 0; j < depth; j++) {
		const net = g.scope('net');
		if (j > 0) {
			x = SiLU(net.scope(2 * j - 1), x);
			g.output(`proj.net.${2 * j - 1}`, x, [dims.image, N, O]);
		}
		x = linear(net, x, state, `${PREFIX}.net.${2 * j}`, { in: j === 0 ? E : O, out: O });
		g.output(`proj.net.${2 * j}`, x, [dims.image, N, O]);
	}
	declareOutput(g, appendTokens(g, x, state, `${PREFIX}.eos_tokens`, K, O), N + K, O);
	return g;
}
