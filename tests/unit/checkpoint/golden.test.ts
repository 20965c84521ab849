import { describe, expect, test } from 'vitest';
import { openFolder } from '../../../src/cli/io/disk.ts';
import { openCheckpoint } from '../../../src/lib/checkpoint/folder.ts';
import { memorySource } from '../../../src/lib/checkpoint/memory.ts';
import { openSafetensors } from '../../../src/lib/checkpoint/safetensors.ts';
import { toFloat32 } from '../../../src/lib/tensor/half.ts';
import { fixture, fixturePath } from './build.ts';

/** Files, number of tensors and dtypes of each reference checkpoint (tests/fixtures/golden/README.md). */
const checkpoints = {
	linear: { files: 1, tensors: 87, dtypes: ['float32'] },
	mlp: { files: 1, tensors: 89, dtypes: ['float32'] },
	resampler: { files: 3, tensors: 156, dtypes: ['float32'] },
	'c-abs': { files: 3, tensors: 168, dtypes: ['bfloat16'] },
	'd-abs': { files: 1, tensors: 168, dtypes: ['bfloat16', 'float32'] }
};

const vision = 'vision_model.vision_model.embeddings';
const embedding = 'language_model.model.embed_tokens.weight';

describe.each(Object.entries(checkpoints))('%s', (name, { files, tensors, dtypes }) => {
	test('opens from disk; every tensor can be read', async () => {
		const folder = await openFolder(fixturePath(`golden/${name}/last`));
		const checkpoint = await openCheckpoint(folder);
		expect([checkpoint.files.length, checkpoint.entries.size]).toEqual([files, tensors]);
		const seen = new Set<string>();
		for (const [key, entry] of checkpoint.entries) {
			const read = await checkpoint.read(key);
			expect([read.dtype, read.dims]).toEqual([entry.dtype, entry.dims]);
			expect(toFloat32(read).data.every(Number.isFinite)).toBe(true);
			seen.add(entry.dtype);
		}
		expect([...seen].sort()).toEqual(dtypes);
		await folder.close();
	});

	test('stored values are those that PyTorch computed with', async () => {
		const folder = await openFolder(fixturePath(`golden/${name}/last`));
		const checkpoint = await openCheckpoint(folder);
		const golden = await openSafetensors(
			memorySource('golden', fixture(`golden/${name}/golden.safetensors`))
		);
		const values = async (key: string) => toFloat32(await checkpoint.read(key)).data;
		const reference = async (key: string) => toFloat32(await golden.read(`main.${key}`));

		// The class token's embedding is a sum of two weights, rounded once.
		const classEmbedding = await values(`${vision}.class_embedding`);
		const positions = await values(`${vision}.position_embedding.weight`);
		const sums = Array.from(classEmbedding, (value, i) => Math.fround(value + positions[i]!));
		expect([...(await reference('vision.embeddings')).data.subarray(0, sums.length)]).toEqual(sums);

		// A text token's embedding is a row of the embedding matrix.
		const matrix = await values(embedding);
		const { data: embeds, dims } = await reference('input_embeds');
		const width = dims[2]!;
		const ids = [...(await reference('input_ids')).data];
		expect(ids.filter((id) => id >= 0).length).toBeGreaterThan(20);
		ids.forEach((id, position) => {
			if (id < 0) return;
			expect([...embeds.subarray(position * width, (position + 1) * width)]).toEqual([
				...matrix.subarray(id * width, (id + 1) * width)
			]);
		});
		await folder.close();
	});
});
