import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
	cacheBytes,
	languageCost,
	languageWeights,
	projectorCost,
	stageCosts,
	visionCost,
	visionWeights
} from '../../../src/lib/benchmarks/cost.ts';
import type { TextConfig, VisionConfig } from '../../../src/lib/model/config.ts';
import { readModelFile } from '../../../src/lib/onnx/model-file.ts';
import type { CAbsConfig } from '../../../src/lib/model/projectors/c-abs/config.ts';
import type { DAbsConfig } from '../../../src/lib/model/projectors/d-abs/config.ts';
import type { MlpConfig } from '../../../src/lib/model/projectors/mlp/config.ts';
import type { ResamplerConfig } from '../../../src/lib/model/projectors/resampler/config.ts';

const vision: VisionConfig = {
	hidden_size: 1024,
	intermediate_size: 4096,
	num_hidden_layers: 24,
	num_attention_heads: 16,
	num_channels: 3,
	patch_size: 14,
	image_size: 224,
	hidden_act: 'quick_gelu',
	layer_norm_eps: 1e-5,
	image_mean: [0, 0, 0],
	image_std: [1, 1, 1]
};
const text: TextConfig = {
	vocab_size: 32000,
	hidden_size: 4096,
	intermediate_size: 11008,
	num_hidden_layers: 32,
	num_attention_heads: 32,
	num_key_value_heads: 32,
	head_dim: 128,
	rms_norm_eps: 1e-5,
	rope_theta: 10000,
	max_position_embeddings: 4096,
	tie_word_embeddings: false,
	bos_token_id: 1,
	eos_token_id: 2,
	pad_token_id: 0
};
const base = {
	num_query_tokens: 144,
	num_eos_tokens: 0,
	feature_layer_index: -1,
	pos_emb: false,
	encoder_hidden_size: 1024,
	output_hidden_size: 4096
};
const cAbs: CAbsConfig = {
	...base,
	projector_type: 'c-abs',
	depth: 3,
	mlp_depth: 2,
	hidden_size: 1024,
	prenorm: false
};

describe('operations counted from the config', () => {
	it('one token through the weights is two operations a weight: LLaMA-2 7B', () => {
		// Matrices of a layer: 4 · 4096² + 3 · 4096 · 11008; 32 layers; output layer 4096 · 32000.
		const weights = 32 * (4 * 16_777_216 + 3 * 45_088_768) + 131_072_000;
		expect(weights).toBe(6_607_077_376);
		// One key seen: 4 · 4096 a layer.
		expect(languageCost(text, 1, 0)).toBe(2 * weights + 32 * 4 * 4096);
		expect(languageCost(text, 1, 99) - languageCost(text, 1, 0)).toBe(32 * 4 * 99 * 4096);
	});

	it('a prompt in pieces costs what it costs whole, but for the logits of each piece', () => {
		const logits = 2 * 4096 * 32000;
		expect(languageCost(text, 100, 0) + languageCost(text, 50, 100)).toBe(
			languageCost(text, 150, 0) + logits
		);
	});

	it('grouped queries save keys and values only', () => {
		const grouped = { ...text, num_key_value_heads: 8 };
		// Two matrices of 4096 × 3072 fewer in each of 32 layers.
		expect(languageCost(text, 1, 0) - languageCost(grouped, 1, 0)).toBe(2 * 2 * 32 * 4096 * 3072);
	});

	it('CLIP ViT-L/14 at 224 and 336 pixels', () => {
		// Patches 2 · 256 · 588 · 1024; a layer 2 · 257 · 12 · 1024² + 4 · 257² · 1024.
		expect(visionCost(vision)).toBe(308_281_344 + 24 * (6_467_616_768 + 270_536_704));
		expect(visionCost({ ...vision, image_size: 336 })).toBe(
			2 * 576 * 588 * 1024 + 24 * (2 * 577 * 12 * 1024 ** 2 + 4 * 577 ** 2 * 1024)
		);
	});

	it('linear and MLP work on every patch', () => {
		const mlp = (depth: number): MlpConfig => ({
			...base,
			projector_type: 'mlp',
			depth,
			prenorm: false
		});
		expect(projectorCost(mlp(1), 256, 256)).toBe(2 * 256 * 4_194_304);
		expect(projectorCost(mlp(2), 256, 256)).toBe(2 * 256 * (4_194_304 + 16_777_216));
	});

	it('C-Abstractor: blocks at N and at M positions', () => {
		// A block: 1 × 1 twice (2 · 1024²), 3 × 3 depthwise (9 · 1024); squeeze and excitation once (2 · 1024 · 256).
		const position = 2 * (2 * 1024 ** 2 + 9 * 1024);
		const excite = 2 * 2 * 1024 * 256;
		const readout = 2 * 144 * (1024 * 4096 + 4096 ** 2);
		expect(projectorCost(cAbs, 256, 144)).toBe(
			3 * (256 * position + excite) + 256 * 1024 + 3 * (144 * position + excite) + readout
		);
		// A narrower first block has a shortcut of its own: R = 256 of E = 1024, then 128 of D = 512.
		const narrow: CAbsConfig = { ...cAbs, hidden_size: 512, depth: 1 };
		expect(projectorCost(narrow, 4, 1)).toBe(
			4 * 2 * (2 * 1024 * 512 + 9 * 512 + 512 ** 2) +
				2 * 2 * 512 * 256 +
				4 * 512 +
				(2 * (2 * 512 ** 2 + 9 * 512) + 2 * 2 * 512 * 128) +
				2 * (512 * 4096 + 4096 ** 2)
		);
	});

	it('average pooling is a C-Abstractor without blocks', () => {
		const pooled: CAbsConfig = { ...cAbs, depth: 0, mlp_depth: 1 };
		expect(projectorCost(pooled, 256, 16)).toBe(256 * 1024 + 2 * 16 * 1024 * 4096);
	});

	it('Resampler', () => {
		const config: ResamplerConfig = {
			...base,
			projector_type: 'resampler',
			encoder_hidden_size: 2,
			output_hidden_size: 5,
			hidden_size: 3,
			num_hidden_layers: 2,
			num_attention_heads: 1,
			intermediate_size: 7,
			layer_norm_eps: 1e-6
		};
		// N = 4, M = 1. In 2·4·2·3 = 48. A layer: query and out 2·18, keys and values 2·(2·5·9) = 180,
		// attention 4·1·5·3 = 60, three matrices 3·(2·3·7) = 126. Out 2·3·5 = 30.
		expect(projectorCost(config, 4, 1)).toBe(48 + 2 * (36 + 180 + 60 + 126) + 30);
	});

	it('D-Abstractor', () => {
		const config: DAbsConfig = {
			...base,
			projector_type: 'd-abs',
			encoder_hidden_size: 4,
			output_hidden_size: 5,
			d_model: 4,
			decoder_layers: 1,
			decoder_attention_heads: 2,
			decoder_ffn_dim: 6,
			decoder_n_points: 3,
			activation_function: 'relu',
			num_feature_levels: 1,
			pooled_v_target: 'query'
		};
		// N = 9, M = 1. Self-attention 4·32 + 4·1·1·4 = 144; offsets and weights 2·4·(2·3·3) = 144; values 2·9·16 = 288;
		// sampling 2·(4·3)·4 = 96; out 32; feed-forward 2·(2·4·6) = 96; to the language model 2·4·5 = 40.
		expect(projectorCost(config, 9, 1)).toBe(144 + 144 + 288 + 96 + 32 + 96 + 40);
	});

	it('stages of a prompt and its cache', () => {
		const inputs = {
			vision_config: vision,
			projector_config: { ...cAbs, num_eos_tokens: 1 },
			text_config: text,
			tokens: 144,
			text_tokens: 55
		};
		expect(stageCosts(inputs)).toEqual({
			vision: visionCost(vision),
			projector: projectorCost(cAbs, 256, 144),
			prefill: languageCost(text, 200, 0),
			decode_per_token: languageCost(text, 1, 200)
		});
		// 2 · 32 layers · 4096 · 2 bytes = 512 KiB a position.
		expect(cacheBytes(inputs, 2)).toBe(200 * 524_288);
		const tiles = { ...inputs, views: 3 };
		expect(stageCosts(tiles).vision).toBe(3 * visionCost(vision));
		expect(cacheBytes(tiles, 2)).toBe((55 + 3 * (200 - 55)) * 524_288);
		expect(visionCost({ ...vision, tower: 'siglip' })).toBeLessThan(visionCost(vision));
	});
});

