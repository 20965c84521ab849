import { gridSide, type ProjectorConfig, type TextConfig, type VisionConfig } from '../model/config.ts';
import { attend, product } from '../model/operations.ts';
import { projectorOf } from '../model/projectors/registry.ts';
import { towerOf } from '../model/vision/towers.ts';

/**
 * Arithmetic of one answer from the config alone. A multiplication with its addition counts as two operations; matrix products,
 * convolutions, attention and sampling are counted, elementwise work (norms, activations, biases, rotary embedding) is not.
 * N patches of width E, M visual tokens of width O for the language model, of each view of the picture.
 */
export interface StageCost {
	/** Floating-point operations. */
	readonly vision: number;
	readonly projector: number;
	/** The whole prompt. */
	readonly prefill: number;
	/** One further token behind the prompt. */
	readonly decode_per_token: number;
}

export interface CostInputs {
	readonly vision_config: VisionConfig;
	readonly projector_config: ProjectorConfig;
	readonly text_config: TextConfig;
	/** M */
	readonly tokens: number;
	/** N, of each view; the tower's square when absent. */
	readonly patches?: number;
	/** Views that the tower sees of the picture; 1 when absent. */
	readonly views?: number;
	/** Positions of the prompt besides the image. */
	readonly text_tokens: number;
}

export function stageCosts(inputs: CostInputs): StageCost {
	const { vision_config, projector_config, text_config, tokens, views = 1 } = inputs;
	const N = inputs.patches ?? gridSide(vision_config) ** 2;
	const prompt = promptLength(inputs);
	return {
		vision: views * visionCost(vision_config, N),
		projector: views * projectorCost(projector_config, N, tokens),
		prefill: languageCost(text_config, prompt, 0),
		decode_per_token: languageCost(text_config, 1, prompt)
	};
}

/** M + K visual positions of each view, and the text. */
function promptLength({ projector_config, tokens, views = 1, text_tokens }: CostInputs): number {
	return views * (tokens + projector_config.num_eos_tokens) + text_tokens;
}

/** The tower over one view of N patches, all layers. */
export function visionCost(config: VisionConfig, N = gridSide(config) ** 2): number {
	const { hidden_size: E, intermediate_size: I, num_hidden_layers, num_channels, patch_size } = config;
	const T = N + towerOf(config).classTokens;
	const layer = 4 * product(T, E, E) + attend(T, T, E) + product(T, E, I) + product(T, I, E);
	return product(N, num_channels * patch_size ** 2, E) + num_hidden_layers * layer;
}

/** A projector from N patches to M visual tokens. */
export function projectorCost(config: ProjectorConfig, N: number, M: number): number {
	return projectorOf(config).cost(N, M);
}

/** LLaMA over `positions` behind `past` cached ones, with logits of the last position. */
export function languageCost(config: TextConfig, positions: number, past: number): number {
	const { hidden_size: H, intermediate_size: I, head_dim, num_hidden_layers, vocab_size } = config;
	const queries = config.num_attention_heads * head_dim;
	const keys = config.num_key_value_heads * head_dim;
	// Position i sees past + i + 1 keys.
	const seen = positions * past + (positions * (positions + 1)) / 2;
	const layer =
		2 * product(positions, H, queries) +
		2 * product(positions, H, keys) +
		attend(1, seen, queries) +
		3 * product(positions, H, I);
	return num_hidden_layers * layer + product(1, H, vocab_size);
}

/** Values of the tower's matrices: a byte of each is read at least once for every picture. */
export function visionWeights(config: VisionConfig): number {
	const { hidden_size: E, intermediate_size: I, num_hidden_layers, num_channels, patch_size } = config;
	return num_channels * patch_size ** 2 * E + num_hidden_layers * (4 * E * E + 2 * E * I);
}

/** Values of the language model's matrices, the head among them, which every step reads; of the embeddings it reads single rows. */
export function languageWeights(config: TextConfig): number {
	const { hidden_size: H, intermediate_size: I, head_dim, num_hidden_layers, vocab_size } = config;
	const heads = 2 * (config.num_attention_heads + config.num_key_value_heads) * head_dim;
	return num_hidden_layers * (H * heads + 3 * H * I) + H * vocab_size;
}

/** Bytes of keys and values after a prompt. @param bytes of one value: 4 for float32, 2 for float16 */
export function cacheBytes(inputs: CostInputs, bytes: 2 | 4): number {
	const { num_hidden_layers, num_key_value_heads, head_dim } = inputs.text_config;
	return 2 * num_hidden_layers * num_key_value_heads * head_dim * bytes * promptLength(inputs);
}
