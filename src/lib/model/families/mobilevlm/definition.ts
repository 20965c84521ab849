import { InputError } from '../../../tensor/errors.ts';
import { gridSide } from '../../config.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { tokenSide } from '../../projectors/ldpnet/config.ts';
import { ldpNet } from '../../projectors/ldpnet/definition.ts';
import { SIDE } from '../../projectors/ldpnet-v2/config.ts';
import { ldpNetV2 } from '../../projectors/ldpnet-v2/definition.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { flatFamily, flatKeys, flatModel, parseFlatLlava } from '../flat-llava.ts';
import { llavaWording } from '../llava-wording.ts';

/** MobileVLM and MobileVLM V2: a CLIP tower, a downsampling projector, a small LLaMA. */
export const mobilevlm: FamilyDefinition = {
	...flatFamily,
	name: 'mobilevlm',
	title: 'MobileVLM',
	goldens: ['mobilevlm-v1', 'mobilevlm-v2'],
	wording: llavaWording(
		"Meituan-AutoML/MobileVLM at 688fdec, mobilevlm/eval, with LLaVA's files of questions"
	),
	published: [{ name: 'mtgv/MobileVLM_V2-1.7B' }, { name: 'mtgv/MobileVLM-1.7B' }],
	recognise: ({ model_type }) => model_type === 'mobilevlm',
	keys: [['model.mm_projector.*', `${PROJECTOR}.*`], ...flatKeys],
	parse
};

function parse(folder: FamilyFolder): FamilyModel {
	const flat = parseFlatLlava(folder);
	const { fields, vision_config } = flat;
	const tower = fields.string('vision_tower_type', 'clip');
	if (tower !== 'clip')
		throw new InputError(
			`config.json of ${folder.name} has vision_tower_type "${tower}"; MobileVLM is served with clip.`
		);
	// Matched by its beginning, the newer first, as upstream does.
	const type = fields.string('mm_projector_type', 'linear');
	const newer = type.startsWith('ldpnetv2');
	if (!newer && !type.startsWith(ldpNet.type))
		throw new InputError(
			`config.json of ${folder.name} has mm_projector_type "${type}", which is not served for MobileVLM; it is served with ldpnet and ldpnetv2.`
		);
	const projector = newer
		? { projector_type: ldpNetV2.type, num_query_tokens: SIDE ** 2 }
		: { projector_type: ldpNet.type, num_query_tokens: tokenSide(gridSide(vision_config)) ** 2 };
	return flatModel(flat, projector, {
		spelling: newer ? 'MobileVLM V2' : 'MobileVLM V1',
		reference: `Meituan-AutoML/MobileVLM at 688fdec${newer ? '' : ', but with the tower in the file where there is one (upstream loads the one of its folder over it)'}`
	});
}
