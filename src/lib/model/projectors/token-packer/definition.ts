import type { HeadChoice } from '../../../analysis/attention-maps.ts';
import { windowAttention } from '../../../analysis/window-attention.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { attend, product } from '../../operations.ts';
import { defineProjector, readout } from '../definition.ts';
import { poolingBins } from '../pooling.ts';
import { parseConfig, type TokenPackerConfig } from './config.ts';
import { tokenPackerGraph } from './graph.ts';

function tokenPackerCost(config: TokenPackerConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, num_feature_levels: L, scale_factor: s } = config;
	const keysAndValues = 2 * (product(N, L * E, E) + 2 * product(N, E, E));
	const queries = 3 * product(M, E, E) + attend(M, s * s, E);
	return queries + keysAndValues + product(M, E, O) + product(M, O, O);
}

export const tokenPacker = defineProjector({
	type: 'token-packer',
	goldens: [],
	variants: { 'token-packer': { title: 'TokenPacker' } },
	rank: 9,
	tokensBy: 'fixed',
	places: 'grid',
	parseConfig,
	of: (config) => ({
		name: 'token-packer',
		description: `attention within windows of ${config.scale_factor} × ${config.scale_factor} patches, ${config.num_attention_heads} heads, keys of ${config.num_feature_levels} layers`,
		cost: (N, M) => tokenPackerCost(config, N, M),
		graph: (state, side) => tokenPackerGraph(config, state, side),
		stages: [
			{ output: 'proj.query_down', title: 'bilinear query', inner: true },
			{ output: 'proj.attn_out', title: 'window attention' },
			readout
		],
		attention: {
			title: 'Attention within windows',
			layers: 1,
			heads: config.num_attention_heads,
			output: () => 'proj.attention',
			read: (weights: Tensor, head: HeadChoice) => ({
				cross: windowAttention(weights, config.scale_factor, { head })
			})
		},
		bins: poolingBins
	})
});
