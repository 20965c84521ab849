import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../../src/lib/bytes/json.ts';
import { nanovlm } from '../../../../../src/lib/model/families/nanovlm/definition.ts';
import { prompt } from '../../../../../src/lib/model/families/nanovlm/prompt.ts';
import { ByteLevelTokenizer } from '../../../../../src/lib/model/text/byte-level.ts';

const root = new URL('../../../../fixtures/families/', import.meta.url);
const read = (path: string) => JSON.parse(readFileSync(new URL(path, root), 'utf8')) as JsonObject;
const newest = read('nanovlm/checkpoint/config.json');
const first = read('nanovlm-222m/checkpoint/config.json');
const parse = (config: JsonObject) =>
	nanovlm.parse({ name: 'nanoVLM', json: { 'config.json': config }, text: {}, entries: new Map() });

describe('the three spellings', () => {
	const { max_img_size: _tiles, lm_chat_template: _chat, ...square } = newest;
	const second = { ...square, vlm_extra_tokens: { image_token: '<|image|>' } };

	it('are told by what the config has', () => {
		expect([newest, second, first].map((config) => parse(config).spelling)).toEqual([
			'the release with tiles (2025-09)',
			'v0.2',
			'v0.1'
		]);
		expect(nanovlm.recognise(first)).toBe(true);
		expect(nanovlm.recognise({ ...first, model_type: 'llama' })).toBe(false);
		expect(nanovlm.tokenizerFolder?.(newest)).toBe('HuggingFaceTB/SmolLM2-360M-Instruct');
	});
	it('see pictures in tiles or squashed, without mean and deviation', () => {
		const size = { width: 200, height: 150 };
		const viewsOf = (config: JsonObject) => nanovlm.imageProcessor(parse(config).image).views(size).length;
		expect([newest, second, first].map(viewsOf)).toEqual([5, 1, 1]);
		expect(parse(newest).image).toMatchObject({ mean: [0, 0, 0], std: [1, 1, 1] });
	});
	it('add tokens behind the tokenizer’s own in the config’s order', () => {
		expect(parse(newest).addedTokens?.slice(0, 3)).toEqual([
			'<|image|>',
			'<|global_image|>',
			'<row_1_col_1>'
		]);
		expect(parse(first).addedTokens).toBeUndefined();
	});
	it('end answers where the tokenizer says: the config’s eos is read by nobody', () => {
		expect(parse(first).config.text_config.eos_token_id).toEqual([]);
	});
	it('write a picture where the text has its placeholder, or in front of it', () => {
		const tokenizer = new ByteLevelTokenizer({
			tokenizer_json: read('nanovlm-222m/tokenizer/tokenizer.json'),
			tokenizer_config: read('nanovlm-222m/tokenizer/tokenizer_config.json')
		});
		const settings = parse(first).prompt;
		const written = prompt.conversation([{ question: 'What?', imageCount: 1 }], settings);
		expect(written.text).toBe('<|image|>Question: What? Answer:');
		const { input_ids } = prompt.encode(
			written,
			tokenizer,
			[{ perView: 3, views: [{}], positions: 3 }],
			settings
		);
		expect(input_ids.slice(0, 4)).toEqual([-1, -1, -1, tokenizer.tokenize('Question')[0]]);
	});
});

describe('refused in one sentence', () => {
	it.each([
		['the class token alone', { vit_cls_flag: true }, /vit_cls_flag is true/],
		['heads that do not fit', { lm_n_heads: 7 }, /lm_hidden_dim \d+ is not a multiple of lm_n_heads 7/],
		['scaled rotary angles', { lm_attn_scaling: 2 }, /lm_attn_scaling is 2/],
		[
			'tiles that do not fit',
			{ max_img_size: 300 },
			/max_img_size 300 is not a multiple of vit_img_size 128/
		],
		[
			'a factor that does not divide',
			{ mp_pixel_shuffle_factor: 3 },
			/factor 3 does not divide the 8 patches/
		],
		[
			'another number of tokens',
			{ mp_image_token_length: 64 },
			/mp_image_token_length is 64, but an image makes 4/
		],
		[
			'a mark that is no text',
			{ vlm_extra_tokens: { image_token: 3 } },
			/image_token is 3 but must be a string/
		]
	])('%s', (_what, changes, message) => {
		expect(() => parse({ ...newest, ...changes })).toThrow(message);
	});
	it('a picture with more tiles than there are marks for', () => {
		const settings = {
			...parse(newest).prompt,
			extra_tokens: { image_token: '<|image|>', r1c1: '<row_1_col_1>' }
		};
		const tiles = [0, 1].map((column) => ({ tile: { row: 0, column } }));
		const encode = () =>
			prompt.encode(
				{ text: '<|image|>x' },
				{} as ByteLevelTokenizer,
				[{ perView: 1, views: tiles, positions: 2 }],
				settings
			);
		expect(encode).toThrow(/has no mark for \(r1c2 /);
	});
});
