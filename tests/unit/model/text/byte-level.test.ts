import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isObject } from '../../../../src/lib/bytes/json.ts';
import { ByteLevelTokenizer } from '../../../../src/lib/model/text/byte-level.ts';

const root = new URL('../../../fixtures/families/', import.meta.url);
const json = (path: string) =>
	JSON.parse(readFileSync(new URL(path, root), 'utf8')) as Record<string, unknown>;

interface Case {
	readonly prompt: string;
	readonly expanded_prompt?: string;
	readonly input_ids: readonly number[];
	readonly generated_ids: readonly number[];
	readonly generated_text: string;
}

describe.each([
	['smolvlm-256m', 'checkpoint'],
	['smolvlm2', 'checkpoint'],
	['nanovlm-222m', 'tokenizer']
])('%s', (set, folder) => {
	const tokenizer = new ByteLevelTokenizer({
		tokenizer_json: json(`${set}/${folder}/tokenizer.json`),
		tokenizer_config: json(`${set}/${folder}/tokenizer_config.json`)
	});
	const golden = json(`${set}/golden.json`) as unknown as {
		cases: Record<string, Case>;
		image_token_id?: number;
	};

	it.each(Object.entries(golden.cases))('%s: ids of the prompt, text of the answer', (_name, example) => {
		const { prompt, expanded_prompt = prompt, input_ids, generated_ids, generated_text } = example;
		const ids = tokenizer.tokenize(expanded_prompt);
		// Pictures of one set stand in front of the text, which has no placeholder for them.
		const expected = golden.image_token_id === undefined ? input_ids.filter((id) => id >= 0) : input_ids;
		expect(ids.map((id) => (id === golden.image_token_id ? -1 : id))).toEqual(expected);
		expect(tokenizer.decode(generated_ids)).toBe(generated_text);
	});

	it('never takes back text that it gave', () => {
		for (const { generated_ids, generated_text } of Object.values(golden.cases)) {
			const decoder = tokenizer.decoder();
			let before = '';
			for (const id of generated_ids) {
				const text = decoder.push(id);
				expect(text.startsWith(before)).toBe(true);
				before = text;
			}
			expect(decoder.end()).toBe(generated_text);
		}
	});
});

describe('a tokenizer of its own', () => {
	const files = {
		tokenizer_json: json('smolvlm-256m/checkpoint/tokenizer.json'),
		tokenizer_config: json('smolvlm-256m/checkpoint/tokenizer_config.json')
	};
	const tokenizer = new ByteLevelTokenizer(files);

	it('cuts digits apart and keeps a newline before one whole, as the file says', () => {
		const pieces = tokenizer.tokenize('\n\n12.').map((id) => tokenizer.piece(id));
		expect(pieces).toEqual(['<0x0A><0x0A>', '1', '2', '.']);
	});
	it('holds back bytes of a character until it is whole', () => {
		const ids = tokenizer.tokenize('é');
		expect(ids.length).toBe(2);
		const decoder = tokenizer.decoder();
		expect(decoder.push(ids[0]!)).toBe('');
		expect(decoder.push(ids[1]!)).toBe('é');
	});
	it('shows a special token only when asked to', () => {
		const ids = tokenizer.tokenize('a<end_of_utterance>');
		expect(ids.at(-1)).toBe(tokenizer.eosId);
		expect(tokenizer.decode(ids)).toBe('a');
		expect(tokenizer.decode(ids, { skipSpecial: false })).toBe('a<end_of_utterance>');
	});
	it('reads an added token without a row as text', () => {
		const { added_tokens } = files.tokenizer_json as { added_tokens: readonly object[] };
		const pad = { ...added_tokens[0], id: 512, content: '<pad>' };
		const tokenizer_json = { ...files.tokenizer_json, added_tokens: [...added_tokens, pad] };
		const of = (rows: number) => new ByteLevelTokenizer({ ...files, tokenizer_json, rows });
		expect(of(513).tokenize('<pad>')).toEqual([512]);
		expect(of(512).tokenize('<pad>').length).toBeGreaterThan(1);
		expect(of(512).vocabSize).toBe(512);
	});
	it.each([
		['a SentencePiece tokenizer', { pre_tokenizer: null, decoder: null }, 'not a byte-level BPE'],
		['no model', { model: null }, 'no model with a vocabulary'],
		['no eos token', {}, 'names no eos_token']
	])('refuses %s', (_what, changes, message) => {
		const { tokenizer_json } = files;
		const broken = isObject(tokenizer_json) ? { ...tokenizer_json, ...changes } : {};
		expect(() => new ByteLevelTokenizer({ tokenizer_json: broken, tokenizer_config: {} })).toThrow(message);
	});
});
