import { InputError } from '../../../tensor/errors.ts';
import { gridSide } from '../../config.ts';
import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { tokenPacker } from '../../projectors/token-packer/definition.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { flatFamily, flatKeys, flatModel, parseFlatLlava } from '../flat-llava.ts';
import { llavaWording } from '../llava-wording.ts';

const HOME = 'model.mm_projector';
/** Hidden states that keys and values are made of, counted from the front whatever the tower. */
const LEVELS = [12, 16, 22, 23] as const;

const stacked = (end: 'weight' | 'bias') =>
	[
		`${HOME}.clip_attn.in_proj_${end}`,
		...(['q', 'k', 'v'] as const).map((name) => `${PROJECTOR}.clip_attn.${name}_proj.${end}`)
	] as unknown as readonly [string, string, string, string];

/** TokenPacker: a CLIP tower, of which several layers are read, a query for each window of patches, LLaMA. */
export const tokenpacker: FamilyDefinition = {
	...flatFamily,
	name: 'tokenpacker',
	title: 'TokenPacker',
	goldens: ['tokenpacker'],
	wording: llavaWording("CircleRadon/TokenPacker at 771a16e, llava/eval, with LLaVA's files of questions"),
	published: [{ name: 'sunshine-lwt/TokenPacker-7b-144token' }],
	recognise: ({ mm_projector_type }) => mm_projector_type === 'tokenpacker',
	keys: [stacked('weight'), stacked('bias'), [`${HOME}.*`, `${PROJECTOR}.*`], ...flatKeys],
	parse
};

function parse(folder: FamilyFolder): FamilyModel {
	const flat = parseFlatLlava(folder);
	const { fields, vision_config, layers } = flat;
	// The key was `down_rate` before July 2024; one branch has neither and means 2.
	const scale = fields.has('scale_factor')
		? fields.count('scale_factor', undefined, 1)
		: fields.count('down_rate', 2, 1);
	const side = gridSide(vision_config);
	if (side % scale)
		throw new InputError(
			`config.json of ${folder.name} has scale_factor ${scale}, and the ${side} patches on a side of the vision tower's pictures cannot be cut into windows of that; correct config.json.`
		);
	const states = vision_config.num_hidden_layers;
	if (states < LEVELS[3])
		throw new InputError(
			`The vision tower of ${folder.name} has ${states} layers, but TokenPacker reads the states ${LEVELS.join(', ')}; give the tower that it was trained with.`
		);
	const [selected = -2] = [layers].flat();
	const absolute = selected < 0 ? states + 1 + selected : selected;
	return flatModel(
		// The query is made of the last one.
		{ ...flat, layers: absolute === LEVELS[3] ? LEVELS : [...LEVELS, absolute] },
		{
			projector_type: tokenPacker.type,
			num_query_tokens: (side / scale) ** 2,
			scale_factor: scale,
			num_feature_levels: LEVELS.length
		},
		{
			reference:
				'CircleRadon/TokenPacker at 771a16e with pictures as in its evaluation, but with the tower in the file where there is one (upstream loads the one of its folder over it)'
		}
	);
}
