import { PREFIX as LANGUAGE } from '../../language/graph.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { PREFIX as VISION } from '../../vision/graph.ts';
import type { KeyRow, KeyTable } from '../../keys.ts';

/** A module of every layer, its weight and its bias. */
const inLayers = (
	from: string,
	to: string,
	stored: string,
	...canonical: readonly [string, ...string[]]
): KeyRow[] =>
	['weight', 'bias'].map((what): KeyRow => {
		const [first, ...rest] = canonical.map((name) => `${to}.*.${name}.${what}`);
		return [`${from}.*.${stored}.${what}`, first!, ...rest];
	});

const tower = (stored: string, ...canonical: readonly [string, ...string[]]) =>
	inLayers('vision_encoder.blocks', `${VISION}.encoder.layers`, stored, ...canonical);
const decoder = (stored: string, canonical: string) =>
	inLayers('decoder.blocks', `${LANGUAGE}.model.layers`, stored, canonical);

/** Names in nanoVLM's model.safetensors, the same in every release. Its tower has q, k and v in one matrix. */
export const keys: KeyTable = [
	['vision_encoder.patch_embedding.conv.*', `${VISION}.embeddings.patch_embedding.*`],
	['vision_encoder.patch_embedding.position_embedding', `${VISION}.embeddings.position_embedding.weight`],
	...tower('ln1', 'layer_norm1'),
	...tower('ln2', 'layer_norm2'),
	...tower('attn.qkv_proj', 'self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'),
	...tower('attn.out_proj', 'self_attn.out_proj'),
	...tower('mlp.fc1', 'mlp.fc1'),
	...tower('mlp.fc2', 'mlp.fc2'),
	['vision_encoder.layer_norm.*', `${VISION}.post_layernorm.*`],
	['MP.*', `${PROJECTOR}.*`],
	['decoder.token_embedding.*', `${LANGUAGE}.model.embed_tokens.*`],
	['decoder.head.*', `${LANGUAGE}.lm_head.*`],
	...decoder('norm1', 'input_layernorm'),
	...decoder('norm2', 'post_attention_layernorm'),
	...decoder('attn.q_proj', 'self_attn.q_proj'),
	...decoder('attn.k_proj', 'self_attn.k_proj'),
	...decoder('attn.v_proj', 'self_attn.v_proj'),
	...decoder('attn.out_proj', 'self_attn.o_proj'),
	...decoder('mlp.gate_proj', 'mlp.gate_proj'),
	...decoder('mlp.up_proj', 'mlp.up_proj'),
	...decoder('mlp.down_proj', 'mlp.down_proj'),
	['decoder.norm.*', `${LANGUAGE}.model.norm.*`],
	['decoder.rotary_embd.*', `${LANGUAGE}.model.rotary_emb.*`]
];
