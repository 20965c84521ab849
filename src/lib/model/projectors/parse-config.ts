import type { JsonObject } from '../../bytes/json.ts';
import { ConfigFields } from '../config-fields.ts';
import type { ProjectorConfig, TextConfig, VisionConfig } from '../config.ts';
import { projectorDefinition } from './registry.ts';

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
		feature_layer_index: fields.layerIndices('feature_layer_index', -1),
		pos_emb: fields.boolean('pos_emb', false),
		...(fields.boolean('image_newline', false) && { image_newline: true }),
		// Upstream recomputes both from the towers, whatever the file says.
		encoder_hidden_size: vision.hidden_size,
		output_hidden_size: text.hidden_size
	});
}
