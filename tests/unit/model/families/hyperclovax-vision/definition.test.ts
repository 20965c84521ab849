import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/lib/bytes/json.ts';
import type { TensorEntry } from '../../../../../src/lib/checkpoint/checkpoint.ts';
import { memorySource } from '../../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../../../src/lib/checkpoint/safetensors.ts';
import { eosTokenIds } from '../../../../../src/lib/model/config.ts';
import { hyperclovaxVision as family } from '../../../../../src/lib/model/families/hyperclovax-vision/definition.ts';
import { canonicalKeys, underCanonicalKeys } from '../../../../../src/lib/model/keys.ts';
import { placesOf } from '../../../../../src/lib/model/places.ts';
import { ByteLevelTokenizer } from '../../../../../src/lib/model/text/byte-level.ts';

const root = new URL('../../../../fixtures/families/', import.meta.url);

async function folderOf(set: string) {
	const folder = new URL(`${set}/model/`, root);
	const read = (name: string) => readFileSync(new URL(name, folder));
	const json = Object.fromEntries(
		readdirSync(folder)
			.filter((name) => name.endsWith('.json'))
			.map((name) => [name, JSON.parse(read(name).toString()) as JsonObject])
	);
	const weights = await openSafetensors(memorySource(set, new Uint8Array(read('model.safetensors'))));
	const { entries } = underCanonicalKeys(weights, family.keys);
	return { name: set, json, text: {}, entries };
}

const published = await folderOf('hyperclovax-seed-vision');
const mup = await folderOf('hyperclovax-seed-vision-mup');
const config = published.json['config.json']!;
const pictures = published.json['preprocessor_config.json']!;

/** The folder with other files; undefined takes one away. */
function parseWith(
	files: Readonly<Record<string, JsonObject | undefined>>,
	entries: ReadonlyMap<string, TensorEntry> = published.entries
) {
	const json = Object.fromEntries(
		Object.entries({ ...published.json, ...files }).flatMap(([name, file]) => (file ? [[name, file]] : []))
	);
	return family.parse({ ...published, entries, json });
}
const without = (file: JsonObject, ...names: readonly string[]): JsonObject =>
	Object.fromEntries(Object.entries(file).filter(([name]) => !names.includes(name)));

describe('the two spellings', () => {
	const { text_config, num_queries_vis_abstractor_image, ...rest } = config;
	const first: JsonObject = {
		...without(
			rest,
			'image_token_id',
			'video_token_id',
			'num_queries_vis_abstractor_video_slow',
			'num_queries_vis_abstractor_video_fast'
		),
		language_config: text_config,
		num_queries_vis_abstractor: num_queries_vis_abstractor_image
	};

	it('say the same model', () => {
		const { spelling, ...later } = parseWith({});
		const { spelling: before, ...earlier } = parseWith({ 'config.json': first });
		expect(earlier).toEqual(later);
		expect([before, spelling]).toEqual([
			'the release of 2025-04 (language_config)',
			'the release of 2025-07 (text_config)'
		]);
	});
	it('are recognised, and other models of the series are not', () => {
		expect(family.recognise(config) && family.recognise(first)).toBe(true);
		for (const model_type of ['hyperclovax', 'hyperclovax_vision_v2', 'llama'])
			expect(family.recognise({ ...config, model_type })).toBe(false);
	});
	it('have the tower’s names in a file that transformers 5 wrote again, too', () => {
		const canonical = ['vision_model.vision_model.encoder.layers.0.mlp.fc1.weight'];
		expect(canonicalKeys(family.keys, canonical[0]!)).toEqual(canonical);
		expect(canonicalKeys(family.keys, 'vision_model.encoder.layers.0.mlp.fc1.weight')).toEqual(canonical);
		expect(canonicalKeys(family.keys, 'image_newline')).toEqual(['abstractor.image_newline']);
	});
	it('take GPT-2’s names of sizes', () => {
		const text = text_config as JsonObject;
		const old = {
			...without(text, 'hidden_size', 'max_position_embeddings', 'num_attention_heads', 'num_hidden_layers'),
			...{ n_embd: 96, n_positions: 16384, n_head: 4, n_layer: 3 }
		};
		const parsed = parseWith({ 'config.json': { ...config, text_config: old } });
		expect(parsed.config).toEqual(parseWith({}).config);
	});
});

