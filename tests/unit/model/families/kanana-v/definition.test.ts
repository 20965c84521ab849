import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/lib/bytes/json.ts';
import { kananaV } from '../../../../../src/lib/model/families/kanana-v/definition.ts';
import { processorTemplate } from '../../../../../src/lib/model/families/kanana-v/template.ts';
import { recogniseFamily } from '../../../../../src/lib/model/families/recognise.ts';
import { placesOf } from '../../../../../src/lib/model/places.ts';
import { renderChat } from '../../../../../src/lib/model/text/chat-template.ts';
import { InputError } from '../../../../../src/lib/tensor/errors.ts';

const set = new URL('../../../../fixtures/families/kanana-v/model/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, set), 'utf8')) as JsonObject;
const files = {
	'config.json': read('config.json'),
	'preprocessor_config.json': read('preprocessor_config.json'),
	'tokenizer_config.json': read('tokenizer_config.json')
};
type Changes = Partial<Record<keyof typeof files, JsonObject>>;
const parse = (changes: Changes = {}, without?: keyof typeof files) =>
	kananaV.parse({
		...{ name: 'kanana', text: {}, entries: new Map() },
		json: Object.fromEntries(
			Object.entries(files).flatMap(([name, json]) =>
				name === without ? [] : [[name, { ...json, ...changes[name as keyof typeof files] }]]
			)
		)
	});
const section = (name: string, changes: JsonObject): Changes => ({
	'config.json': { [name]: { ...(files['config.json'][name] as JsonObject), ...changes } }
});

describe('the config', () => {
	it('is told by its model_type, or by its projector', () => {
		const config = files['config.json'];
		expect(recogniseFamily(config, 'folder', [])).toBe(kananaV);
		expect(recogniseFamily({ ...config, model_type: 'mine' }, 'folder', [])).toBe(kananaV);
		expect(recogniseFamily({ ...config, projector_config: {} }, 'folder', [])).toBe(kananaV);
	});
	it('names a decoder that is LLaMA, and never appends end tokens', () => {
		const { config } = parse(section('projector_config', { num_eos_tokens: 3 }));
		expect(config.text_config).toMatchObject({ rope_theta: 500000, tie_word_embeddings: false });
		expect(config.projector_config).toMatchObject({ num_eos_tokens: 0, num_query_tokens: 35 ** 2 });
	});
	it('has the defaults of its class', () => {
		const { config } = parse({
			'config.json': {
				vision_config: { in_channels: 3, hidden_act: 'quick_gelu' },
				text_config: { hidden_size: 2048, model_type: 'kanana-1.5-3b-instruct' },
				projector_config: {}
			}
		});
		expect(config.vision_config).toMatchObject({
			...{ hidden_size: 1280, intermediate_size: 5120, num_hidden_layers: 32, num_attention_heads: 16 },
			...{ layer_norm_eps: 1e-6, image_size: 980 }
		});
		expect(config.projector_config).toMatchObject({
			...{ depth: 2, mlp_depth: 2, hidden_size: 1024, pos_emb: true, pos_emb_size: 576 },
			...{ feature_layer_index: -1, num_query_tokens: 1225 }
		});
	});
	it.each<[string, Changes, string, (keyof typeof files)?]>([
		[
			'an unknown projector',
			section('projector_config', { projector_type: 'd-abs' }),
			'projector_type "d-abs"'
		],
		['no merging', section('projector_config', { merge_size: 1 }), 'merge_size is 1'],
		['another width', section('projector_config', { encoder_hidden_size: 63 }), 'encoder_hidden_size is 63'],
		['no blocks', section('projector_config', { depth: 0 }), 'depth is 0'],
		['no number of channels', section('vision_config', { in_channels: null }), 'vision_config.in_channels'],
		['another decoder', section('text_config', { model_type: 'gemma' }), 'text_config.model_type is "gemma"'],
		['no picture settings', {}, 'preprocessor_config.json is missing', 'preprocessor_config.json'],
		[
			'picture settings of another model',
			{ 'preprocessor_config.json': { image_processor_type: 'Qwen2VLImageProcessor' } },
			'is of another model (image_processor_type Qwen2VLImageProcessor)'
		],
		[
			'picture settings for other patches',
			{ 'preprocessor_config.json': { patch_size: 16 } },
			'has patch_size 16, and the vision tower of config.json 14'
		],
		['no room', { 'preprocessor_config.json': { max_pixels: 100 } }, 'lets pictures have 3136 to 100 pixels']
	])('is refused in one sentence: %s', (_, changes, message, without) => {
		expect(() => parse(changes, without)).toThrow(InputError);
		expect(() => parse(changes, without)).toThrow(message);
	});
});

describe('the prompt', () => {
	const [question, answer] = ['What is it?', 'A cube.'];
	const write = (settings = parse().prompt) =>
		kananaV.prompt.conversation(
			[
				{ question, answer, imageCount: 2 },
				{ question: 'And now?', imageCount: 0 }
			],
			settings
		).text;

	it('has pictures in a turn of their own, answers closed by the end token', () => {
		expect(write()).toMatch(/^<\|begin_of_text\|>The following is a conversation/);
		expect(write().split('AI assistant.').at(-1)).toBe(
			'\nHuman: <image> <image>\nHuman: What is it?\nAI: A cube.<|end_of_text|>\nHuman: And now?\nAI: '
		);
	});
	it('is the same by the processor’s own template, where the tokenizer has none', () => {
		const { chat_template: _none, ...bare } = files['tokenizer_config.json'];
		const { prompt } = kananaV.parse({
			...{ name: 'kanana', text: {}, entries: new Map() },
			json: { ...files, 'tokenizer_config.json': bare }
		});
		expect(prompt.chat_template).toBe(processorTemplate);
		expect(write(prompt)).toBe(write());
		const system = { role: 'system', content: 'S' } as const;
		expect(renderChat(processorTemplate, [system], {})).toMatch(/to process\.\nS\nAI: $/);
	});
});

it('places: a token stands for two strips of a row, half a picture apart', () => {
	const { config, image } = parse();
	const entry = { token_places: 'apart', config: config.projector_config } as const;
	const placesIn = (width: number, height: number) =>
		placesOf({ family: kananaV.name, image, config }, entry, 0, { width, height })!;
	// 8 × 16 patches: tokens 0 and 1 of §1.6's first example lie in rows 0 and 1.
	const strip = (x: number, y: number) => ({ x, y, width: 28, height: 14 });
	const wide = placesIn(224, 112);
	expect(wide).toHaveLength(32);
	expect(wide[0]).toEqual({ view: 0, regions: [strip(0, 0), strip(112, 0)] });
	expect(wide[1]).toEqual({ view: 0, regions: [strip(0, 14), strip(112, 14)] });
	expect(wide[2]).toEqual({ view: 0, regions: [strip(28, 0), strip(140, 0)] });
	// Columns that 4 does not divide: one strip in each of two rows.
	expect(placesIn(140, 84)[0]!.regions).toEqual([strip(0, 0), strip(56, 14)]);
	// Two columns are true blocks, four are a row.
	expect(placesIn(28, 420)[3]!.regions).toEqual([{ x: 0, y: 84, width: 28, height: 28 }]);
	expect(placesIn(56, 84)[0]!.regions).toEqual([{ x: 0, y: 0, width: 56, height: 14 }]);
});
