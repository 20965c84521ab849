import type { Graph } from '../../onnx/graph.ts';
import { Add, Cast } from '../../onnx/ops.ts';
import type { Value } from '../../onnx/types.ts';
import { activations } from '../activations.ts';
import type { VisionConfig } from '../config.ts';
import { attention, attentionByHead, layerNorm, linear } from '../layers.ts';
import type { WeightDType } from '../manifest.ts';
import type { Module } from '../module.ts';

type EncoderLayerConfig = Pick<
	VisionConfig,
	'hidden_size' | 'intermediate_size' | 'num_attention_heads' | 'hidden_act' | 'layer_norm_eps'
> & {
	readonly dtype: WeightDType;
	/** Turns queries and keys [image, head, T, d] by their places, where the tower does so; such towers take large pictures, head by head. */
	readonly turn?: (g: Graph, x: Value) => Value;
};

/** The value of a tower's graph that is the attention of encoder layer `layer`: softmax(q·kᵀ), float32 [image, head, position, position]. */
export const attentionValue = (layer: number): string => `encoder/layers.${layer}/self_attn/Softmax:0`;

/**
 * A layer of CLIP's, SigLIP's and Qwen2-VL's encoders, x [image, T, E] → [image, T, E]. The residual stream and attention stay float32.
 *
 *   x ─┬─ layer_norm1 ─ q, k, v (turned) ─ attention ─ out_proj ─┐
 *      └────────────────────────────────────────────── Add ─┬─ layer_norm2 ─ fc1 ─ activation ─ fc2 ─┐
 *                                                           └────────────────────────────────────── Add
 */
export function encoderLayer(module: Module, x: Value, config: EncoderLayerConfig): Value {
	const { hidden_size: E, intermediate_size: F, num_attention_heads: heads, dtype } = config;
	const norm = { size: E, epsilon: config.layer_norm_eps };
	const attn = module.at('self_attn');
	const normed1 = layerNorm(module.at('layer_norm1'), x, norm);
	const project = (name: string, input: Value) =>
		Cast(attn.graph, linear(attn.at(name), input, { in: E, out: E, dtype }), 'float32');
	const { turn } = config;
	const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((name) => project(name, normed1)) as [
		Value,
		Value,
		Value
	];
	const inputs = { q, k, v };
	const context = turn
		? attentionByHead(attn.graph, inputs, { heads, width: E, turn })
		: attention(attn.graph, inputs, { heads, width: E }).context;
	const attended = Add(attn.graph, x, project('out_proj', context));

	const mlp = module.at('mlp');
	const normed2 = layerNorm(module.at('layer_norm2'), attended, norm);
	const up = linear(mlp.at('fc1'), normed2, { in: E, out: F, dtype });
	const active = activations[config.hidden_act](mlp.graph, up);
	const down = linear(mlp.at('fc2'), active, { in: F, out: E, dtype });
	return Add(mlp.graph, attended, Cast(mlp.graph, down, 'float32'));
}