describe('what is read', () => {
	it('is the tower before its last layer, without its last norm, and a C-Abstractor of its width', () => {
		const { vision_config, projector_config, text_config } = parseWith({}).config;
		expect(vision_config).toMatchObject({ tower: 'siglip', positions: 'raster', post_norm: false });
		expect(projector_config).toMatchObject({
			...{ projector_type: 'c-abs', feature_layer_index: -2, hidden_size: 64, depth: 3, mlp_depth: 2 },
			...{ num_query_tokens: 9, pos_emb: true, prenorm: false, num_eos_tokens: 0, image_newline: true }
		});
		expect(text_config.rope_theta).toBe(1e8);
		expect(text_config.post_norm).toBeUndefined();
	});
	it('has upstream’s defaults where config.json leaves out', () => {
		const plain = without(config, 'use_nth_layer', 'proj_pos_emb', 'proj_prenorm', 'unpad');
		const { config: parsed, image } = parseWith({
			'config.json': plain,
			'preprocessor_config.json': without(pictures, 'unpad')
		});
		expect(parsed.projector_config).toEqual(parseWith({}).config.projector_config);
		expect(image.unpad).toBe(false);
	});
	it('has every grid up to max_num_grids where none are listed, in upstream’s order', () => {
		const listed = parseWith({}).image;
		const counted = (use_1x1_grid: boolean) =>
			parseWith({
				'config.json': { ...without(config, 'possible_resolutions'), use_1x1_grid },
				'preprocessor_config.json': without(pictures, 'possible_resolutions')
			}).image;
		expect(counted(true)).toEqual(listed);
		expect(counted(false).grids).toEqual((listed.grids as unknown[]).slice(1));
	});
	it('has the factors of muP, and norms behind sublayers where they are stored, whatever config.json says', () => {
		const { text_config } = family.parse(mup).config;
		expect(text_config).toMatchObject({
			...{
				embedding_multiplier: 3,
				attention_multiplier: 0.1,
				residual_multiplier: 0.5,
				logits_scaling: 0.4
			},
			post_norm: true
		});
		const file = mup.json['config.json']!;
		const said = (use_post_norm: boolean | undefined) => ({
			...mup.json,
			'config.json': {
				...file,
				text_config: { ...without(file.text_config as JsonObject, 'use_post_norm'), use_post_norm }
			}
		});
		const norms = [...mup.entries].filter(([name]) => !/post_norm/.test(name));
		expect(family.parse({ ...mup, json: said(false) }).config.text_config.post_norm).toBe(true);
		expect(
			family.parse({ ...mup, json: said(true), entries: new Map(norms) }).config.text_config.post_norm
		).toBeUndefined();
	});
	it('has a head with more rows than there are tokens, where config.json says so, and an embedding with as many or not', () => {
		const text = config.text_config as JsonObject;
		const sizes = (vocab_size: number, padded_vocab_size: number) => {
			const { text_config } = parseWith({
				'config.json': { ...config, text_config: { ...text, vocab_size, padded_vocab_size } }
			}).config;
			return [text_config.vocab_size, text_config.padded_vocab_size];
		};
		// Both matrices of the file have 512 rows.
		expect(sizes(491, 512)).toEqual([512, undefined]);
		expect(sizes(512, 512)).toEqual([512, undefined]);
		expect(sizes(512, 640)).toEqual([512, 640]);
	});
	it('ends an answer at any of the series’ end tokens', () => {
		expect(eosTokenIds(parseWith({}).config.text_config)).toEqual([489, 488, 487]);
		const alone = { 'generation_config.json': undefined };
		expect(eosTokenIds(parseWith(alone).config.text_config).toSorted((a, b) => a - b)).toEqual([
			487, 488, 489
		]);
		const nameless = { ...alone, 'tokenizer_config.json': undefined };
		expect(eosTokenIds(parseWith(nameless).config.text_config)).toEqual([489]);
	});
});

describe('prompts', () => {
	const { prompt } = parseWith({});
	const golden = JSON.parse(readFileSync(new URL('hyperclovax-seed-vision/golden.json', root), 'utf8')) as {
		readonly cases: Readonly<
			Record<
				string,
				{
					readonly prompt: string;
					readonly images: readonly string[];
					readonly messages: readonly { readonly content: string | readonly { readonly text?: string }[] }[];
				}
			>
		>;
	};
	const system = '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n';

	it.each(['main', 'wide', 'tall', 'multi', 'text'])(
		'%s: the checkpoint’s template, with file names',
		(name) => {
			const { prompt: expected, images, messages } = golden.cases[name]!;
			const { content } = messages.at(-1)!;
			const question = typeof content === 'string' ? content : content.at(-1)!.text!;
			const { text } = family.prompt.conversation(
				[{ question, imageCount: images.length, imageNames: images }],
				prompt
			);
			expect(text).toBe(expected.replace(system, ''));
		}
	);
	it('keep an earlier answer as it was generated', () => {
		const turns = [
			{ question: 'What?', imageCount: 0, answer: ' A ball.' },
			{ question: 'And?', imageCount: 0 }
		];
		expect(family.prompt.conversation(turns, prompt).text).toContain(
			'<|im_start|>assistant\n A ball.<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n'
		);
	});
	it('refuse the tokenizer of another model', () => {
		const tokenizer = new ByteLevelTokenizer({
			tokenizer_json: published.json['tokenizer.json'],
			tokenizer_config: published.json['tokenizer_config.json']
		});
		const encode = (image_token_id: number) =>
			family.prompt.encode({ text: '<|dummy3|>x' }, tokenizer, [{ perView: 9, views: [{}], positions: 2 }], {
				...prompt,
				image_token_id
			}).input_ids;
		expect(encode(485).slice(0, 2)).toEqual([-1, -1]);
		const silent = parseWith({ 'config.json': without(config, 'image_token_id', 'img_start_id') });
		expect(silent.prompt.image_token_id).toBeUndefined();
		expect(() => encode(100271)).toThrow(
			/the id 485, and the model's config\.json says 100271; give the tokeni/
		);
	});
	it('are whole ones alone without a template', () => {
		const tokenizerConfig = without(published.json['tokenizer_config.json']!, 'chat_template');
		const none = parseWith({ 'tokenizer_config.json': tokenizerConfig });
		expect(none.notes?.[0]).toMatch(/has no chat template .*whole prompts alone\.$/);
		expect(() => family.prompt.conversation([{ question: 'x', imageCount: 0 }], none.prompt)).toThrow(
			'no chat template'
		);
	});
});

