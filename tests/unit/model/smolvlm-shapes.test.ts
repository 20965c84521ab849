import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import { elementCount } from '../../../src/lib/tensor/tensor.ts';
import { smolvlmCheckpoint } from '../../fullsize/smolvlm.ts';
import { convertAndAsk } from '../../support/convert-and-ask.ts';

/** The files, joined; of the weights the header alone where `whole` is false. */
function files(divide: number, whole: boolean): Record<string, Uint8Array> {
	const made: Record<string, Uint8Array> = {};
	for (const { path, chunks } of smolvlmCheckpoint(divide)) {
		const iterator = chunks[Symbol.iterator]();
		made[path] = whole
			? new Uint8Array(Buffer.concat([...chunks]))
			: new Uint8Array(iterator.next().value as Uint8Array);
	}
	return made;
}

const json = (bytes: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe('checkpoint of SmolVLM-256M’s shapes', () => {
	it('has the published tensors, parameters and ids of marks', async () => {
		const { 'model.safetensors': header, ...others } = files(1, false);
		const { tensors, parameters } = countOf(header!);
		expect({ tensors, parameters }).toEqual({ tensors: 471, parameters: 256_484_928 });
		const { added_tokens, model } = json(others['tokenizer.json']) as {
			readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
			readonly model: { readonly vocab: Readonly<Record<string, number>> };
		};
		const ids = Object.fromEntries(added_tokens.map(({ id, content }) => [content, id]));
		expect(ids).toMatchObject({
			'<|endoftext|>': 0,
			'<global-img>': 49152,
			'<row_1_col_1>': 49153,
			'<row_6_col_6>': 49188,
			'<fake_token_around_image>': 49189,
			'<image>': 49190,
			'<end_of_utterance>': 49279
		});
		expect(new Set(Object.values(model.vocab))).toEqual(
			new Set(Array.from({ length: 49152 }, (_, id) => id))
		);
		expect(json(others['config.json'])).toMatchObject({ image_token_id: 49190, vocab_size: 49280 });
	});

	it('at an eighth of the widths is converted with nothing left over, and answers on one tile', async () => {
		const { result, manifest, notes } = await convertAndAsk({
			checkpoint: memoryFolder('last', files(8, true)),
			tokenizer: memoryFolder('last', files(8, true))
		});
		expect(manifest.family).toBe('smolvlm');
		expect(notes).toEqual([]);
		expect(result.prompt_ids.filter((id) => id === -1)).toHaveLength(64);
		expect(result.ids).toHaveLength(12);
	}, 60_000);
});

function countOf(header: Uint8Array): { tensors: number; parameters: number } {
	const length = Number(new DataView(header.buffer, header.byteOffset).getBigUint64(0, true));
	const entries = Object.entries(
		json(header.subarray(8, 8 + length)) as Readonly<Record<string, { readonly shape: readonly number[] }>>
	).filter(([name]) => name !== '__metadata__');
	return {
		tensors: entries.length,
		parameters: entries.reduce((sum, [, { shape }]) => sum + elementCount(shape), 0)
	};
}
