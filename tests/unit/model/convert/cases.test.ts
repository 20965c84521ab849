import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { memoryFolder } from '../../../../src/lib/checkpoint/memory.ts';
import { openSafetensors, writeSafetensors } from '../../../../src/lib/checkpoint/safetensors.ts';
import { familyNamed } from '../../../../src/lib/model/families/registry.ts';
import type { Tensor } from '../../../../src/lib/tensor/tensor.ts';
import { convertAndAsk } from '../../../support/convert-and-ask.ts';
import { folderInMemory } from '../../../support/disk-folder.ts';

const cases = 'tests/fixtures/cases';
const folder = (name: string, changes: Parameters<typeof folderInMemory>[1] = {}) =>
	folderInMemory(`${cases}/${name}`, changes);
const ids = async (options: Parameters<typeof convertAndAsk>[0]) => (await convertAndAsk(options)).result.ids;

/** The answer of tiny-base by transformers 5.24.0. */
const base = [40, 37, 155, 378, 467, 154, 148, 354, 317, 430, 380, 225];

describe('whole checkpoints that were saved in unusual ways', () => {
	test('tiny-base itself answers as transformers does', async () => {
		const { result, notes } = await convertAndAsk({ checkpoint: folder('tiny-base') });
		expect(result.ids).toEqual(base);
		expect(notes).toEqual([]);
	});

	test('keys of a compiled model: the prefix is taken off and said', async () => {
		const { result, notes } = await convertAndAsk({ checkpoint: folder('prefix-of-torch-compile') });
		expect(result.ids).toEqual(base);
		expect(notes).toEqual(['All keys begin with "_orig_mod.", which is taken off.']);
	});

	test('hidden files that macOS leaves beside the others are none of the checkpoint', async () => {
		const hidden = { '._model.safetensors': '\0', '._config.json': '\0' };
		const { result, manifest } = await convertAndAsk({ checkpoint: folder('tiny-base', hidden) });
		expect(result.ids).toEqual(base);
		const files = manifest.provenance.sources.flatMap(({ files }) => files.map(({ path }) => path));
		expect(files).toContain('model.safetensors');
		expect(files.filter((path) => path.startsWith('.'))).toEqual([]);
	});

	test('an index of an earlier save', async () => {
		const { result, notes } = await convertAndAsk({ checkpoint: folder('stale-index') });
		expect(result.ids).toEqual(base);
		expect(notes).toEqual([expect.stringContaining('is of another save')]);
	});

	test.each([
		['complex', 'rotary (1)'],
		['fp8', 'language_model (1)']
	])('a tensor of an odd type that nobody needs is named: %s', async (kind, named) => {
		const { result, notes } = await convertAndAsk({ checkpoint: folder(`unused-odd-dtype/${kind}`) });
		expect(result.ids).toEqual(base);
		expect(notes).toEqual([
			`1 tensor is in the checkpoint and not in the model, since nothing asks for it: ${named}.`
		]);
	});

	test('a tokenizer with a token that has no row: it is never produced, and said', async () => {
		const tokenizer = folder('tokenizer-one-longer/tokenizer');
		const { result, notes } = await convertAndAsk({ checkpoint: folder('tiny-base'), tokenizer });
		expect(result.ids).toEqual(base);
		expect(notes).toEqual([
			expect.stringMatching(
				/a token without a row in the language model's 512 \(<pad>, id 512\); it is never/
			)
		]);
	});

	test("biases of the tower that were trained beside LoRA are those of PEFT's merge", async () => {
		const options = { checkpoint: folder('lora-bias/last'), base: folder('tiny-base') };
		expect(await ids(options)).toEqual([396, 170, 40, 133, 19, 231, 274, 146, 439, 79, 23, 133]);
	});
});

/** tiny-base with another config.json. */
const withConfig = (name: string) =>
	folder('tiny-base', { 'config.json': readFileSync(`${cases}/${name}/config.json`) });