describe('refused in one sentence', () => {
	it.each<readonly [what: string, files: Readonly<Record<string, JsonObject | undefined>>, message: RegExp]>([
		[
			'another projector',
			{ 'config.json': { ...config, mm_projector_type: 'inverted_mlp' } },
			/mm_projector_type "inverted_mlp"; of this family models with a C-Abstractor .* are served\.$/
		],
		[
			'a single view',
			{ 'config.json': { ...config, anyres: false } },
			/has pictures in one view \(anyres is not true\)/
		],
		[
			'another tower',
			{ 'config.json': { ...config, vision_config: { model_type: 'clip_vision_model' } } },
			/a vision tower of the kind "clip_vision_model"/
		],
		[
			'no language model',
			{ 'config.json': without(config, 'text_config') },
			/has no language_config that says/
		],
		['no tower', { 'config.json': without(config, 'vision_config') }, /has no vision_config that says/],
		[
			'no number of tokens',
			{
				'config.json': without(config, 'num_queries_vis_abstractor_image'),
				'preprocessor_config.json': without(pictures, 'num_queries_vis_abstractor_image')
			},
			/does not say how many visual tokens a tile makes/
		],
		[
			'another number of tokens',
			{ 'preprocessor_config.json': { ...pictures, num_queries_vis_abstractor_image: 81 } },
			/says 81 visual tokens a tile, and config\.json 9/
		],
		[
			'no settings of pictures',
			{ 'preprocessor_config.json': undefined },
			/does not say how pictures are prepared/
		],
		[
			'a processor of another model',
			{ 'preprocessor_config.json': { ...pictures, image_processor_type: 'SiglipImageProcessor' } },
			/is of another model \(image_processor_type SiglipImageProcessor\)/
		],
		[
			'tiles of another size',
			{
				'preprocessor_config.json': {
					...without(pictures, 'possible_resolutions'),
					size: { shortest_edge: 63 }
				}
			},
			/makes tiles of 63 pixels, but the vision tower of config\.json reads 126/
		],
		[
			'other grids',
			{ 'preprocessor_config.json': { ...pictures, possible_resolutions: [[126, 252]] } },
			/differ in the tiles that a picture may be cut into/
		],
		[
			'grids that tiles do not fill',
			{ 'config.json': { ...config, possible_resolutions: [[126, 250]] } },
			/possible_resolutions has 126 × 250 pixels, which tiles of 126 do not fill/
		],
		[
			'grids that are none',
			{ 'config.json': { ...config, possible_resolutions: [126, 250] } },
			/possible_resolutions is \[126,250\] but must be a list of pairs of numbers/
		],
		[
			'unpadding in one file alone',
			{ 'preprocessor_config.json': { ...pictures, unpad: false } },
			/differ in unpad \(false and true\)/
		],
		[
			'another filter',
			{ 'preprocessor_config.json': { ...pictures, resample: 1 } },
			/resample is 1, which is/
		],
		['no scaling', { 'preprocessor_config.json': { ...pictures, do_rescale: false } }, /do_rescale is false/]
	])('%s', (_what, files, message) => {
		expect(() => parseWith(files)).toThrow(message);
		expect(() => parseWith(files)).toThrow(/^[^\n]*\.$/);
	});
});

it('places each visual token on its cell of thumbnail or tile, and that on the picture', () => {
	const { config: parsed, image } = parseWith({});
	const size = { width: 200, height: 150 };
	const entry = { token_places: 'grid', config: parsed.projector_config } as const;
	const places = placesOf({ family: family.name, image, config: parsed }, entry, 9, size)!;
	expect(places).toHaveLength(5 * 9);
	// 200 × 150 in a thumbnail of 126 × 95, pasted 15 pixels down: its middle row has the picture's middle.
	const [middle] = places[4]!.regions;
	expect(middle!.x).toBeCloseTo(200 / 3);
	expect(middle!.y + middle!.height / 2).toBeCloseTo((48 * 150) / 95);
	// Tiles of 2 × 2: 252 × 189, pasted 31 pixels down; the upper left token of the third tile begins 126 − 31 pixels down.
	const [tile] = places[3 * 9]!.regions;
	expect(tile!.x).toBe(0);
	expect(tile!.y).toBeCloseTo(((126 - 31) * 150) / 189);
	expect(tile!.width).toBeCloseTo(((126 / 3) * 200) / 252);
	expect(tile!.height).toBeCloseTo(((126 / 3) * 150) / 189);
});
