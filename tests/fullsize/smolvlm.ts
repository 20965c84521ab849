import { readFileSync } from 'node:fs';
import { safetensorsHeader } from '../../src/lib/checkpoint/safetensors.ts';
import { elementCount } from '../../src/lib/tensor/tensor.ts';
import type { CheckpointFile } from './checkpoint.ts';
import { weightBits } from './weights.ts';

const golden = new URL('../fixtures/families/smolvlm-256m/checkpoint/', import.meta.url);
const CHUNK = 2 ** 22;
/** Ids behind those of text: marks of pictures and tiles, reserved ones, the end of an utterance. */
const MARKS = 128;

type Json = Readonly<Record<string, unknown>>;
const published = (file: string) => JSON.parse(readFileSync(new URL(file, golden), 'utf8')) as Json;

/**
 * A randomly initialised checkpoint of the shapes of HuggingFaceTB/SmolVLM-256M-Instruct in its published layout: 471 tensors of bfloat16,
 * 256,484,928 parameters. Pictures are scaled to 512 pixels on their longer side, so that one is one tile of 64 visual tokens. Its tokenizer
 * has as many entries as the published one, made up of the golden checkpoint's.
 * @param divide of every width and of the vocabulary; depths, heads, patches and M are never changed
 */
export function* smolvlmCheckpoint(divide = 1): Generator<CheckpointFile, void, void> {
	const vocabulary = 49280 / divide;
	for (const [path, value] of Object.entries(jsonFiles(divide, vocabulary)))
		yield { path, chunks: [new TextEncoder().encode(JSON.stringify(value))] };
	const tensors = [...shapes(divide, vocabulary)];
	const { header } = safetensorsHeader(
		tensors.map(([name, dims]) => ({ name, dims, dtype: 'bfloat16', byteLength: 2 * elementCount(dims) })),
		{ format: 'pt' }
	);
	yield { path: 'model.safetensors', chunks: weightsFile(header, tensors) };
}

type Shape = readonly [name: string, dims: readonly number[]];

function* weightsFile(header: Uint8Array, tensors: readonly Shape[]): Generator<Uint8Array> {
	yield header;
	for (const [name, dims] of tensors) {
		const count = elementCount(dims);
		for (let at = 0; at < count; at += CHUNK)
			yield new Uint8Array(weightBits(name, dims, at, Math.min(at + CHUNK, count)).buffer);
	}
}

function jsonFiles(divide: number, vocabulary: number): Readonly<Record<string, Json>> {
	const config = published('config.json');
	const processor = published('preprocessor_config.json');
	// The published file names each added token by its id once more; tokenizer.json says so, too.
	const { added_tokens_decoder, ...tokenizer_config } = published('tokenizer_config.json');
	void added_tokens_decoder;
	return {
		'config.json': {
			...config,
			hidden_size: 576 / divide,
			image_token_id: vocabulary - 90,
			text_config: {
				...(config.text_config as Json),
				head_dim: 64 / divide,
				hidden_size: 576 / divide,
				intermediate_size: 1536 / divide,
				num_attention_heads: 9,
				num_hidden_layers: 30,
				num_key_value_heads: 3,
				vocab_size: vocabulary
			},
			vision_config: {
				...(config.vision_config as Json),
				hidden_size: 768 / divide,
				image_size: 512,
				intermediate_size: 3072 / divide,
				max_image_size: { longest_edge: 512 },
				num_attention_heads: 12,
				num_hidden_layers: 12,
				size: { longest_edge: 2048 }
			},
			vocab_size: vocabulary
		},
		'preprocessor_config.json': {
			...processor,
			max_image_size: { longest_edge: 512 },
			size: { longest_edge: 512 }
		},
		'processor_config.json': { ...published('processor_config.json'), image_seq_len: 64 },
		'generation_config.json': { ...published('generation_config.json'), eos_token_id: vocabulary - 1 },
		'chat_template.json': published('chat_template.json'),
		'tokenizer_config.json': tokenizer_config,
		'tokenizer.json': tokenizer(vocabulary)
	};
}

interface Tokenizer {
	readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
	readonly model: {
		readonly vocab: Readonly<Record<string, number>>;
		readonly merges: readonly (readonly [string, string])[];
	};
}

