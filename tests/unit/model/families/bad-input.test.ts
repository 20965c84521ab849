import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/cli/io/hash.ts';
import type { JsonObject } from '../../../../src/lib/bytes/json.ts';
import { memoryFolder, memorySource } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors, writeSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import type { SourceFolder } from '../../../../src/lib/checkpoint/source.ts';
import { convert } from '../../../../src/lib/model/convert/convert.ts';
import { openCheckpointIn } from '../../../../src/lib/model/convert/pick.ts';
import { recogniseFamily } from '../../../../src/lib/model/families/recognise.ts';
import { InputError } from '../../../../src/lib/tensor/errors.ts';
import { folderInMemory } from '../../../support/disk-folder.ts';
import { memorySink } from '../../../support/memory-sink.ts';

const sets = 'tests/fixtures/families';
const json = (path: string) => JSON.parse(readFileSync(`${sets}/${path}`, 'utf8')) as JsonObject;
const CLIP = 'openai/clip-vit-large-patch14-336';

/** A golden folder with other values in one of its JSON files, or without files. */
function changed(
	path: string,
	file: string,
	changes: JsonObject,
	without: readonly string[] = []
): SourceFolder {
	const whole = folderInMemory(`${sets}/${path}`, {
		[file]: JSON.stringify({ ...json(`${path}/${file}`), ...changes })
	});
	return {
		...whole,
		list: async () => (await whole.list()).filter((name) => !without.includes(name)),
		open: async (name) => (without.includes(name) ? undefined : whole.open(name))
	};
}

/** The sentence with which a conversion ends before it has written anything. */
async function refusal(checkpoint: SourceFolder, vision?: SourceFolder): Promise<string> {
	const sink = memorySink();
	const error: unknown = await convert({
		...{ checkpoint, sink, dtype: 'fp32', name: 'model', createHash: sha256 },
		resolve: async () => vision
	}).catch((reason: unknown) => reason);
	expect(error).toBeInstanceOf(InputError);
	const { message } = error as InputError;
	expect(message).not.toContain('\n');
	expect(Object.keys(sink.files)).toEqual([]);
	return message;
}

