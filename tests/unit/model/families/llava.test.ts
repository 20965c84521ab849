import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/lib/bytes/json.ts';
import { gridSide } from '../../../../src/lib/model/config.ts';
import type { FamilyFolder } from '../../../../src/lib/model/families/definition.ts';
import { recogniseFamily } from '../../../../src/lib/model/families/recognise.ts';
import { canonicalKeys, storedKey } from '../../../../src/lib/model/keys.ts';
import { projectorOf } from '../../../../src/lib/model/projectors/registry.ts';
import { openSources } from '../../../../src/lib/model/convert/source.ts';
import { folderInMemory } from '../../../support/disk-folder.ts';
import { ShapesOnly } from '../../../support/official-manifest.ts';

const read = (path: string) =>
	JSON.parse(readFileSync(`tests/fixtures/families/${path}`, 'utf8')) as JsonObject;
const folder = (json: FamilyFolder['json'], vision?: FamilyFolder['json']): FamilyFolder => ({
	...{ name: 'folder', json, text: {}, entries: new Map() },
	...(vision && { vision: { name: 'tower', json: vision } })
});
const parse = (config: JsonObject, vision?: FamilyFolder['json']) =>
	recogniseFamily(config, 'folder', []).parse(folder({ 'config.json': config }, vision));

describe('what savers leave out', () => {
	it('the published llava-1.5-7b-hf has no sizes of its language model, and no picture settings in config.json', () => {
		const { config, image } = parse({
			model_type: 'llava',
			text_config: {
				model_type: 'llama',
				rms_norm_eps: 1e-5,
				vocab_size: 32064,
				max_position_embeddings: 4096
			},
			vision_config: {
				...{ hidden_size: 1024, intermediate_size: 4096, num_hidden_layers: 24, num_attention_heads: 16 },
				...{ image_size: 336, patch_size: 14, model_type: 'clip_vision_model' }
			}
		});
		expect(config.text_config).toMatchObject({
			...{ hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32, num_attention_heads: 32 },
			...{ num_key_value_heads: 32, head_dim: 128, rope_theta: 10000, vocab_size: 32064, rms_norm_eps: 1e-5 }
		});
		expect(config.projector_config).toMatchObject({
			num_query_tokens: 576,
			feature_layer_index: -2,
			depth: 2
		});
		expect(image).toMatchObject({ size: 336, fit: 'crop' });
	});

	it('a section that is there has its class’s defaults, one that is absent the family’s', () => {
		const given = parse({ model_type: 'llava', text_config: {}, vision_config: { hidden_size: 768 } });
		expect(gridSide(given.config.vision_config)).toBe(7);
		const absent = parse({ model_type: 'llava', text_config: {} });
		expect(gridSide(absent.config.vision_config)).toBe(24);
	});

	it('Mistral’s defaults are its own', () => {
		const { config } = parse({ model_type: 'llava', text_config: { model_type: 'mistral' } });
		expect(config.text_config).toMatchObject({ num_key_value_heads: 8, intermediate_size: 14336 });
	});

	it('the sizes of a tower that is named as published are known', () => {
		const flat = read('llava-original/checkpoint/config.json');
		const { config, image } = parse({
			...flat,
			mm_projector_type: 'linear',
			image_aspect_ratio: undefined
		});
		expect(config.vision_config).toMatchObject({ hidden_size: 1024, num_hidden_layers: 24, image_size: 336 });
		// Absent, both words mean something else than LLaVA-1.5 has.
		expect(config.projector_config).toMatchObject({ depth: 1 });
		expect(image.fit).toBe('crop');
	});
});

describe('features of several layers', () => {
	it('are joined before the projector', () => {
		const { config } = parse({ model_type: 'llava', text_config: {}, vision_feature_layer: [-2, -5, 3] });
		expect(config.projector_config.feature_layer_index).toEqual([-2, -5, 3]);
		const graph = projectorOf(config.projector_config).graph(new ShapesOnly(), 24);
		expect(graph.ports().inputs[0]).toMatchObject({ name: 'visual_features', dims: ['image', 576, 3072] });
	});
});

describe('the four spellings of a state dict', () => {
	const { keys } = recogniseFamily({ model_type: 'llava', text_config: {} }, 'folder', []);
	it.each([
		['model.layers.0.mlp.up_proj.weight', 'language_model.model.layers.0.mlp.up_proj.weight'],
		['language_model.model.norm.weight', 'language_model.model.norm.weight'],
		['model.language_model.norm.weight', 'language_model.model.norm.weight'],
		['lm_head.weight', 'language_model.lm_head.weight'],
		['language_model.lm_head.weight', 'language_model.lm_head.weight'],
		['model.mm_projector.2.bias', 'abstractor.net.2.bias'],
		['model.mm_projector.weight', 'abstractor.net.0.weight'],
		['multi_modal_projector.linear_2.bias', 'abstractor.net.2.bias'],
		['model.multi_modal_projector.linear_1.weight', 'abstractor.net.0.weight'],
		['vision_tower.vision_model.pre_layrnorm.bias', 'vision_model.vision_model.pre_layrnorm.bias'],
		['vision_tower.pre_layrnorm.bias', 'vision_model.vision_model.pre_layrnorm.bias'],
		['model.vision_tower.pre_layrnorm.bias', 'vision_model.vision_model.pre_layrnorm.bias'],
		['model.vision_tower.vision_model.pre_layrnorm.bias', 'vision_model.vision_model.pre_layrnorm.bias'],
		[
			'model.vision_tower.vision_tower.vision_model.pre_layrnorm.bias',
			'vision_model.vision_model.pre_layrnorm.bias'
		]
	])('%s', (stored, canonical) => {
		expect(canonicalKeys(keys, stored)).toEqual([canonical]);
		// And back: to the spelling that the table names first.
		const back = storedKey(keys, canonical)!;
		expect(canonicalKeys(keys, back.stored)).toEqual([canonical]);
	});
});

it.each([
	['llava-hf-4', 'transformers 4 (tower under vision_tower.vision_model.…)', []],
	[
		'llava-hf-5',
		'transformers 5 (tower under vision_tower.…)',
		[/vision_tower\.embeddings… without the level/]
	]
] as const)(
	'%s tells where its tower lies, and what another release makes of it',
	async (name, spelling, said) => {
		const folder = folderInMemory(`tests/fixtures/families/${name}/checkpoint`);
		const [source] = await openSources(folder, async () => undefined);
		expect(source!.about.spelling).toBe(spelling);
		expect(source!.followed).toEqual(said.map((words) => expect.stringMatching(words) as string));
		expect(source!.notes).toEqual(source!.followed);
	}
);
