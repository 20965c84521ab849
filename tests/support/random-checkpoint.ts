import { memoryFolder } from '../../src/lib/checkpoint/memory.ts';
import { writeSafetensors } from '../../src/lib/checkpoint/safetensors.ts';
import type { SourceFolder } from '../../src/lib/checkpoint/source.ts';
import { gridSide, type HoneybeeConfig } from '../../src/lib/model/config.ts';
import { embeddingGraph, languageGraph } from '../../src/lib/model/language/graph.ts';
import { parseConfig } from '../../src/lib/model/families/honeybee/parse-config.ts';
import { projectorOf } from '../../src/lib/model/projectors/registry.ts';
import { bytePiece } from '../../src/lib/model/text/tokenizer-files.ts';
import { StateDict } from '../../src/lib/model/state-dict.ts';
import { visionGraph } from '../../src/lib/model/vision/graph.ts';
import { elementCount, tensor, type Tensor } from '../../src/lib/tensor/tensor.ts';

/** Deterministic values around zero. */
export function random(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 31 - 1;
	};
}

/** The smallest tokenizer that can be one of LLaMA's: special tokens, bytes and the space. */
const bytesTokenizer = {
	added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true })),
	normalizer: { type: 'Prepend', prepend: '▁' },
	model: {
		type: 'BPE',
		byte_fallback: true,
		merges: [],
		vocab: Object.fromEntries(
			['<unk>', '<s>', '</s>', ...Array.from({ length: 256 }, (_, byte) => bytePiece(byte)), '▁'].map(
				(piece, id) => [piece, id]
			)
		)
	}
};

/** What a test changes of the small default config.json. */
export interface ConfigChanges {
	readonly vision?: Readonly<Record<string, unknown>>;
	readonly text?: Readonly<Record<string, unknown>>;
	readonly projector?: Readonly<Record<string, unknown>>;
}

export function smallConfig({ vision, text, projector }: ConfigChanges = {}) {
	return {
		vision_config: {
			hidden_size: 32,
			intermediate_size: 64,
			num_hidden_layers: 2,
			num_attention_heads: 2,
			patch_size: 8,
			image_size: 32,
			hidden_act: 'quick_gelu',
			...vision
		},
		projector_config: { projector_type: 'mlp', depth: 1, num_query_tokens: 16, ...projector },
		lm_config: { pretrained_lm_name_or_path: 'test' },
		text_config: {
			vocab_size: 320,
			hidden_size: 64,
			intermediate_size: 96,
			num_hidden_layers: 2,
			num_attention_heads: 4,
			num_key_value_heads: 4,
			max_position_embeddings: 128,
			...text
		}
	};
}

/** Every tensor the graphs of a config read, by building them over a state dict that only takes notes. */
export function expectedTensors(config: HoneybeeConfig): Map<string, readonly number[]> {
	const shapes = new Map<string, readonly number[]>();
	class Notes extends StateDict {
		override has() {
			return true;
		}
		override expect(key: string, dims: readonly number[]) {
			shapes.set(key, dims);
		}
	}
	const notes = new Notes({
		entries: new Map(),
		read: async () => {
			throw new Error('no values here');
		}
	});
	visionGraph(config.vision_config, notes, [], 'fp32');
	embeddingGraph(config.text_config, notes, 'fp32');
	languageGraph(config.text_config, notes, 'fp32');
	projectorOf(config.projector_config).graph(notes, gridSide(config.vision_config));
	return shapes;
}

/** Random tensors of a config under upstream's keys; norms near one, matrices small enough to keep activations tame. */
export function randomTensors(config: HoneybeeConfig, seed = 1): Map<string, Tensor> {
	const next = random(seed);
	const tensors = new Map<string, Tensor>();
	for (const [key, dims] of expectedTensors(config)) {
		const isNorm = /norm|\.bn\./.test(key) && key.endsWith('.weight');
		const fanIn = dims.length > 1 ? elementCount(dims) / (dims[0] ?? 1) : 4;
		const data = Float32Array.from({ length: elementCount(dims) }, () =>
			isNorm ? 1 + 0.1 * next() : (next() * 1.7) / Math.sqrt(fanIn)
		);
		tensors.set(key, tensor('float32', dims, data));
	}
	return tensors;
}

/** A checkpoint folder in upstream's layout, in memory. */
export function randomCheckpoint(
	changes: ConfigChanges = {},
	options: { readonly seed?: number; readonly files?: Record<string, string | Uint8Array> } = {}
): SourceFolder {
	const json = smallConfig(changes);
	const tensors = randomTensors(parseConfig(json), options.seed);
	return memoryFolder('checkpoint', {
		'config.json': JSON.stringify(json),
		'model.safetensors': writeSafetensors(tensors),
		'tokenizer.json': JSON.stringify(bytesTokenizer),
		...options.files
	});
}