describe('folders of known families that cannot be converted', () => {
	const tower = folderInMemory(`${sets}/mobilevlm-v1/${CLIP}`);

	it.each<[string, SourceFolder, string, SourceFolder?]>([
		[
			'LLaVA without its tower',
			folderInMemory(`${sets}/llava-original/checkpoint`),
			'checkpoint holds no vision tower: it is openai/clip-vit-large-patch14-336, in a folder of its own; give that folder, too (--vision DIR'
		],
		[
			'LLaVA with a folder that holds no tower',
			folderInMemory(`${sets}/llava-original/checkpoint`),
			'last holds no CLIP vision tower, which checkpoint takes from',
			folderInMemory('tests/fixtures/golden/mlp/last')
		],
		[
			'an unknown projector of LLaVA',
			changed('llava-original/checkpoint', 'config.json', { mm_projector_type: 'pixels' }),
			'mm_projector_type "pixels", which LLaVA-1.5 does not have and this version does not serve; it serves linear and mlpNx_gelu',
			folderInMemory(`${sets}/llava-original/vision`)
		],
		[
			'an unknown projector of MobileVLM',
			changed('mobilevlm-v1/model', 'config.json', { mm_projector_type: 'mlp2x_gelu' }),
			'mm_projector_type "mlp2x_gelu", which is not served for MobileVLM; it is served with ldpnet and ldpnetv2',
			tower
		],
		[
			'tiles',
			changed('tokenpacker/model', 'config.json', { image_aspect_ratio: 'slice' }),
			'image_aspect_ratio "slice", which cuts pictures into tiles',
			folderInMemory(`${sets}/tokenpacker/${CLIP}`)
		],
		[
			'the class token among the patches',
			changed('llava-hf-4/checkpoint', 'config.json', { vision_feature_select_strategy: 'full' }),
			'vision_feature_select_strategy "full", which keeps the class token'
		],
		[
			'the processor file of another model',
			changed('llava-hf-4/checkpoint', 'preprocessor_config.json', {
				image_processor_type: 'SiglipImageProcessor'
			}),
			'preprocessor_config.json in checkpoint is of a SiglipImageProcessor'
		],
		[
			'a processor file for other sizes',
			changed('llava-hf-4/checkpoint', 'preprocessor_config.json', { crop_size: 336 }),
			'preprocessor_config.json in checkpoint makes pictures of 336 pixels, and the vision tower takes 112'
		],
		[
			'no tokenizer',
			changed('mobilevlm-v1/model', 'config.json', {}, ['tokenizer.model']),
			'model holds no tokenizer (neither tokenizer.json nor tokenizer.model)',
			tower
		],
		[
			'the official tower’s name over another tower',
			folderInMemory(`${sets}/mobilevlm-v1/model`),
			'The vision tower in model has 64 patches of width 64, and openai/clip-vit-large-patch14-336 has 576 of width 1024; give the folder of the right tower'
		],
		[
			'HyperCLOVA X without its tokenizer',
			changed('hyperclovax-seed-vision/model', 'config.json', {}, ['tokenizer.json']),
			'model holds no tokenizer (neither tokenizer.json nor tokenizer.model)'
		],
		[
			'HyperCLOVA X with another projector',
			changed('hyperclovax-seed-vision/model', 'config.json', { mm_projector_type: 'mlp' }),
			'mm_projector_type "mlp"; of this family models with a C-Abstractor ("cabstractor") are served'
		],
		[
			'Kanana without a tokenizer',
			changed('kanana-v/model', 'config.json', {}, ['tokenizer.json']),
			'model holds no tokenizer (neither tokenizer.json nor tokenizer.model)'
		],
		[
			'Kanana with the processor file of another model',
			changed('kanana-v/model', 'preprocessor_config.json', {
				image_processor_type: 'Qwen2VLImageProcessor'
			}),
			'preprocessor_config.json in model is of another model (image_processor_type Qwen2VLImageProcessor)'
		],
		[
			'an unknown projector of Kanana',
			changed('kanana-v/model', 'config.json', { projector_config: { projector_type: 'mlp' } }),
			'projector_type "mlp", which is not served for Kanana-1.5-v; it is served with dynamic-c-abs'
		],
		[
			'360VL without its tower',
			folderInMemory(`${sets}/360vl/model`),
			'model holds no vision tower: it is openai/clip-vit-large-patch14-336, in a folder of its own'
		],
		[
			'an unknown projector of 360VL',
			changed('360vl/model', 'config.json', { mm_projector_type: 'resampler' }),
			'mm_projector_type "resampler", which is not served for 360VL; it is served with c-abs',
			folderInMemory(`${sets}/360vl/clip`)
		],
		[
			'360VL without a tokenizer',
			changed('360vl/model', 'config.json', {}, ['tokenizer.json']),
			'model holds no tokenizer (neither tokenizer.json nor tokenizer.model)',
			folderInMemory(`${sets}/360vl/clip`)
		],
		[
			'windows that do not fit',
			changed('tokenpacker/model', 'config.json', { scale_factor: 3 }),
			'scale_factor 3, and the 8 patches on a side',
			folderInMemory(`${sets}/tokenpacker/${CLIP}`)
		]
	])('%s', async (_, checkpoint, message, vision) => {
		expect(await refusal(checkpoint, vision)).toContain(message);
	});

	it.each([
		['without a vision tower', /^vision_model\./, 'has no tensor vision_model.vision_model.'],
		['without a projector', /^(mm_projector\.|image_newline)/, 'has no tensor abstractor.'],
		['without its newline', /^image_newline$/, 'has no tensor abstractor.image_newline'],
		['without a language model', /^language_model\./, 'has no tensor language_model.']
	])('a part of a model, %s', async (_, missing, message) => {
		const path = `${sets}/hyperclovax-seed-vision-mup/model`;
		const file = await openSafetensors(
			memorySource('model.safetensors', new Uint8Array(readFileSync(`${path}/model.safetensors`)))
		);
		const kept = [...file.entries.keys()].filter((name) => !missing.test(name));
		const part = writeSafetensors(
			await Promise.all(kept.map(async (name) => [name, await file.read(name)] as const))
		);
		const whole = folderInMemory(path);
		const folder: SourceFolder = {
			...whole,
			open: async (name) =>
				name === 'model.safetensors' ? memorySource('model.safetensors', part) : whole.open(name)
		};
		expect(await refusal(folder)).toContain(message);
	});

	it('a projector alone is told for what it is', async () => {
		const file = writeSafetensors([
			['model.mm_projector.0.weight', { dtype: 'float32', dims: [2, 3], data: new Float32Array(6) }]
		]);
		// openWeights goes by the extension; what counts is that nothing else is there.
		const alone = memoryFolder('pretrained', { 'config.json': new TextEncoder().encode('{}') });
		const message = await refusal({
			...alone,
			list: async () => ['config.json', 'mm_projector.bin'],
			open: async (path) =>
				path === 'mm_projector.bin'
					? { name: 'x.safetensors', size: file.length, read: async (a, b) => file.slice(a, b) }
					: alone.open(path)
		});
		expect(message).toContain(
			'pretrained holds mm_projector.bin alone, a projector of LLaVA’s form'.replace('’', "'")
		);
		expect(message).toContain('(matrices 2×3)');
	});
});

