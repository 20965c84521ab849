import { product } from '../../operations.ts';
import { defineProjector, indices, readout, type Stage } from '../definition.ts';
import { tensor } from '../../../tensor/tensor.ts';
import { poolingBins, poolingMatrix } from '../pooling.ts';
import { parseConfig, type CAbsConfig } from './config.ts';
import { cAbsGraph, squeezedWidth } from './graph.ts';

/** Blocks at N positions, mean over the bins, blocks at M positions, readout. */
function cAbsCost(config: CAbsConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, depth, mlp_depth } = config;
	const block = (positions: number, inner: number) => {
		const R = squeezedWidth(inner);
		return (
			product(positions, inner, D) +
			product(positions, 9, D) +
			2 * product(1, D, R) +
			product(positions, D, D) +
			(inner === D ? 0 : product(positions, inner, D))
		);
	};
	const stage = (positions: number, inner: number) =>
		depth === 0 ? 0 : block(positions, inner) + (depth - 1) * block(positions, D);
	const width = depth === 0 ? E : D;
	const pooling = N * width;
	const readout = product(M, width, O) + (mlp_depth - 1) * product(M, O, O);
	return stage(N, E) + pooling + stage(M, D) + readout;
}

/** The blocks of a stage, counted through: those after the pooling go on where those before it end. */
function blocks(depth: number, stage: 1 | 2): Stage[] {
	return indices(depth).map((j) => ({
		output: `proj.s${stage}.b${j + 1}`,
		title: `block ${(stage - 1) * depth + j + 1}`
	}));
}

const steps = ({ output, title }: Stage): Stage[] => [
	{ output: `${output}.conv2_norm_act`, title: `${title}, 3 × 3`, inner: true },
	{ output: `${output}.se`, title: `${title}, gate`, inner: true },
	{ output, title }
];

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
		const [before, after] = [blocks(config.depth, 1), blocks(config.depth, 2)];
		return {
			name: config.depth === 0 ? 'pool' : 'c-abs',
			description:
				config.depth === 0
					? 'pooling and a readout, no convolutions'
					: `${config.depth} convolution blocks before pooling and ${config.depth} after it, width ${config.hidden_size}`,
			cost: (N, M) => cAbsCost(config, N, M),
			graph: (state, side) => cAbsGraph(config, state, side),
			stages: [
				...before.flatMap(steps),
				{ output: 'proj.sampler', title: 'pooling' },
				...after.flatMap(steps),
				readout
			],
			gates: [...before, ...after].map(({ output, title }) => ({
				title,
				before: `${output}.conv2_norm_act`,
				after: `${output}.se`
			})),
			feeds: (M, side) => ({
				pooling_matrix: tensor('float32', [M, side * side], poolingMatrix(side, Math.sqrt(M)))
			}),
			bins: poolingBins
		};
	}
});
