import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../../../../src/lib/checkpoint/memory.ts';
import { openTokenizer } from '../../../../src/lib/model/convert/tokenizer.ts';
import type { TokenizerFiles } from '../../../../src/lib/model/text/text-tokenizer.ts';
import { Tokenizer } from '../../../../src/lib/model/text/tokenizer.ts';
import saved4 from '../../../fixtures/tokenizers/saved-4.json' with { type: 'json' };
import saved5 from '../../../fixtures/tokenizers/saved-5.json' with { type: 'json' };

/** A tokenizer as a release of transformers saved it, and what it reads from it. */
interface Saved {
	readonly config: object;
	readonly json?: object;
	readonly added?: object;
	readonly ids: Readonly<Record<string, readonly number[]>>;
}
const base = 'tests/fixtures/golden/mlp/last';
const model = new Uint8Array(readFileSync(`${base}/tokenizer.model`));
const whole = JSON.parse(readFileSync(`${base}/tokenizer.json`, 'utf8')) as object;

function folderOf({ config, json, added }: Saved) {
	return memoryFolder('saved', {
		'tokenizer_config.json': JSON.stringify(config),
		...(added && { 'added_tokens.json': JSON.stringify(added) }),
		...(json ? { 'tokenizer.json': JSON.stringify({ ...whole, ...json }) } : { 'tokenizer.model': model })
	});
}

describe.each([saved4, saved5])('tokenizers saved by transformers $transformers', ({ saved }) => {
	it.each(Object.entries(saved as Record<string, Saved>))('%s', async (_, one) => {
		let tokenizer: Tokenizer | undefined;
		const create = (files: TokenizerFiles) => (tokenizer = new Tokenizer(files));
		await openTokenizer(folderOf(one), 600, { chosen: true, create });
		const texts = Object.keys(one.ids);
		expect(Object.fromEntries(texts.map((text) => [text, tokenizer!.tokenize(text)]))).toEqual(one.ids);
	});
});