describe('what a config says of the language model', () => {
	test('attention_bias: the biases are added', async () => {
		const answer = await ids({ checkpoint: folder('attention-bias') });
		expect(answer).toEqual([478, 259, 200, 340, 19, 503, 380, 259, 44, 259, 19, 428]);
	});

	test('hidden_act: gelu', async () => {
		const answer = await ids({ checkpoint: withConfig('hidden-act-gelu') });
		expect(answer).toEqual([40, 37, 155, 444, 200, 354, 225, 205, 399, 425, 435, 375]);
	});

	test('the RoPE base in rope_parameters, as transformers 5 writes it', async () => {
		const { result, manifest, notes } = await convertAndAsk({ checkpoint: withConfig('rope-parameters') });
		expect(result.ids).toEqual([351, 18, 348, 451, 133, 509, 126, 440, 209, 318, 240, 259]);
		expect(manifest.config.text_config.rope_theta).toBe(500000);
		// transformers 4 reads another model out of it.
		expect(notes).toEqual([
			'RoPE is read from rope_parameters, as transformers 5 does: base 500000. transformers 4 does not know them and takes base 10000 without scaling.'
		]);
		expect(manifest.provenance.followed).toEqual(notes);
	});

	test('a tied head beside a head of its own: the one of the file, and said', async () => {
		const config = JSON.parse(readFileSync(`${cases}/tiny-base/config.json`, 'utf8')) as {
			text_config: object;
		};
		const tied = { ...config, text_config: { ...config.text_config, tie_word_embeddings: true } };
		const { result, manifest, notes } = await convertAndAsk({
			checkpoint: folder('tiny-base', { 'config.json': JSON.stringify(tied) })
		});
		expect(result.ids).toEqual(base);
		expect(notes).toEqual([expect.stringContaining('the head of the file is used, as transformers 5 does')]);
		expect(manifest.provenance.followed).toEqual(notes);
	});

	test('an answer ends at any of several eos ids', async () => {
		const { result } = await convertAndAsk({ checkpoint: withConfig('eos-list') });
		expect(result.ids).toEqual([40, 37, 155, 378, 467, 154, 148]);
		expect(result.stop_reason).toBe('eos');
	});
});

