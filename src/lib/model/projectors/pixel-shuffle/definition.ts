import { product } from '../../operations.ts';
import { defineProjector, readout } from '../definition.ts';
import { poolingBins } from '../pooling.ts';
import { parseConfig } from './config.ts';
import { pixelShuffleGraph } from './graph.ts';

export const pixelShuffle = defineProjector({
	type: 'pixel-shuffle',
	goldens: [],
	variants: { 'pixel-shuffle': { title: 'Pixel shuffle' } },
	rank: 5,
	tokensBy: 'fixed',
	places: 'grid',
	parseConfig,
	of: (config) => ({
		name: 'pixel-shuffle',
		description: `blocks of ${config.scale_factor} × ${config.scale_factor} patches side by side, one linear layer`,
		cost: (_N, M) =>
			product(M, config.scale_factor ** 2 * config.encoder_hidden_size, config.output_hidden_size),
		graph: (state, side) => pixelShuffleGraph(config, state, side),
		stages: [{ output: 'proj.pixel_shuffle', title: 'pixel shuffle' }, readout],
		bins: poolingBins
	})
});
