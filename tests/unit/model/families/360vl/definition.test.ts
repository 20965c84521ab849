import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/lib/bytes/json.ts';
import { vl360 } from '../../../../../src/lib/model/families/360vl/definition.ts';
import { recogniseFamily } from '../../../../../src/lib/model/families/recognise.ts';
import { resizeBicubic } from '../../../../../src/lib/model/image/resize.ts';
import { rgbImage } from '../../../../../src/lib/model/image/rgb.ts';
import { ByteLevelTokenizer } from '../../../../../src/lib/model/text/byte-level.ts';
import { InputError } from '../../../../../src/lib/tensor/errors.ts';

const set = new URL('../../../../fixtures/families/360vl/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, set), 'utf8')) as JsonObject;
const config = read('model/config.json');
const projector = config.visual_projector_config as JsonObject;
const tower = {
	name: 'clip',
	json: {
		'config.json': read('clip/config.json'),
		'preprocessor_config.json': read('clip/preprocessor_config.json')
	}
};
const parse = (changes: JsonObject = {}, preprocessor: JsonObject = {}) =>
	vl360.parse({
		...{ name: '360VL', text: {}, entries: new Map() },
		json: {
			'config.json': { ...config, ...changes },
			'generation_config.json': read('model/generation_config.json'),
			'tokenizer_config.json': read('model/tokenizer_config.json')
		},
		vision: {
			...tower,
			json: {
				...tower.json,
				'preprocessor_config.json': { ...tower.json['preprocessor_config.json'], ...preprocessor }
			}
		}
	});

describe('the config', () => {
	it('is told by its model_type', () => {
		expect(recogniseFamily(config, 'folder', [])).toBe(vl360);
	});
	it('ends answers at one token, whatever the files say, and appends one end token where they do not say', () => {
		const { config: parsed } = parse();
		expect(parsed.text_config.eos_token_id).toBe(449);
		expect(parsed.text_config.rope_theta).toBe(500000);
		const { num_eos_tokens: _said, ...silent } = projector;
		const { config: other } = parse({ visual_projector_config: silent });
		expect(other.projector_config.num_eos_tokens).toBe(1);
	});
	it.each<[string, JsonObject, string, JsonObject?]>([
		['another projector', { mm_projector_type: 'mlp2x_gelu' }, 'mm_projector_type "mlp2x_gelu"'],
		['one projector', { proj_2: false }, 'does not set proj_2'],
		['no projector', { visual_projector_config: null }, 'has no visual_projector_config'],
		['no M', { visual_projector_config: { ...projector, num_queries: null } }, 'num_query'],
		['another tower', { mm_num_tokens: 577 }, 'mm_num_tokens 577, but the vision tower has 65'],
		['the class token', { mm_vision_select_feature: 'cls_patch' }, 'mm_vision_select_feature "cls_patch"'],
		[
			'pictures of another model',
			{},
			'is of a SiglipImageProcessor',
			{ image_processor_type: 'SiglipImageProcessor' }
		]
	])('is refused in one sentence: %s', (_, changes, message, preprocessor) => {
		expect(() => parse(changes, preprocessor)).toThrow(InputError);
		if (message !== 'num_query') expect(() => parse(changes, preprocessor)).toThrow(message);
		else expect(() => parse(changes)).toThrow('visual_projector_config.num_queries is null');
	});
});

describe('pictures', () => {
	const data = Uint8Array.from({ length: 60 * 40 * 3 }, (_, i) => (i * 37) % 251);
	const image = rgbImage(60, 40, data);
	it('are padded, or else stretched, to twice the side; the whole is made of that', () => {
		const { image: settings } = parse({ image_aspect_ratio: null });
		expect(settings.fit).toBe('squash');
		const pixels = vl360.imageProcessor(settings).pixels(image);
		expect(pixels.dims).toEqual([5, 3, 112, 112]);
		const twice = resizeBicubic(resizeBicubic(image, 224, 224), 112, 112);
		const once = resizeBicubic(image, 112, 112);
		const red = (byte: number) => (byte / 255 - settings.mean[0]!) / settings.std[0]!;
		expect(pixels.data[4 * 3 * 112 * 112]).toBeCloseTo(red(twice.data[0]!), 5);
		expect(twice.data.some((byte, i) => byte !== once.data[i])).toBe(true);
	});
	it('are two views of all of it, the first of four crops', () => {
		const [crops, whole] = vl360.imageProcessor(parse().image).views({ width: 60, height: 40 });
		const region = { x: 0, y: -10, width: 60, height: 60 };
		expect(crops).toEqual({ region, grid: { rows: 16, columns: 16 }, crops: { rows: 2, columns: 2 } });
		expect(whole).toEqual({ region });
	});
});

describe('the prompt', () => {
	const settings = parse().prompt;
	const written = vl360.prompt.conversation(
		[
			{ question: 'What is it?', answer: 'A cube.', imageCount: 1 },
			{ question: ' And now? ', imageCount: 0 }
		],
		settings
	);
	it('is Llama 3’s, with the picture before the first question', () => {
		expect(written.text).toMatch(
			/^<\|begin_of_text\|><\|start_header_id\|>system<\|end_header_id\|>\n\nYou are a multilingual/
		);
		expect(written.text.split('<|eot_id|>').slice(1)).toEqual([
			'<|start_header_id|>user<|end_header_id|>\n\n<|reserved_special_token_44|>\nWhat is it?',
			'<|start_header_id|>assistant<|end_header_id|>\n\nA cube.',
			'<|start_header_id|>user<|end_header_id|>\n\nAnd now?',
			'<|start_header_id|>assistant<|end_header_id|>\n\n'
		]);
	});
	it('takes one picture', () => {
		const tokenizer = new ByteLevelTokenizer({
			tokenizer_json: read('model/tokenizer.json'),
			tokenizer_config: read('model/tokenizer_config.json')
		});
		const picture = { perView: 2, views: [{}, {}], positions: 4 };
		const { input_ids } = vl360.prompt.encode(written, tokenizer, [picture], settings);
		expect(input_ids.filter((id) => id === -1)).toHaveLength(4);
		expect(() => vl360.prompt.encode(written, tokenizer, [picture, picture], settings)).toThrow(InputError);
	});
});
