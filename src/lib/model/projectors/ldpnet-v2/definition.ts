import { product } from '../../operations.ts';
import { defineProjector, readout } from '../definition.ts';
import { poolingBins } from '../pooling.ts';
import { parseConfig } from './config.ts';
import { ldpNetV2Graph } from './graph.ts';

export const ldpNetV2 = defineProjector({
	type: 'ldpnet-v2',
	goldens: [],
	variants: { 'ldpnet-v2': { title: 'LDPv2' } },
	rank: 6,
	tokensBy: 'fixed',
	places: 'grid',
	parseConfig,
	of: (config) => {
		const { encoder_hidden_size: E, output_hidden_size: O } = config;
		return {
			name: 'ldpnet-v2',
			description: 'two linear layers, mean over a 12 × 12 grid, a 3 × 3 convolution added to it',
			cost: (N, M) => product(N, E, O) + product(N, O, O) + N * O + product(M, 9, O),
			graph: (state, side) => ldpNetV2Graph(config, state, side),
			stages: [{ output: 'proj.mlp', title: 'MLP' }, { output: 'proj.pool', title: 'pooling' }, readout],
			bins: poolingBins
		};
	}
});
