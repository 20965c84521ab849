import { samplingAttention, type HeadChoice } from '../../../analysis/attention-maps.ts';
import { tensor, type Tensor } from '../../../tensor/tensor.ts';
import { attend, product } from '../../operations.ts';
import { defineProjector, readout } from '../definition.ts';
import { parseConfig, type MatryQueryConfig } from './config.ts';
import { matryQueryGraph } from './graph.ts';

function matryQueryCost(config: MatryQueryConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O } = config;
	return 2 * product(M, E, E) + 2 * product(N, E, E) + attend(M, N, E) + product(M, E, O);
}

export const matryQuery = defineProjector({
	type: 'matry-query',
	goldens: [],
	variants: { 'matry-query': { title: 'Matryoshka query' } },
	rank: 8,
	tokensBy: 'prefix',
	places: 'none',
	parseConfig,
	of: (config) => ({
		name: 'matry-query',
		description: `the first M of ${config.num_queries} learned queries, ${config.num_attention_heads} heads`,
		cost: (N, M) => matryQueryCost(config, N, M),
		graph: (state, side) => matryQueryGraph(config, state, side),
		mostTokens: config.num_queries,
		feeds: (M) => ({ num_query_tokens: tensor('int64', [1], BigInt64Array.of(BigInt(M))) }),
		stages: [{ output: 'proj.attn_out', title: 'attention' }, readout],
		attention: {
			title: 'Attention, the same for every picture',
			layers: 1,
			heads: config.num_attention_heads,
			output: () => 'proj.attention',
			read: (weights: Tensor, head: HeadChoice) => ({ cross: samplingAttention(weights, { head }) })
		}
	})
});
