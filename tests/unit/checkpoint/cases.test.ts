import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { folderInMemory } from '../../support/disk-folder.ts';
import { openCheckpoint } from '../../../src/lib/checkpoint/folder.ts';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import { openPeft } from '../../../src/lib/checkpoint/peft.ts';
import { writeSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import { toFloat32 } from '../../../src/lib/tensor/half.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { floats } from './build.ts';

const cases = 'tests/fixtures/cases';
const numbers = (tensor: Tensor) => [...toFloat32(tensor).data];
const file = (tensors: Record<string, Tensor>, metadata?: Record<string, string>) =>
	writeSafetensors(Object.entries(tensors), metadata);

describe('adapters with more than A and B', () => {
	test('biases trained beside LoRA (bias="lora_only") are those of PEFT after merge_and_unload', async () => {
		const base = await openCheckpoint(folderInMemory(`${cases}/tiny-base`));
		const merged = await openPeft(folderInMemory(`${cases}/lora-bias/last`), base);
		const expected = JSON.parse(readFileSync(`${cases}/lora-bias/merged-biases.json`, 'utf8')) as Record<
			string,
			number[]
		>;
		expect(Object.keys(expected).length).toBeGreaterThan(0);
		for (const [key, values] of Object.entries(expected)) {
			const bias = numbers(await merged.read(key));
			values.forEach((value, at) => expect(bias[at]).toBeCloseTo(value, 5));
		}
		expect([...merged.entries.keys()].filter((key) => key.includes('base_layer'))).toEqual([]);
	});

	const embedding = 'language_model.model.embed_tokens';
	const base = { [`${embedding}.weight`]: floats([4, 2], [0, 1, 2, 3, 4, 5, 6, 7]) };
	const adapter = (changes: object, dims: [number, number] = [2, 2]) =>
		memoryFolder('last', {
			'adapter_config.json': JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 2, ...changes }),
			'adapter_model.safetensors': file({
				[`base_model.model.${embedding}.token_adapter.trainable_tokens_delta`]: floats(
					dims,
					Array.from({ length: dims[0] * dims[1] }, (_, i) => 10 + i)
				)
			})
		});
	const opened = async (folder: ReturnType<typeof adapter>) =>
		openPeft(folder, await openCheckpoint(memoryFolder('base', { 'model.safetensors': file(base) })));

	test.each([{ trainable_token_indices: [3, 1] }, { trainable_token_indices: { embed_tokens: [3, 1] } }])(
		"rows of the embedding that were trained take the place of the base's: %j",
		async (changes) => {
			const merged = await opened(adapter(changes));
			expect(numbers(await merged.read(`${embedding}.weight`))).toEqual([0, 1, 12, 13, 4, 5, 10, 11]);
			expect(merged.parts?.(`${embedding}.weight`)).toBeUndefined();
			// The base is as it was.
			const again = await opened(adapter(changes));
			expect(numbers(await again.read(`${embedding}.weight`))).toEqual([0, 1, 12, 13, 4, 5, 10, 11]);
		}
	);

	test('trained rows without their ids, or of another base, are refused', async () => {
		await expect(opened(adapter({}))).rejects.toThrow(/no trainable_token_indices/);
		await expect(opened(adapter({ trainable_token_indices: [1] }))).rejects.toThrow(
			/rows \[2, 2\] for 1 tokens/
		);
		await expect(opened(adapter({ trainable_token_indices: [1, 4] }))).rejects.toThrow(/another base/);
		await expect(opened(adapter({ trainable_token_indices: [1, -1] }))).rejects.toThrow(
			/no lists of token ids/
		);
	});

	test('an activated LoRA is refused: it cannot be merged', async () => {
		await expect(opened(adapter({ alora_invocation_tokens: [13, 21] }))).rejects.toThrow(
			/alora_invocation_tokens: .* cannot be merged/
		);
	});

	test('a dot in alpha_pattern stands for any letter, as in PEFT', async () => {
		const layer = 'model.self_attn.q_proj';
		const folder = memoryFolder('last', {
			'adapter_config.json': JSON.stringify({
				...{ peft_type: 'LORA', r: 1, lora_alpha: 1, init_lora_weights: 'orthogonal' },
				alpha_pattern: { 'self.attn.q_proj': 3 }
			}),
			'adapter_model.safetensors': file({
				[`base_model.model.${layer}.lora_A.weight`]: floats([1, 1], [1]),
				[`base_model.model.${layer}.lora_B.weight`]: floats([1, 1], [1])
			})
		});
		const under = memoryFolder('base', {
			'model.safetensors': file({ [`${layer}.weight`]: floats([1, 1], [0]) })
		});
		const merged = await openPeft(folder, await openCheckpoint(under));
		expect(numbers(await merged.read(`${layer}.weight`))).toEqual([3]);
	});
});

