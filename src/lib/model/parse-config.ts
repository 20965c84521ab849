import { isObject, type JsonObject } from '../bytes/json.ts';
import { InputError } from '../tensor/errors.ts';
import { ConfigFields } from './config-fields.ts';
import type { HoneybeeConfig, LmConfig, ProjectorConfig, TextConfig, VisionConfig } from './config.ts';
import { clipNormalization } from './image/preprocess.ts';
import { parseText } from './language/parse-config.ts';
import { projectorDefinition } from './projectors/registry.ts';

/**
 * Upstream's migrations of an old config.json (SPEC §1: top-level `hidden_size` dropped, `visual_projector_config` renamed,
 * top-level `num_query_tokens` moved into it). Gives a new object.
 */
export function migrateConfig(json: JsonObject): JsonObject {
	const { hidden_size: _dropped, visual_projector_config: old, ...rest } = json;
	if (old === undefined) return rest;
	if (!isObject(old))
		throw new InputError('config.json: visual_projector_config is not an object; restore the original file.');
	const { num_query_tokens, ...others } = rest;
	if (num_query_tokens === undefined)
		throw new InputError(
			'config.json has the old visual_projector_config but no top-level num_query_tokens; restore the original file.'
		);
	const { encoder_hidden_size: _recomputed, ...projector_config } = old;
	// The old release appended one eos token where its config said nothing.
	return { ...others, projector_config: { num_eos_tokens: 1, ...projector_config, num_query_tokens } };
}

function parseVision(json: JsonObject): VisionConfig {
	const fields = new ConfigFields(json, 'vision_config');
	const config: VisionConfig = {
		hidden_size: fields.count('hidden_size', undefined, 1),
		intermediate_size: fields.count('intermediate_size', undefined, 1),
		num_hidden_layers: fields.count('num_hidden_layers', undefined, 1),
		num_attention_heads: fields.count('num_attention_heads', undefined, 1),
		num_channels: fields.count('num_channels', 3, 1),
		patch_size: fields.count('patch_size', undefined, 1),
		image_size: fields.count('image_size', undefined, 1),
		hidden_act: fields.oneOf('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
		layer_norm_eps: fields.number('layer_norm_eps', 1e-5),
		image_mean: fields.numbers('image_mean', 3, clipNormalization.mean),
		image_std: fields.numbers('image_std', 3, clipNormalization.std)
	};
	if (config.hidden_size % config.num_attention_heads)
		throw new InputError(
			`vision_config: hidden_size ${config.hidden_size} is not a multiple of num_attention_heads ${config.num_attention_heads}; correct config.json.`
		);
	return config;
}

function parseLm(json: JsonObject): LmConfig {
	const fields = new ConfigFields(json, 'lm_config');
	const pretrained_lm_name_or_path = fields.string('pretrained_lm_name_or_path', 'unknown');
	return {
		pretrained_lm_name_or_path,
		pretrained_tokenizer_name_or_path: fields.string(
			'pretrained_tokenizer_name_or_path',
			pretrained_lm_name_or_path
		)
		// `delta_model_name_or_path` is not read: upstream adds that delta to the language model before it loads the checkpoint, which
		// holds the sum.
	};
}

/**
 * Reads a projector's config, whose type its definition knows.
 * @param where Name of the section, for messages.
 * @throws InputError that names the field.
 */
export function parseProjector(
	json: JsonObject,
	vision: Pick<VisionConfig, 'hidden_size'>,
	text: Pick<TextConfig, 'hidden_size'>,
	where = 'projector_config'
): ProjectorConfig {
	const fields = new ConfigFields(json, where);
	const definition = projectorDefinition(fields.string('projector_type'));
	return definition.parseConfig(fields, {
		num_query_tokens: fields.count('num_query_tokens', undefined, 1),
		num_eos_tokens: fields.count('num_eos_tokens', 0),
		feature_layer_index: fields.layerIndex('feature_layer_index', -1),
		pos_emb: fields.boolean('pos_emb', false),
		// Upstream recomputes both from the towers, whatever the file says.
		encoder_hidden_size: vision.hidden_size,
		output_hidden_size: text.hidden_size
	});
}

/**
 * Reads upstream's config.json (any release) into the fields the model needs.
 * @throws InputError that names the field.
 */
export function parseConfig(json: unknown): HoneybeeConfig {
	if (!isObject(json)) throw new InputError('config.json is not a JSON object; restore the original file.');
	const migrated = migrateConfig(json);
	const section = (name: string): JsonObject => {
		const value = migrated[name];
		if (!isObject(value))
			throw new InputError(
				`config.json has no ${name}; is this the checkpoint folder of a Honeybee model (…/last)?`
			);
		return value;
	};
	const vision_config = parseVision(section('vision_config'));
	const text_config = parseText(section('text_config'));
	return {
		vision_config,
		text_config,
		lm_config: parseLm(section('lm_config')),
		projector_config: parseProjector(section('projector_config'), vision_config, text_config)
	};
}
