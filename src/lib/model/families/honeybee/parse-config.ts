import { isObject, type JsonObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { ConfigFields } from '../../config-fields.ts';
import type { HoneybeeConfig, LmConfig } from '../../config.ts';
import { parseText } from '../../language/parse-config.ts';
import { parseProjector } from '../../projectors/parse-config.ts';
import { parseVision } from '../../vision/parse-config.ts';

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
	const projector_config = parseProjector(section('projector_config'), vision_config, text_config);
	const { feature_layer_index: layers } = projector_config;
	if (typeof layers !== 'number')
		throw new InputError(
			`projector_config.feature_layer_index asks for features of ${layers.length} layers at once, which no shipped Honeybee does and this converter does not support; use one layer.`
		);
	return { vision_config, text_config, lm_config: parseLm(section('lm_config')), projector_config };
}