describe('folders that hold more than one save', () => {
	const two = { a: floats([1], [1]), b: floats([1], [2]) };
	const index = (shards: Record<string, string>) => JSON.stringify({ weight_map: shards });

	test('an index of an earlier save is passed over when the shards that are there hold everything', async () => {
		const { entries, notes } = await openCheckpoint(folderInMemory(`${cases}/stale-index`));
		const { entries: whole } = await openCheckpoint(folderInMemory(`${cases}/tiny-base`));
		expect([...entries.keys()].sort()).toEqual([...whole.keys()].sort());
		expect(notes).toEqual([
			expect.stringMatching(
				/index\.json is of another save .* names 5 shards .* the 2 that are hold every tensor/
			)
		]);
	});

	test('shards that are missing and in no other are named', async () => {
		const folder = memoryFolder('m', {
			'model.safetensors.index.json': index({
				a: 'model-00001-of-00002.safetensors',
				b: 'model-00002-of-00002.safetensors'
			}),
			'model-00001-of-00002.safetensors': file({ a: two.a }),
			'model-00001-of-00003.safetensors': file({ a: two.a })
		});
		await expect(openCheckpoint(folder)).rejects.toThrow(/lacks model-00002-of-00002\.safetensors/);
	});

	test('of one file and an index the one that holds all is read, and the other is named', async () => {
		const shards = {
			'model.safetensors.index.json': index({ a: 'model-1-of-2.safetensors', b: 'model-2-of-2.safetensors' }),
			'model-1-of-2.safetensors': file({ a: two.a }),
			'model-2-of-2.safetensors': file({ b: two.b })
		};
		const part = await openCheckpoint(
			memoryFolder('m', { ...shards, 'model.safetensors': file({ a: floats([1], [9]) }) })
		);
		expect(numbers(await part.read('a'))).toEqual([1]);
		expect(part.notes).toEqual([
			'model.safetensors is passed over: it has 1 of the 2 tensors that model.safetensors.index.json names.'
		]);
		const whole = await openCheckpoint(memoryFolder('m', { ...shards, 'model.safetensors': file(two) }));
		expect(whole.files).toEqual(['model.safetensors']);
		expect(whole.notes).toEqual([
			'model.safetensors.index.json is passed over: model.safetensors holds all that it names.'
		]);
	});
});

describe('tensors that nobody needs', () => {
	test.each(['complex', 'fp8'])(
		'one of a type that is not read keeps the others readable: %s',
		async (kind) => {
			const opened = await openCheckpoint(folderInMemory(`${cases}/unused-odd-dtype/${kind}`));
			const { entries: whole } = await openCheckpoint(folderInMemory(`${cases}/tiny-base`));
			expect([...opened.entries.keys()].sort()).toEqual([...whole.keys()].sort());
			expect([...opened.unreadable!.values()]).toEqual([
				expect.stringMatching(/has numbers of type (complex64|F8_E5M2), which is not supported/)
			]);
		}
	);
});

test('a tied tensor that save_model wrote under its first name has its other names, too', async () => {
	const folder = memoryFolder('m', {
		'model.safetensors': file(
			{ 'lm_head.weight': floats([1], [5]) },
			{ 'model.embed_tokens.weight': 'lm_head.weight', format: 'pt' }
		)
	});
	const { entries, read } = await openCheckpoint(folder);
	expect([...entries.keys()]).toEqual(['lm_head.weight', 'model.embed_tokens.weight']);
	expect(numbers(await read('model.embed_tokens.weight'))).toEqual([5]);
});
