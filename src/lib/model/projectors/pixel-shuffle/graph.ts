import { Graph } from '../../../onnx/graph.ts';
import { Reshape, Transpose } from '../../../onnx/ops.ts';
import { dims } from '../../dims.ts';
import { linear } from '../../layers.ts';
import type { StateDict } from '../../state-dict.ts';
import { appendTokens, declareOutput, projectorModule } from '../parts.ts';
import type { PixelShuffleConfig } from './config.ts';

/**
 * Idefics3's and nanoVLM's connector: each block of s × s patches becomes one visual token, its patches joined row by row along channels.
 * m = g / s, M = m².
 *
 *   visual_features [image, N, E] ─ Reshape [image · m, s, m, s · E] ─ ᵀ (0, 2, 1, 3)
 *     ─ Reshape [image, M, s² · E]                                                    proj.pixel_shuffle
 *     ─ proj Linear without bias ─ (eos_tokens) ─ visual_embeds [image, M + K, O]
 */
export function pixelShuffleGraph(config: PixelShuffleConfig, state: StateDict, side: number): Graph {
	const { encoder_hidden_size: E, output_hidden_size: O, num_eos_tokens: K, scale_factor: s } = config;
	const m = side / s;
	const M = m * m;
	const g = new Graph('pixel-shuffle');
	const features = g.input('visual_features', 'float32', [dims.image, side * side, E]);
	const root = projectorModule(g, state);
	const shuffle = root.at('pixel_shuffle');
	const rows = Reshape(shuffle.graph, features, [-1, s, m, s * E]);
	const blocks = Transpose(shuffle.graph, rows, [0, 2, 1, 3]);
	const joined = Reshape(shuffle.graph.scope('join'), blocks, [-1, M, s * s * E]);
	shuffle.trace('', joined, [dims.image, M, s * s * E]);
	const x = linear(root.at('proj'), joined, { in: s * s * E, out: O, bias: false });
	const out = appendTokens(root.at('eos_tokens'), x, { count: K, tokens: M + K, width: O });
	declareOutput(root, out, { tokens: M + K, width: O });
	return g;
}
