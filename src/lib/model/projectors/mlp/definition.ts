import { Graph } from '../../../onnx/graph.ts';
import { SiLU } from '../../../onnx/ops.ts';
import { dims } from '../../dims.ts';
import { layerNorm, linear } from '../../layers.ts';
import { product } from '../../operations.ts';
import type { StateDict } from '../../state-dict.ts';
import {
	addPositions,
	appendTokens,
	declareOutput,
	defineProjector,
	indices,
	PREFIX,
	readout
} from '../definition.ts';
import { poolingBins } from '../pooling.ts';
import { parseConfig, type MlpConfig } from './config.ts';

/**
 *   visual_features [image, N, E] ─ (prenorm) ─ (+ pos_emb) ─ net.0 Linear ─ SiLU ─ net.2 Linear … ─ (eos_tokens)
 *
 * depth 1 is the linear projector. M = N: one visual token for every patch.
 */
function graph(config: MlpConfig, state: StateDict, side: number): Graph {
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

/** Every layer works on all N patches; M plays no part. */
function mlpCost({ encoder_hidden_size: E, output_hidden_size: O, depth }: MlpConfig, N: number): number {
	return product(N, E, O) + (depth - 1) * product(N, O, O);
}

export const mlp = defineProjector({
	type: 'mlp',
	goldens: ['linear', 'mlp'],
	variants: {
		mlp: { title: 'MLP', colour: '#56B4E9' },
		linear: { title: 'Linear', colour: '#CC79A7' }
	},
	rank: 4,
	flexible: false,
	places: 'patches',
	parseConfig,
	of: (config) => ({
		name: config.depth === 1 ? 'linear' : 'mlp',
		description: `${config.depth} linear ${config.depth === 1 ? 'layer' : 'layers'}`,
		cost: (N) => mlpCost(config, N),
		graph: (state, side) => graph(config, state, side),
		stages: [
			...indices(config.depth - 1).map((j) => ({ output: `proj.net.${2 * j}`, title: `linear ${j}` })),
			readout
		],
		bins: poolingBins
	})
});
