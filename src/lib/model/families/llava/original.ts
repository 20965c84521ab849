import type { JsonObject } from '../../../bytes/json.ts';
import { InputError } from '../../../tensor/errors.ts';
import { gridSide } from '../../config.ts';
import { mlp } from '../../projectors/mlp/definition.ts';
import type { FamilyFolder, FamilyModel } from '../definition.ts';
import { flatModel, parseFlatLlava } from '../flat-llava.ts';

/** Words of `mm_projector_type` in LLaVA's own builder. */
const linear = /^mlp(\d+)x_gelu$/;

/** Whether a flat config is LLaVA's own: it names a tower, no other family's layer, and no language model but LLaMA. */
export const servedProjector = (config: JsonObject): boolean =>
	(config.mm_vision_tower !== undefined || config.mm_projector_type !== undefined) &&
	(config.model_type === 'llava' || config.model_type === 'llava_llama');

/** The authors' form: flat, the tower in a folder of its own or, where it was trained, inside. */
export function parseOriginal(folder: FamilyFolder): FamilyModel {
	const flat = parseFlatLlava(folder);
	const type = flat.fields.string('mm_projector_type', 'linear');
	const depth = type === 'linear' ? 1 : Number(linear.exec(type)?.[1] ?? 0);
	if (depth < 1)
		throw new InputError(
			`config.json of ${folder.name} has mm_projector_type "${type}", which LLaVA-1.5 does not have and this version does not serve; it serves linear and mlpNx_gelu.`
		);
	const projector = {
		projector_type: mlp.type,
		hidden_act: 'gelu',
		depth,
		num_query_tokens: gridSide(flat.vision_config) ** 2
	};
	return flatModel(flat, projector, {
		spelling: 'original',
		reference: `haotian-liu/LLaVA: pictures are ${flat.image.fit === 'pad' ? 'padded to a square' : 'cropped to a square'} and resized by Pillow, transparency is dropped; text is tokenized piece by piece between pictures`
	});
}