describe('other folders', () => {
	it.each([
		['videollama2_mistral', 'VideoLLaMA2'],
		['hyperclovax', 'HyperCLOVA X SEED (text)'],
		['hyperclovax_vision_v2', 'HyperCLOVA X Vision V2'],
		['internvl_chat', 'InternVL'],
		['qwen2_5_vl', 'Qwen-VL'],
		['llava_onevision', 'LLaVA-OneVision'],
		['llava_next', 'LLaVA-NeXT'],
		['idefics2', 'Idefics2']
	])('%s is known by name and refused in a sentence', (model_type, title) => {
		const recognise = () => recogniseFamily({ model_type, text_config: {}, vision_config: {} }, 'folder', []);
		expect(recognise).toThrow(InputError);
		expect(recognise).toThrow(`folder is a ${title} model, which is not served, since it has`);
	});

	it('get the nearest family and what differs', () => {
		const keys = [
			'model.vision_tower.vision_tower.vision_model.pre_layrnorm.weight',
			'model.mm_projector.0.weight',
			'model.layers.0.mlp.up_proj.weight',
			'extra.adapter.3.weight'
		];
		const recognise = (names: readonly string[]) => () =>
			recogniseFamily({ model_type: 'mine' }, 'folder', names);
		expect(recognise(keys)).toThrow(
			'config.json in folder (model_type "mine") is of no family that is served'
		);
		expect(recognise(keys)).toThrow(
			'whose names 3 of its 4 tensors have, but 1 tensors are named otherwise (extra.adapter.…)'
		);
		expect(recognise(keys.slice(2, 3))).toThrow('but it has no vision tower, it has no projector');
		expect(recognise(['x.y'])).toThrow(InputError);
	});

	it.each([
		...['smolvlm-256m/checkpoint', 'llava-hf-5/checkpoint', 'tokenpacker/model', 'mqt-llava/model'],
		...['hyperclovax-seed-vision-mup/model', 'kanana-v/model', '360vl/model']
	])('%s is its own family’s alone', (path) => {
		const config = json(`${path}/config.json`);
		expect(recogniseFamily(config, path, []).goldens).toContain(path.split('/')[0]);
	});
});

describe('a checkpoint and its tower in one folder', () => {
	it('are told apart, and the tower is found', async () => {
		const { checkpoint, resolve } = await openCheckpointIn(folderInMemory(`${sets}/mqt-llava`));
		expect(await checkpoint.open('model.safetensors.index.json')).toBeDefined();
		const tower = await resolve(CLIP, 'vision');
		expect(await tower?.open('pytorch_model.bin')).toBeDefined();
	});

	it('by what it is, whatever its folder is called', async () => {
		const { checkpoint, resolve } = await openCheckpointIn(folderInMemory(`${sets}/llava-original`));
		expect(await checkpoint.open('pytorch_model.bin.index.json')).toBeDefined();
		expect(await (await resolve(CLIP, 'vision'))?.open('model.safetensors')).toBeDefined();
	});
});

it('the files of a tower in a folder of its own are in the model’s provenance', async () => {
	const sink = memorySink();
	const manifest = await convert({
		...{ sink, dtype: 'fp32', name: 'model', createHash: sha256 },
		checkpoint: folderInMemory(`${sets}/llava-original/checkpoint`),
		resolve: async () => folderInMemory(`${sets}/llava-original/vision`)
	});
	const [source] = manifest.provenance.sources;
	const tower = source!.files.find(({ path }) => path === 'vision/model.safetensors');
	const hash = sha256();
	hash.update(new Uint8Array(readFileSync(`${sets}/llava-original/vision/model.safetensors`)));
	expect(tower?.sha256).toBe(hash.digest());
	expect(source!.files.map(({ path }) => path)).toContain('pytorch_model-00001-of-00002.bin');
});
