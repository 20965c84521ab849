import { resamplerAttention, type HeadChoice } from '../../../analysis/attention-maps.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { attend, product } from '../../operations.ts';
import { defineProjector, indices, readout, type Stage } from '../definition.ts';
import { parseConfig, type ResamplerConfig } from './config.ts';
import { resamplerGraph } from './graph.ts';

/** Queries attend to themselves and all patches. */
function resamplerCost(config: ResamplerConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, intermediate_size: F } = config;
	const layer = 2 * product(M, D, D) + 2 * product(M + N, D, D) + attend(M, M + N, D) + 3 * product(M, D, F);
	return product(N, E, D) + config.num_hidden_layers * layer + product(M, D, O);
}

export const resampler = defineProjector({
	type: 'resampler',
	goldens: ['resampler'],
	variants: { resampler: { title: 'Resampler', colour: '#009E73' } },
	rank: 2,
	tokensBy: 'fixed',
	places: 'none',
	parseConfig,
	of: (config) => {
		const { num_hidden_layers: layers, num_attention_heads: heads } = config;
		return {
			name: 'resampler',
			description: `${layers} layers of cross-attention, width ${config.hidden_size}`,
			cost: (N, M) => resamplerCost(config, N, M),
			graph: (state, side) => resamplerGraph(config, state, side),
			stages: [
				...indices(layers).flatMap((i): Stage[] => [
					{ output: `proj.layer${i}.context`, title: `layer ${i} attention`, inner: true },
					{ output: `proj.layer${i}.out`, title: `layer ${i}` }
				]),
				readout
			],
			...(layers > 0 && {
				attention: {
					title: 'Cross-attention',
					layers,
					heads,
					output: (layer: number) => `proj.layer${layer}.attention`,
					read: (tensor: Tensor, head: HeadChoice) => resamplerAttention(tensor, { head })
				}
			})
		};
	}
});
