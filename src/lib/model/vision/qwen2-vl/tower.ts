import { tensor } from '../../../tensor/tensor.ts';
import type { VisionConfig } from '../../config.ts';
import { afterFeatures } from '../graph.ts';
import type { Tower } from '../towers.ts';
import type { Qwen2VlConfig } from './config.ts';
import { patchLength, qwen2VlGraph } from './graph.ts';
import { blockOrder, rotaryAngles } from './positions.ts';

/** @param vision its config, which says that it is one */
export function qwen2Vl(vision: VisionConfig): Tower {
	const config = vision as Qwen2VlConfig;
	const { hidden_size, num_attention_heads, spatial_merge_size: merge } = config;
	const headDim = hidden_size / num_attention_heads;
	return {
		classTokens: 0,
		title: 'Qwen2-VL ViT',
		graph: (state, layers, dtype) => qwen2VlGraph(config, state, layers, dtype),
		unread: afterFeatures,
		anySize: {
			pixelDims: ({ rows, columns }) => [rows * columns, patchLength(config)],
			order: (grid) => blockOrder(grid, merge),
			feeds(grid) {
				const { cos, sin } = rotaryAngles(grid, merge, headDim);
				const shape = [grid.rows * grid.columns, headDim / 2];
				return { rotary_cos: tensor('float32', shape, cos), rotary_sin: tensor('float32', shape, sin) };
			}
		}
	};
}
