import {
	gridSide,
	type CAbsConfig,
	type DAbsConfig,
	type MlpConfig,
	type ProjectorConfig,
	type ResamplerConfig,
	type TextConfig,
	type VisionConfig
} from '../model/config.ts';

/**
 * Arithmetic of one answer from the config alone. A multiplication with its addition counts as two operations; matrix products,
 * convolutions, attention and sampling are counted, elementwise work (norms, activations, biases, rotary embedding) is not.
 * N patches of width E, M visual tokens of width O for the language model.
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
	/** Positions of the prompt besides the image. */
	readonly text_tokens: number;
}

export function stageCosts(inputs: CostInputs): StageCost {
	const { vision_config, projector_config, text_config, tokens, text_tokens } = inputs;
	const prompt = promptLength(inputs);
	return {
		vision: visionCost(vision_config),
		projector: projectorCost(projector_config, gridSide(vision_config) ** 2, tokens),
		prefill: languageCost(text_config, prompt, 0),
		decode_per_token: languageCost(text_config, 1, tokens + projector_config.num_eos_tokens + text_tokens)
	};
}

/** M + K visual positions and the text. */
function promptLength({ projector_config, tokens, text_tokens }: CostInputs): number {
	return tokens + projector_config.num_eos_tokens + text_tokens;
}

/** rows × [inner → outer] */
const linear = (rows: number, inner: number, outer: number) => 2 * rows * inner * outer;
/** Scores and weighted sum of full attention. */
const attend = (queries: number, keys: number, width: number) => 4 * queries * keys * width;

/** CLIP ViT over one image, all layers. */
export function visionCost(config: VisionConfig): number {
	const { hidden_size: E, intermediate_size: I, num_hidden_layers, num_channels, patch_size } = config;
	const N = gridSide(config) ** 2;
	const T = N + 1;
	const layer = 4 * linear(T, E, E) + attend(T, T, E) + linear(T, E, I) + linear(T, I, E);
	return linear(N, num_channels * patch_size ** 2, E) + num_hidden_layers * layer;
}

/** A projector from N patches to M visual tokens. */
export function projectorCost(config: ProjectorConfig, N: number, M: number): number {
	switch (config.projector_type) {
		case 'mlp':
			return mlpCost(config, N);
		case 'c-abs':
			return cAbsCost(config, N, M);
		case 'resampler':
			return resamplerCost(config, N, M);
		case 'd-abs':
			return dAbsCost(config, N, M);
	}
}

function mlpCost({ encoder_hidden_size: E, output_hidden_size: O, depth }: MlpConfig, N: number): number {
	return linear(N, E, O) + (depth - 1) * linear(N, O, O);
}

/** Blocks at N positions, mean over the bins, blocks at M positions, readout. */
function cAbsCost(config: CAbsConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, depth, mlp_depth } = config;
	const block = (positions: number, inner: number) => {
		// Python's round: halves to the even number.
		const quarter = 0.25 * inner;
		const R = quarter % 1 === 0.5 ? 2 * Math.round(quarter / 2) : Math.round(quarter);
		return (
			linear(positions, inner, D) +
			linear(positions, 9, D) +
			2 * linear(1, D, R) +
			linear(positions, D, D) +
			(inner === D ? 0 : linear(positions, inner, D))
		);
	};
	const stage = (positions: number, inner: number) =>
		depth === 0 ? 0 : block(positions, inner) + (depth - 1) * block(positions, D);
	const width = depth === 0 ? E : D;
	const pooling = N * width;
	const readout = linear(M, width, O) + (mlp_depth - 1) * linear(M, O, O);
	return stage(N, E) + pooling + stage(M, D) + readout;
}

/** Queries attend to themselves and all patches. */
function resamplerCost(config: ResamplerConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, hidden_size: D, intermediate_size: F } = config;
	const layer = 2 * linear(M, D, D) + 2 * linear(M + N, D, D) + attend(M, M + N, D) + 3 * linear(M, D, F);
	return linear(N, E, D) + config.num_hidden_layers * layer + linear(M, D, O);
}

/** Bilinear sampling is four weighted values for each point, head and channel. */
function dAbsCost(config: DAbsConfig, N: number, M: number): number {
	const { encoder_hidden_size: E, output_hidden_size: O, d_model: D, decoder_ffn_dim: F } = config;
	const points = config.num_feature_levels * config.decoder_n_points;
	const samples = config.decoder_attention_heads * points;
	const layer =
		4 * linear(M, D, D) +
		attend(M, M, D) +
		linear(M, D, 3 * samples) +
		linear(N, D, D) +
		linear(M, 4 * points, D) +
		linear(M, D, D) +
		2 * linear(M, D, F);
	return (D === E ? 0 : linear(N, E, D)) + config.decoder_layers * layer + (O === D ? 0 : linear(M, D, O));
}

/** LLaMA over `positions` behind `past` cached ones, with logits of the last position. */
export function languageCost(config: TextConfig, positions: number, past: number): number {
	const { hidden_size: H, intermediate_size: I, head_dim, num_hidden_layers, vocab_size } = config;
	const queries = config.num_attention_heads * head_dim;
	const keys = config.num_key_value_heads * head_dim;
	// Position i sees past + i + 1 keys.
	const seen = positions * past + (positions * (positions + 1)) / 2;
	const layer =
		2 * linear(positions, H, queries) +
		2 * linear(positions, H, keys) +
		attend(1, seen, queries) +
		3 * linear(positions, H, I);
	return num_hidden_layers * layer + linear(1, H, vocab_size);
}

/** Bytes of keys and values after a prompt. @param bytes of one value: 4 for float32, 2 for float16 */
export function cacheBytes(inputs: CostInputs, bytes: 2 | 4): number {
	const { num_hidden_layers, num_key_value_heads, head_dim } = inputs.text_config;
	return 2 * num_hidden_layers * num_key_value_heads * head_dim * bytes * promptLength(inputs);
}
