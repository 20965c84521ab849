import { samplingAttention, type HeadChoice } from '../../../analysis/attention-maps.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { attend, product } from '../../operations.ts';
import { defineProjector, indices, readout, type Stage } from '../definition.ts';
import { poolingBins } from '../pooling.ts';
import { parseConfig, type DAbsConfig } from './config.ts';
import { dAbsGraph } from './graph.ts';

/** Bilinear sampling is four weighted values for each point, head and channel. */
function dAbsCost(config: DAbsConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, d_model: D, decoder_ffn_dim: F } = config;
	const points = config.num_feature_levels * config.decoder_n_points;
	const samples = config.decoder_attention_heads * points;
	const layer =
		4 * product(M, D, D) +
		attend(M, M, D) +
		product(M, D, 3 * samples) +
		product(N, D, D) +
		product(M, 4 * points, D) +
		product(M, D, D) +
		2 * product(M, D, F);
	return (D === E ? 0 : product(N, E, D)) + config.decoder_layers * layer + (O === D ? 0 : product(M, D, O));
}

export const dAbs = defineProjector({
	type: 'd-abs',
	goldens: ['d-abs'],
	variants: { 'd-abs': { title: 'D-Abstractor', colour: '#0072B2' } },
	rank: 1,
	tokensBy: 'fixed',
	places: 'grid',
	parseConfig,
	of: (config) => {
		const { decoder_layers: layers, decoder_attention_heads: heads, decoder_n_points: points } = config;
		return {
			name: 'd-abs',
			description: `${layers} layers of deformable attention, width ${config.d_model}, ${heads} heads with ${points} points`,
			cost: (N, M) => dAbsCost(config, N, M),
			graph: (state, side) => dAbsGraph(config, state, side),
			stages: [
				...indices(layers).flatMap((i): Stage[] => [
					{ output: `proj.layer${i}.after_self_attn`, title: `layer ${i} self`, inner: true },
					{ output: `proj.layer${i}.after_cross_attn`, title: `layer ${i} sampling`, inner: true },
					{ output: `proj.layer${i}.out`, title: `layer ${i}` }
				]),
				readout
			],
			...(layers > 0 && {
				attention: {
					title: 'Deformable sampling',
					layers,
					heads,
					output: (layer: number) => `proj.layer${layer}.sampling_matrix`,
					read: (tensor: Tensor, head: HeadChoice) => ({ cross: samplingAttention(tensor, { head }) })
				},
				sampler: {
					layers,
					heads,
					points,
					referencePoints: 'proj.reference_points',
					locations: (layer: number) => `proj.layer${layer}.sampling_locations`,
					weights: (layer: number) => `proj.layer${layer}.attention_weights`
				}
			}),
			...(config.pooled_v_target !== 'none' && { bins: poolingBins })
		};
	}
});