/** The golden checkpoint's, with pairs of its pieces joined until there are as many, and its marks behind them. */
function tokenizer(vocabulary: number): Json {
	const small = published('tokenizer.json') as unknown as Tokenizer;
	const [flags] = small.added_tokens;
	const marks = small.added_tokens.filter(({ content }) =>
		/image|_col_|global|reserved|utterance/.test(content)
	);
	const first = Math.min(...marks.map(({ id }) => id));
	const vocab = new Map(Object.entries(small.model.vocab).filter(([, id]) => id < first));
	const merges = [...small.model.merges];
	const pieces = [...vocab.keys()].filter((piece) => !piece.startsWith('<'));
	for (let i = 0; vocab.size < vocabulary - MARKS; i++) {
		const pair = [pieces[Math.floor(i / pieces.length)]!, pieces[i % pieces.length]!] as const;
		if (vocab.has(pair.join(''))) continue;
		vocab.set(pair.join(''), vocab.size);
		merges.push(pair);
	}
	const reserved = /reserved_special_token/;
	const named = marks.map(({ content }) => content).filter((content) => !reserved.test(content));
	const end = named.pop()!;
	const spare = Array.from({ length: MARKS - named.length - 1 }, (_, i) => `<|reserved_special_token_${i}|>`);
	const added = [...named, ...spare, end].map((content, i) => ({
		...flags,
		id: vocabulary - MARKS + i,
		content
	}));
	return {
		...small,
		added_tokens: [...small.added_tokens.filter(({ id }) => id < first), ...added],
		model: { ...small.model, vocab: Object.fromEntries(vocab), merges }
	};
}

/** Names as they are published. */
function* shapes(divide: number, vocabulary: number): Generator<Shape> {
	const [width, wide] = [768 / divide, 3072 / divide];
	const vision = 'model.vision_model';
	yield [`${vision}.embeddings.patch_embedding.weight`, [width, 3, 16, 16]];
	yield [`${vision}.embeddings.patch_embedding.bias`, [width]];
	yield [`${vision}.embeddings.position_embedding.weight`, [1024, width]];
	for (let i = 0; i < 12; i++) {
		const layer = `${vision}.encoder.layers.${i}`;
		for (const norm of ['layer_norm1', 'layer_norm2'])
			for (const what of ['weight', 'bias']) yield [`${layer}.${norm}.${what}`, [width]];
		const linears = [
			...['k_proj', 'out_proj', 'q_proj', 'v_proj'].map(
				(name) => [`self_attn.${name}`, width, width] as const
			),
			['mlp.fc1', wide, width] as const,
			['mlp.fc2', width, wide] as const
		];
		for (const [name, rows, columns] of linears) {
			yield [`${layer}.${name}.weight`, [rows, columns]];
			yield [`${layer}.${name}.bias`, [rows]];
		}
	}
	for (const what of ['weight', 'bias']) yield [`${vision}.post_layernorm.${what}`, [width]];
	const [hidden, inner, kv] = [576 / divide, 1536 / divide, 192 / divide];
	yield ['model.connector.modality_projection.proj.weight', [hidden, 16 * width]];
	const text = 'model.text_model';
	yield [`${text}.embed_tokens.weight`, [vocabulary, hidden]];
	for (let i = 0; i < 30; i++) {
		const layer = `${text}.layers.${i}`;
		for (const norm of ['input_layernorm', 'post_attention_layernorm'])
			yield [`${layer}.${norm}.weight`, [hidden]];
		yield [`${layer}.self_attn.q_proj.weight`, [hidden, hidden]];
		yield [`${layer}.self_attn.k_proj.weight`, [kv, hidden]];
		yield [`${layer}.self_attn.v_proj.weight`, [kv, hidden]];
		yield [`${layer}.self_attn.o_proj.weight`, [hidden, hidden]];
		yield [`${layer}.mlp.gate_proj.weight`, [inner, hidden]];
		yield [`${layer}.mlp.up_proj.weight`, [inner, hidden]];
		yield [`${layer}.mlp.down_proj.weight`, [hidden, inner]];
	}
	yield [`${text}.norm.weight`, [hidden]];
	yield ['lm_head.weight', [vocabulary, hidden]];
}
