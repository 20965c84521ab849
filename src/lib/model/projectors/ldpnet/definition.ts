import { product } from '../../operations.ts';
import { defineProjector, readout, type Stage } from '../definition.ts';
import { parseConfig, squeezedWidth, type LdpNetConfig } from './config.ts';
import { ldpNetGraph } from './graph.ts';

/** Two linear layers and a block at N positions, a block at M. */
function ldpNetCost(
	{ encoder_hidden_size: E, output_hidden_size: O }: LdpNetConfig,
	N: number,
	M: number
): number {
	const block = (positions: number) =>
		product(positions, 9, O) + 2 * product(1, O, squeezedWidth(O)) + product(positions, O, O);
	return product(N, E, O) + product(N, O, O) + block(N) + block(M);
}

const steps = (block: 1 | 2): Stage[] => [
	{ output: `proj.block${block}.dw`, title: `block ${block}, 3 × 3`, inner: true },
	{ output: `proj.block${block}.se`, title: `block ${block}, gate`, inner: true },
	{ output: `proj.block${block}`, title: `block ${block}` }
];

export const ldpNet = defineProjector({
	type: 'ldpnet',
	goldens: [],
	variants: { ldpnet: { title: 'LDP' } },
	rank: 7,
	tokensBy: 'fixed',
	places: 'grid',
	parseConfig,
	of: (config) => ({
		name: 'ldpnet',
		description: 'two linear layers and two depthwise convolution blocks, the second of stride 2',
		cost: (N, M) => ldpNetCost(config, N, M),
		graph: (state, side) => ldpNetGraph(config, state, side),
		stages: [{ output: 'proj.mlp', title: 'MLP' }, ...steps(1), ...steps(2), readout],
		gates: ([1, 2] as const).map((block) => ({
			title: `block ${block}`,
			before: `proj.block${block}.dw`,
			after: `proj.block${block}.se`
		}))
	})
});