describe('counted again from the graphs of a real model', () => {
	const folder = 'static/models/honeybee-mini';
	const { config } = JSON.parse(readFileSync(`${folder}/honeybee.json`, 'utf8')) as {
		config: { vision_config: VisionConfig; text_config: TextConfig };
	};
	/** Multiply-adds of one position through every matrix and kernel of the graph's nodes, with what else is needed of their shapes. */
	function countOf(graph: string) {
		const { nodes, initializers } = readModelFile(readFileSync(`${folder}/${graph}.onnx`));
		const shapes = new Map(initializers.map(({ name, dims }) => [name, dims]));
		const products = nodes.flatMap(({ op, inputs }) => {
			const shape = shapes.get(inputs[1] ?? '');
			return (op === 'MatMul' || op === 'Gemm' || op === 'Conv') && shape
				? [{ op, size: shape.reduce((all, dim) => all * dim, 1), out: op === 'Conv' ? shape[0]! : shape[1]! }]
				: [];
		});
		return { nodes, products };
	}
	const sum = (sizes: readonly { readonly size: number }[]) => sizes.reduce((all, { size }) => all + size, 0);

	it('the language model: its matrices, and attention of every layer', () => {
		const { nodes, products } = countOf('language');
		const { vocab_size, num_attention_heads, head_dim } = config.text_config;
		const head = products.filter(({ out }) => out === vocab_size);
		const layers = products.filter(({ out }) => out !== vocab_size);
		expect(languageWeights(config.text_config)).toBe(sum(products));
		const attentions = nodes.filter(({ op }) => op === 'GroupQueryAttention');
		expect(attentions.map(({ integers }) => integers['num_heads'])).toEqual(
			attentions.map(() => num_attention_heads)
		);
		const [positions, past] = [40, 60];
		// Each query position multiplies its keys and its values once, among them its own.
		let seen = 0;
		for (let i = 0; i < positions; i++) seen += past + i + 1;
		const attention = attentions.length * 2 * seen * num_attention_heads * head_dim;
		expect(languageCost(config.text_config, positions, past)).toBe(
			2 * (positions * sum(layers) + sum(head) + attention)
		);
	});

	it('the vision tower', () => {
		const { products } = countOf('vision');
		const { vision_config } = config;
		expect(visionWeights(vision_config)).toBe(sum(products));
		const N = (vision_config.image_size / vision_config.patch_size) ** 2;
		const kernel = products.filter(({ op }) => op === 'Conv');
		const matrices = products.filter(({ op }) => op !== 'Conv');
		const attention = 2 * vision_config.num_hidden_layers * (N + 1) ** 2 * vision_config.hidden_size;
		expect(visionCost(vision_config)).toBe(2 * (N * sum(kernel) + (N + 1) * sum(matrices) + attention));
	});
});
