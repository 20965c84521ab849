import type { JsonObject } from '../../bytes/json.ts';
import { InputError } from '../../tensor/errors.ts';
import { activationNames } from '../activations.ts';
import { ConfigFields } from '../config-fields.ts';
import type { RopeScaling, TextConfig } from '../config.ts';
import { checkHeads } from '../heads.ts';

/**
 * Kinds of language model (`model_type`) that are decoders of LLaMA's kind. Others have keys like LLaMA's and compute something else
 * (norms of queries and keys, scaled embeddings, partial rotation), so they are refused by name.
 */
const served: readonly string[] = ['llama', 'mistral', 'hyperclovax'];
/** The one of them with the factors of muP. */
const MUP = 'hyperclovax';

/** Factors of muP. In other decoders with LLaMA's keys they may mean something else; at 1 they change nothing. */
const factors = [
	'embedding_multiplier',
	'residual_multiplier',
	'attention_multiplier',
	'logits_scaling'
] as const;

/** Reads `text_config` as transformers 4 and 5 write it. @throws InputError naming the field that is wrong or not served */
export function parseText(json: JsonObject, where = 'text_config'): TextConfig {
	const fields = new ConfigFields(json, where);
	const model_type = fields.string('model_type', 'llama');
	if (!served.includes(model_type))
		throw new InputError(
			`${where}.model_type is "${model_type}", a language model that this converter does not serve; it serves ${served.join(', ')}.`
		);
	const mup = model_type === MUP;
	for (const name of [...(mup ? [] : factors), 'partial_rotary_factor'])
		if (fields.number(name, 1) !== 1)
			throw new InputError(
				`${where}.${name} is ${fields.number(name)}, which LLaMA does not have and this converter does not serve.`
			);
	const hidden_size = fields.count('hidden_size', undefined, 1);
	const num_attention_heads = fields.count('num_attention_heads', undefined, 1);
	const num_key_value_heads = fields.count('num_key_value_heads', num_attention_heads, 1);
	checkHeads(
		where,
		['num_attention_heads', num_attention_heads],
		['num_key_value_heads', num_key_value_heads]
	);
	const positions = fields.count('max_position_embeddings', 2048, 1);
	const hidden_act = fields.oneOf('hidden_act', activationNames, 'silu');
	const vocab_size = fields.count('vocab_size', undefined, 1);
	const padded_vocab_size = fields.count('padded_vocab_size', vocab_size, vocab_size);
	return {
		vocab_size,
		...(padded_vocab_size > vocab_size && { padded_vocab_size }),
		hidden_size,
		intermediate_size: fields.count('intermediate_size', undefined, 1),
		num_hidden_layers: fields.count('num_hidden_layers', undefined, 1),
		num_attention_heads,
		num_key_value_heads,
		head_dim: fields.count('head_dim', hidden_size / num_attention_heads, 1),
		rms_norm_eps: fields.number('rms_norm_eps', 1e-6),
		...parseRope(fields),
		...(hidden_act !== 'silu' && { hidden_act }),
		...(fields.boolean('attention_bias', false) && { attention_bias: true }),
		...(fields.boolean('mlp_bias', false) && { mlp_bias: true }),
		...(mup && parseMup(fields)),
		// Within its sliding window a decoder attends as one without; further it is not let.
		max_position_embeddings: fields.has('sliding_window')
			? Math.min(positions, fields.count('sliding_window', undefined, 1))
			: positions,
		tie_word_embeddings: fields.boolean('tie_word_embeddings', false),
		bos_token_id: fields.count('bos_token_id', 1),
		eos_token_id: fields.counts('eos_token_id', 2),
		pad_token_id: fields.integer('pad_token_id', 0)
	};
}

/** HyperCLOVA X's factors that are there, and its norms behind sublayers. A factor of 1 for q·k is none of head_dim^−½. */
function parseMup(fields: ConfigFields): Partial<Pick<TextConfig, (typeof factors)[number] | 'post_norm'>> {
	const said = factors.filter((name) => fields.has(name));
	return {
		...Object.fromEntries(said.map((name) => [name, fields.positive(name)])),
		...(fields.boolean('use_post_norm', false) && { post_norm: true })
	};
}

/**
 * The rotary embedding: transformers 4 writes `rope_theta` and `rope_scaling` (whose kind was `type` before 4.43), transformers 5 both in
 * `rope_parameters`. Where a config has both, they must say the same.
 */
function parseRope(fields: ConfigFields): Pick<TextConfig, 'rope_theta' | 'rope_scaling'> {
	const parameters = fields.section('rope_parameters');
	const nested = parameters?.names().find((name) => parameters.isObject(name));
	if (nested !== undefined)
		throw new InputError(
			`text_config.rope_parameters has parameters for one kind of layer alone (${nested}), which this converter does not serve.`
		);
	if (parameters && parameters.number('partial_rotary_factor', 1) !== 1)
		throw new InputError(
			`text_config.rope_parameters.partial_rotary_factor is ${parameters.number('partial_rotary_factor')}, which LLaMA does not have and this converter does not serve.`
		);
	const said = [
		...(parameters?.has('rope_theta') ? [parameters.number('rope_theta')] : []),
		...(fields.has('rope_theta') ? [fields.number('rope_theta')] : [])
	];
	if (new Set(said).size > 1)
		throw new InputError(
			`text_config has the RoPE base ${said[0]} in rope_parameters and ${said[1]} in rope_theta; correct the one that the model was not trained with.`
		);
	const old = fields.section('rope_scaling');
	const scalings = [parameters, old].flatMap((section) => (section ? [scalingOf(section)] : []));
	const [scaling, other] = scalings;
	if (scalings.length > 1 && JSON.stringify(scaling) !== JSON.stringify(other))
		throw new InputError(
			'text_config.rope_parameters and text_config.rope_scaling scale RoPE differently; correct the one that the model was not trained with.'
		);
	return { rope_theta: said[0] ?? 10000, ...(scaling && { rope_scaling: scaling }) };
}

/** Undefined for the kind that changes nothing. */
function scalingOf(fields: ConfigFields): RopeScaling | undefined {
	const kind = fields.string('rope_type', fields.string('type', 'default'));
	const factor = () => fields.positive('factor');
	switch (kind) {
		case 'default':
			return undefined;
		case 'linear':
			return { rope_type: 'linear', factor: factor() };
		case 'llama3':
			return {
				rope_type: 'llama3',
				factor: factor(),
				low_freq_factor: fields.positive('low_freq_factor'),
				high_freq_factor: fields.positive('high_freq_factor'),
				original_max_position_embeddings: fields.count('original_max_position_embeddings', undefined, 1)
			};
		default:
			throw new InputError(
				`text_config asks for RoPE scaling of the kind "${kind}", which this converter does not serve; it serves linear and llama3.`
			);
	}
}
