import { describe, expect, it } from 'vitest';
import { convert } from '../../../../src/lib/model/convert/convert.ts';
import { cutEvenly } from '../../../../src/lib/model/convert/language-parts.ts';
import type { DTypePreset } from '../../../../src/lib/model/manifest.ts';
import { LanguageModel } from '../../../../src/lib/model/runtime/language.ts';
import { openModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import { TraceRecorder } from '../../../../src/lib/model/runtime/trace-recorder.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOnDisk } from '../../../../src/cli/hash-on-disk.ts';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { sha256 } from '../../../../src/cli/io/hash.ts';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { openFolderSink } from '../../../../src/cli/io/sink.ts';
import { randomCheckpoint } from '../../../support/random-checkpoint.ts';

describe('cutting by size', () => {
	it('makes one piece of what fits, and few and even pieces of what does not', () => {
		expect(cutEvenly([1, 1, 1, 2], 5)).toEqual([[0, 4]]);
		expect(cutEvenly([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 9)).toEqual([
			[0, 5],
			[5, 10]
		]);
		expect(cutEvenly([1, 9, 1], 4)).toEqual([
			[0, 1],
			[1, 2],
			[2, 3]
		]);
	});
});

/** Converts a random checkpoint of 5 layers to disk and loads its language model. */
async function load(dtype: DTypePreset, languageLimit?: number) {
	const root = await mkdtemp(join(tmpdir(), 'honeybee-parts-'));
	const sink = await openFolderSink(root);
	await convert({
		checkpoint: randomCheckpoint({ text: { num_hidden_layers: 5, num_key_value_heads: 2 } }),
		sink,
		dtype,
		name: 'parts',
		resolve: async () => undefined,
		createHash: sha256,
		...(languageLimit && { languageLimit })
	});
	const folder = await openFolder(root);
	const files = await openModelFolder(folder, { hashInPlace: hashOnDisk(root) });
	const model = await LanguageModel.load(createNodeBackend(root), files);
	return {
		model,
		manifest: files.manifest,
		async close() {
			await model.dispose();
			await folder.close();
			await sink.close();
			await rm(root, { recursive: true });
		}
	};
}

async function run(model: LanguageModel) {
	const recorder = new TraceRecorder(['lm.', 'logits']);
	const ids = [1, 5, 9, 33, 2, 17, 40];
	await model.append(await model.embed(ids), ids, recorder);
	const steps = [];
	for (const id of [7, 8]) steps.push([...(await model.append(await model.embed([id]), [id]))]);
	await model.cache.truncate(4);
	steps.push([...(await model.append(await model.embed([11, 12]), [11, 12]))]);
	const attention = await model.branch({
		from: 5,
		embeds: await model.embed([3, 4, 6]),
		logitPositions: [0, 2],
		attention: { layers: [0, 1, 2, 3, 4], to: [1, 4, 6] }
	});
	return { steps, trace: recorder.trace, attention };
}

describe.each(['fp32', 'q4f16'] as const)('a language model in parts, %s', (dtype) => {
	it('computes exactly what it computes in one graph', async () => {
		const whole = await load(dtype);
		const parts = await load(dtype, 50_000);
		try {
			expect(whole.manifest.graphs.language).toHaveLength(1);
			// Attention needs no weights beside those of the language model in use.
			expect(whole.manifest.graphs.attention.weights).toEqual([]);
			expect(parts.manifest.graphs.language.length).toBeGreaterThan(1);
			expect(parts.manifest.graphs.language.flatMap(({ layers }) => layers)).toEqual(
				expect.arrayContaining([0, 5])
			);
			const expected = await run(whole.model);
			const actual = await run(parts.model);
			expect(actual.steps).toEqual(expected.steps);
			expect(Object.keys(actual.trace).sort()).toEqual(Object.keys(expected.trace).sort());
			expect(actual.trace).toEqual(expected.trace);
			const named = [0, 1, 2, 3, 4].map((layer) => `lm.layers.${layer}.attention`);
			expect(Object.keys(actual.attention).sort()).toEqual([...named, 'logits'].sort());
			for (const name of named) {
				expect(actual.attention[name]).toEqual(expected.attention[name]);
				const { dims, data } = actual.attention[name]!;
				expect(dims.slice(2)).toEqual([2, 3]);
				// The first row, at position 5, does not see position 6; the second does.
				expect(data[2]).toBe(0);
				expect(data[5]).toBeGreaterThan(0);
			}
		} finally {
			await whole.close();
			await parts.close();
		}
	});
});
