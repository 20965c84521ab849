import { InputError } from '../../tensor/errors.ts';
import { gridSide, type ProjectorConfig, type TextConfig, type VisionConfig } from '../config.ts';
import { parseProjector } from '../projectors/parse-config.ts';
import { pixelShuffle } from '../projectors/pixel-shuffle/definition.ts';

/**
 * The pixel shuffle that reads a tower's last hidden state; M follows from the tower's grid.
 * @param field what config.json calls the factor
 * @throws InputError when the factor does not divide the grid's side
 */
export function shuffledProjector(
	field: string,
	scale_factor: number,
	vision_config: VisionConfig,
	text_config: TextConfig
): ProjectorConfig {
	const side = gridSide(vision_config);
	if (side % scale_factor)
		throw new InputError(
			`config.json: ${field} ${scale_factor} does not divide the ${side} patches on a side of the vision tower's images; correct config.json.`
		);
	return parseProjector(
		{
			projector_type: pixelShuffle.type,
			num_query_tokens: (side / scale_factor) ** 2,
			feature_layer_index: vision_config.num_hidden_layers,
			scale_factor
		},
		vision_config,
		text_config
	);
}
