import { Graph } from '../../../onnx/graph.ts';
import { activations } from '../../activations.ts';
import { dims } from '../../dims.ts';
import { linear } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { addPositions, appendTokens, declareOutput, prenorm, projectorModule } from '../parts.ts';
import { inputWidth, type MlpConfig } from './config.ts';

/**
 *   visual_features [image, N, E] ─ (prenorm) ─ (+ pos_emb) ─ net.0 Linear ─ SiLU (or another) ─ net.2 Linear … ─ (eos_tokens)
 *
 * depth 1 is the linear projector. M = N: one visual token for every patch.
 */
export function mlpGraph(config: MlpConfig, state: StateDict, side: number): Graph {
	const { output_hidden_size: O, num_eos_tokens: K, depth } = config;
	const E = inputWidth(config);
	const N = side * side;
	const g = new Graph('mlp');
	let x = g.input('visual_features', 'float32', [dims.image, N, E]);
	const root = projectorModule(g, state);
	if (config.prenorm) x = prenorm(root.at('prenorm'), x, { tokens: N, width: E });
	if (config.pos_emb) x = addPositions(root.at('pos_emb'), x, { tokens: N, width: E, oldClsRow: true });
	const net = root.at('net');
	const activate = activations[config.hidden_act ?? 'silu'];
	for (let j = 0; j < depth; j++) {
		if (j > 0) {
			x = activate(net.at(`${2 * j - 1}`).graph, x);
			net.trace(`${2 * j - 1}`, x, [dims.image, N, O]);
		}
		x = linear(net.at(`${2 * j}`), x, { in: j === 0 ? E : O, out: O });
		net.trace(`${2 * j}`, x, [dims.image, N, O]);
	}
	const out = appendTokens(root.at('eos_tokens'), x, { count: K, tokens: N + K, width: O });
	declareOutput(root, out, { tokens: N + K, width: O });
	return g;
}
