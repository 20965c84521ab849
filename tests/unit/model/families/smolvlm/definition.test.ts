import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/lib/bytes/json.ts';
import { smolvlm } from '../../../../../src/lib/model/families/smolvlm/definition.ts';
import { placesOf } from '../../../../../src/lib/model/places.ts';
import type { SiglipConfig } from '../../../../../src/lib/model/vision/siglip/config.ts';
import { eosTokenIds } from '../../../../../src/lib/model/config.ts';

const root = new URL('../../../../fixtures/families/', import.meta.url);

function folderOf(set: string) {
	const folder = new URL(`${set}/checkpoint/`, root);
	const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
	const names = readdirSync(folder);
	const json = Object.fromEntries(
		names.filter((name) => name.endsWith('.json')).map((name) => [name, JSON.parse(read(name)) as JsonObject])
	);
	const text = Object.fromEntries(
		names.filter((name) => name.endsWith('.jinja')).map((name) => [name, read(name)])
	);
	return { name: set, json, text, entries: new Map() };
}

const published = folderOf('smolvlm-256m');
const config = published.json['config.json']!;
const pictures = published.json['preprocessor_config.json']!;

/** The folder with other files; undefined takes one away. */
function parseWith(files: Readonly<Record<string, JsonObject | undefined>>) {
	const json = Object.fromEntries(
		Object.entries({ ...published.json, ...files }).flatMap(([name, file]) => (file ? [[name, file]] : []))
	);
	return smolvlm.parse({ ...published, json });
}

describe('what savers leave out', () => {
	const wide = { size: { longest_edge: 448 }, max_image_size: { longest_edge: 224 } };

	it('has the defaults of its own section', () => {
		const { vision_config, text_config } = parseWith({
			'config.json': {
				model_type: 'smolvlm',
				vision_config: { hidden_size: 768 },
				text_config: {},
				scale_factor: 7
			},
			'preprocessor_config.json': { ...pictures, ...wide },
			'processor_config.json': undefined
		}).config;
		expect(vision_config).toMatchObject({
			...{ hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 16 },
			...{ patch_size: 32, image_size: 224, hidden_act: 'gelu_pytorch_tanh', layer_norm_eps: 1e-6 }
		});
		expect(text_config).toMatchObject({ hidden_size: 4096, num_attention_heads: 32, rms_norm_eps: 1e-6 });
	});
	it('has other ones where a whole section is absent', () => {
		const { config: parsed } = parseWith({
			'config.json': { model_type: 'idefics3', scale_factor: 7 },
			'preprocessor_config.json': { ...pictures, ...wide },
			'processor_config.json': undefined
		});
		expect(parsed.text_config.rms_norm_eps).toBe(1e-5);
		expect(parsed.vision_config.hidden_size).toBe(1152);
	});
	it('ends answers where generation_config.json says, not the language model’s section', () => {
		expect(eosTokenIds(parseWith({}).config.text_config)).toEqual([511]);
		const { text_config } = parseWith({ 'generation_config.json': { eos_token_id: [7, 9] } }).config;
		expect(eosTokenIds(text_config)).toEqual([7, 9]);
	});
	it('is tied where the file has no head, whatever its flags say', () => {
		const head = { name: 'head', dtype: 'bfloat16', dims: [512, 96] } as const;
		const entries = new Map([['language_model.lm_head.weight', head]]);
		expect(smolvlm.parse({ ...published, entries }).config.text_config.tie_word_embeddings).toBe(false);
		expect(smolvlm.parse(published).config.text_config.tie_word_embeddings).toBe(true);
	});
	it('reads both places of the picture settings and of the chat template', () => {
		const newer = smolvlm.parse(folderOf('smolvlm2'));
		expect(newer.image).toMatchObject({ size: 90, longest_edge: 180, splitting: true });
		expect(newer.prompt.chat_template).toContain('Assistant:');
		expect(parseWith({}).image).toMatchObject({ size: 128, longest_edge: 256 });
		const none = parseWith({ 'chat_template.json': undefined });
		expect(none.notes?.[0]).toMatch(/has no chat template .*whole prompts alone\.$/);
	});
	it('takes positions as fractions, and the tower to its end and through its norm', () => {
		const vision = parseWith({}).config.vision_config as SiglipConfig;
		expect(vision).toMatchObject({ tower: 'siglip', positions: 'fractions', post_norm: true });
	});
});

describe('refused in one sentence', () => {
	it.each<readonly [what: string, files: Readonly<Record<string, JsonObject | undefined>>, message: RegExp]>([
		[
			'no picture settings',
			{ 'preprocessor_config.json': undefined },
			/does not say how pictures are prepared/
		],
		[
			'a processor of another model',
			{ 'preprocessor_config.json': { ...pictures, image_processor_type: 'CLIPImageProcessor' } },
			/is of another model \(image_processor_type CLIPImageProcessor\)/
		],
		[
			'tiles of another size than the tower reads',
			{ 'preprocessor_config.json': { ...pictures, max_image_size: { longest_edge: 384 } } },
			/tiles of 384 pixels, but the vision tower of config\.json reads 128/
		],
		[
			'another filter',
			{ 'preprocessor_config.json': { ...pictures, resample: 3 } },
			/resample is 3, which is not served/
		],
		['no scaling', { 'preprocessor_config.json': { ...pictures, do_rescale: false } }, /do_rescale is false/],
		[
			'another number of tokens',
			{ 'processor_config.json': { image_seq_len: 64 } },
			/says 64 visual tokens a tile/
		],
		[
			'a scale that does not divide',
			{ 'config.json': { ...config, scale_factor: 3 } },
			/scale_factor 3 does not divide the 8 patches/
		],
		[
			'a section that is none',
			{ 'config.json': { ...config, text_config: 3 } },
			/text_config is not an object/
		]
	])('%s', (_what, files, message) => {
		expect(() => parseWith(files)).toThrow(message);
	});
});

it('writes an answer as it was generated: the space before it is the template’s', () => {
	const { prompt } = parseWith({});
	const written = (answer: string) =>
		smolvlm.prompt.conversation(
			[
				{ question: 'What is it?', imageCount: 1, answer },
				{ question: 'And now?', imageCount: 0 }
			],
			prompt
		).text;
	expect(written(' A ball.')).toBe(
		'<|im_start|>User:<image>What is it?<end_of_utterance>\nAssistant: A ball.<end_of_utterance>\nUser: And now?<end_of_utterance>\nAssistant:'
	);
	expect(written('A ball.')).toBe(written(' A ball.'));
});

it('places each visual token on its block of the tile, and the tile on the picture', () => {
	const { config: parsed, image } = parseWith({});
	const entry = { token_places: 'grid', config: parsed.projector_config } as const;
	const size = { width: 200, height: 150 };
	const places = placesOf({ family: smolvlm.name, image, config: parsed }, entry, 4, size)!;
	expect(places).toHaveLength(20);
	// Tile in row 0, column 1; its third token is the lower left.
	expect(places[6]).toEqual({ view: 1, regions: [{ x: 100, y: 37.5, width: 50, height: 37.5 }] });
	expect(places[19]).toEqual({ view: 4, regions: [{ x: 100, y: 75, width: 100, height: 75 }] });
});
