import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { PREFIX as VISION } from '../../vision/graph.ts';
import type { KeyRow, KeyTable } from '../../keys.ts';

/** A module of every layer of the tower, its weight and its bias; q, k and v are stored as one. */
const layer = (stored: string, ...canonical: readonly [string, ...string[]]): KeyRow[] =>
	['weight', 'bias'].map((what): KeyRow => {
		const [first, ...rest] = canonical.map((name) => `${VISION}.encoder.layers.*.${name}.${what}`);
		return [`vision_model.blocks.*.${stored}.${what}`, first!, ...rest];
	});

/** Names in Kanana-1.5-v's checkpoints: its tower is Qwen2-VL's. */
export const keys: KeyTable = [
	['vision_model.patch_embed.proj.*', `${VISION}.embeddings.patch_embedding.*`],
	...layer('norm1', 'layer_norm1'),
	...layer('norm2', 'layer_norm2'),
	...layer('attn.qkv', 'self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
	...layer('attn.proj', 'self_attn.out_proj'),
	...layer('mlp.fc1', 'mlp.fc1'),
	...layer('mlp.fc2', 'mlp.fc2'),
	['abstractor.*', `${PROJECTOR}.*`],
	['language_model.*', `${LANGUAGE}.*`]
];
