import { defineProjector, readout } from '../definition.ts';
import { tensor } from '../../../tensor/tensor.ts';
import { poolingBins, poolingMatrix, squareSide } from '../pooling.ts';
import { regBlocks, regGates, regStageCost, regSteps, siluReadoutCost } from '../reg-stage.ts';
import { parseConfig, type CAbsConfig } from './config.ts';
import { cAbsGraph } from './graph.ts';

/** Blocks at N positions, mean over the bins, blocks at M positions, readout. */
function cAbsCost(config: CAbsConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, depth, mlp_depth } = config;
	const width = depth === 0 ? E : D;
	return (
		regStageCost(N, { from: E, width: D, depth }) +
		N * width +
		regStageCost(M, { from: D, width: D, depth }) +
		siluReadoutCost(M, width, O, mlp_depth)
	);
}

export const cAbs = defineProjector({
	type: 'c-abs',
	goldens: ['c-abs'],
	variants: {
		'c-abs': { title: 'C-Abstractor', colour: '#E69F00' },
		pool: { title: 'Average pooling' }
	},
	rank: 3,
	tokensBy: 'squares',
	places: 'grid',
	parseConfig,
	of: (config) => {
		const [before, after] = [regBlocks(config.depth, 1), regBlocks(config.depth, 2)];
		return {
			name: config.depth === 0 ? 'pool' : 'c-abs',
			description:
				config.depth === 0
					? 'pooling and a readout, no convolutions'
					: `${config.depth} convolution blocks before pooling and ${config.depth} after it, width ${config.hidden_size}`,
			cost: (N, M) => cAbsCost(config, N, M),
			graph: (state, side, view) => cAbsGraph(config, state, side, view),
			...(config.views === 'crops' && { networks: 2 }),
			stages: [
				...before.flatMap(regSteps),
				{ output: 'proj.sampler', title: 'pooling' },
				...after.flatMap(regSteps),
				readout
			],
			gates: regGates([...before, ...after]),
			feeds: (M, grid) => {
				const side = squareSide(grid);
				return { pooling_matrix: tensor('float32', [M, side * side], poolingMatrix(side, Math.sqrt(M))) };
			},
			bins: poolingBins
		};
	}
});