describe('checkpoints that would become another model are refused by name', () => {
	const refused = (name: string, changes?: Parameters<typeof folderInMemory>[1]) =>
		expect(convertAndAsk({ checkpoint: folder(name, changes) })).rejects;

	test.each([
		['int8-bitsandbytes', /8-bit weights of bitsandbytes \(int8 with SCB/],
		['packed-and-sharded/nf4', /4-bit weights of bitsandbytes/],
		['packed-and-sharded/zero3', /ZeRO-3 .*zero_to_fp32/]
	])('%s', async (name, message) => {
		await refused(name).toThrow(message);
	});

	test.each(['fp32', 'fp16', 'q4'] as const)(
		'a weight that is not a number, converted to %s',
		async (dtype) => {
			await expect(convertAndAsk({ checkpoint: folder('nan-weight'), dtype })).rejects.toThrow(
				/The checkpoint's abstractor\.net\.\d\.\w+ holds NaN/
			);
		}
	);

	test.each(['qweight', 'weight_packed'])('weights packed as %s in place of the weight', async (name) => {
		const base = folder('tiny-base');
		const weights = await openSafetensors((await base.open('model.safetensors'))!);
		const packed = 'language_model.model.layers.0.self_attn.q_proj';
		const tensors = await Promise.all(
			[...weights.entries.keys()].map(async (key): Promise<[string, Tensor]> => [
				key === `${packed}.weight` ? `${packed}.${name}` : key,
				await weights.read(key)
			])
		);
		const bytes = writeSafetensors(tensors);
		await refused('tiny-base', { 'model.safetensors': bytes }).toThrow(
			`The checkpoint has ${packed}.${name} in place of ${packed}.weight: weights packed by a quantiser`
		);
	});

	test('a config.json with the NaN that Python writes is read', async () => {
		const text = readFileSync(`${cases}/tiny-base/config.json`, 'utf8').replace('{', '{"unset": NaN,');
		const { result } = await convertAndAsk({ checkpoint: folder('tiny-base', { 'config.json': text }) });
		expect(result.ids).toEqual(base);
	});

	test('a projector deeper than its config', async () => {
		await refused('projector-deeper-than-config').toThrow(
			/tensors that config\.json does not speak of \(abstractor\.net\.4\.bias and 1 more\)/
		);
	});

	test('biases that the config does not speak of', async () => {
		const { text_config, ...rest } = JSON.parse(
			readFileSync(`${cases}/attention-bias/config.json`, 'utf8')
		) as { text_config: { attention_bias?: boolean } };
		delete text_config.attention_bias;
		const changed = JSON.stringify({ ...rest, text_config });
		await refused('attention-bias', { 'config.json': changed }).toThrow(
			/biases that config\.json does not speak of \(language_model.*_proj\.bias and 7 more\)/
		);
	});

	test('norms of queries and keys, and a layer more than the config says', async () => {
		const norm = 'language_model.model.layers.0.self_attn.q_norm.weight';
		const layer = 'language_model.model.layers.2.mlp.up_proj.weight';
		for (const key of [norm, layer]) {
			const extra = { dtype: 'float32' as const, dims: [8], data: new Float32Array(8) };
			await refused('tiny-base', {
				'model.safetensors.index.json': JSON.stringify({
					weight_map: { ...(await keysOf('tiny-base')), [key]: 'extra.safetensors' }
				}),
				'weights.safetensors': readFileSync(`${cases}/tiny-base/model.safetensors`),
				'extra.safetensors': writeSafetensors([[key, extra]])
			}).toThrow(`tensors that config.json does not speak of (${key})`);
		}
	});

	test('a tokenizer of another language model, before anything is written', async () => {
		const json = JSON.parse(readFileSync('tests/fixtures/golden/mlp/last/tokenizer.json', 'utf8')) as {
			model: { vocab: Record<string, number> };
		};
		json.model.vocab['one more piece'] = 512;
		const tokenizer = folderInMemory('tests/fixtures/golden/mlp/last', {
			'tokenizer.json': JSON.stringify(json)
		});
		await expect(convertAndAsk({ checkpoint: folder('tiny-base'), tokenizer })).rejects.toThrow(
			/has 513 pieces, the language model 512 rows: it is another model's/
		);
	});
});

/** The index of a checkpoint of one file, under another name. */
async function keysOf(name: string): Promise<Record<string, string>> {
	const { openCheckpoint } = await import('../../../../src/lib/checkpoint/folder.ts');
	const { entries } = await openCheckpoint(folder(name));
	return Object.fromEntries([...entries.keys()].map((key) => [key, 'weights.safetensors']));
}

describe('tokens beside a tokenizer.model', () => {
	const last = 'tests/fixtures/golden/c-abs/last';
	const open = async (changes: Record<string, string>) => {
		const { openTokenizer } = await import('../../../../src/lib/model/convert/tokenizer.ts');
		const { Tokenizer } = await import('../../../../src/lib/model/text/tokenizer.ts');
		const config = readFileSync(`${last}/tokenizer_config.json`, 'utf8');
		const folder = memoryFolder('slow', {
			'tokenizer.model': new Uint8Array(readFileSync(`${last}/tokenizer.model`)),
			'tokenizer_config.json': config,
			...changes
		});
		const { files } = await openTokenizer(folder, 600, {
			chosen: true,
			create: (files) => familyNamed('honeybee').tokenizer(files, { template: 'free-form' })
		});
		const json = JSON.parse(new TextDecoder().decode(files.get('tokenizer.json'))) as unknown;
		return new Tokenizer({ tokenizer_json: json, tokenizer_config: JSON.parse(config) as unknown });
	};

	test('added_tokens.json gives them their ids, wherever they stand in a text', async () => {
		const plain = await open({});
		const added = await open({ 'added_tokens.json': '{"<loc1>": 512, "<loc2>": 513}' });
		expect([plain.vocabSize, added.vocabSize]).toEqual([512, 514]);
		expect(plain.tokenize('a<loc1>b')).not.toContain(512);
		expect(added.tokenize('a<loc1>b')).toContain(512);
		expect(added.tokenize('a b')).toEqual(plain.tokenize('a b'));
	});

	test('one without an id is refused', async () => {
		await expect(open({ 'added_tokens.json': '{"<loc1>": "512"}' })).rejects.toThrow(
			/added_tokens\.json gives "<loc1>" no id/
		);
	});
});
