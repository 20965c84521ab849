import { product } from '../../operations.ts';
import { defineProjector, indices, readout } from '../definition.ts';
import { poolingBins } from '../pooling.ts';
import { inputWidth, parseConfig, type MlpConfig } from './config.ts';
import { mlpGraph } from './graph.ts';

/** Every layer works on all N patches; M plays no part. */
function mlpCost(config: MlpConfig, N: number): number {
	const { output_hidden_size: O, depth } = config;
	return product(N, inputWidth(config), O) + (depth - 1) * product(N, O, O);
}

export const mlp = defineProjector({
	type: 'mlp',
	goldens: ['linear', 'mlp'],
	variants: {
		mlp: { title: 'MLP', colour: '#56B4E9' },
		linear: { title: 'Linear', colour: '#CC79A7' }
	},
	rank: 4,
	tokensBy: 'fixed',
	places: 'patches',
	parseConfig,
	of: (config) => ({
		name: config.depth === 1 ? 'linear' : 'mlp',
		description: `${config.depth} linear ${config.depth === 1 ? 'layer' : 'layers'}`,
		cost: (N) => mlpCost(config, N),
		graph: (state, side) => mlpGraph(config, state, side),
		stages: [
			...indices(config.depth - 1).map((j) => ({ output: `proj.net.${2 * j}`, title: `linear ${j}` })),
			readout
		],
		bins: poolingBins
	})
});
