import { PREFIX as PROJECTOR } from '../../projectors/parts.ts';
import { matryQuery } from '../../projectors/matry-query/definition.ts';
import type { FamilyDefinition, FamilyFolder, FamilyModel } from '../definition.ts';
import { flatFamily, flatKeys, flatModel, parseFlatLlava } from '../flat-llava.ts';
import { llavaWording } from '../llava-wording.ts';

const HOME = 'model.query_abstractor';
const stacked = (end: 'weight' | 'bias') =>
	[
		`${HOME}.attn.in_proj_${end}`,
		...(['q', 'k', 'v'] as const).map((name) => `${PROJECTOR}.attn.${name}_proj.${end}`)
	] as unknown as readonly [string, string, string, string];

/** MQT-LLaVA: a CLIP tower, any number of up to 256 nested queries, LLaMA. */
export const mqtLlava: FamilyDefinition = {
	...flatFamily,
	name: 'mqt-llava',
	title: 'MQT-LLaVA',
	goldens: ['mqt-llava'],
	wording: llavaWording("gordonhu608/MQT-LLaVA at 92c35d0, llava/eval, with LLaVA's files of questions"),
	published: [{ name: 'gordonhu/MQT-LLaVA-7b' }],
	// Training writes `mm_projector_type: linear` besides, and has no such layer.
	recognise: ({ query_abstractor_type, mm_vision_tower, num_visual_tokens }) =>
		query_abstractor_type !== undefined || (mm_vision_tower !== undefined && num_visual_tokens !== undefined),
	keys: [stacked('weight'), stacked('bias'), [`${HOME}.*`, `${PROJECTOR}.*`], ...flatKeys],
	parse
};

function parse(folder: FamilyFolder): FamilyModel {
	const flat = parseFlatLlava(folder);
	const [queries = 256] = folder.entries.get(`${PROJECTOR}.query`)?.dims ?? [];
	// Words of training (`first_stage`, `second_stage`) stand where no number was meant.
	const said = folder.json['config.json']?.num_visual_tokens;
	const M =
		typeof said === 'number' && Number.isInteger(said) && said >= 1 && said <= queries ? said : queries;
	const model = flatModel(
		flat,
		{ projector_type: matryQuery.type, num_query_tokens: M, num_queries: queries },
		{
			reference:
				'gordonhu608/MQT-LLaVA at 92c35d0: keys hold places alone, so that attention is the same for every picture; 256 visual tokens where the config has a word of training, for which upstream draws a number at random'
		}
	);
	// An even number was drawn for each step.
	return { ...model, trainedTokens: Array.from({ length: Math.floor(queries / 2) }, (_, i) => 2 * (i + 1)) };
}
