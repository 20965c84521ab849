import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { attentionError } from '../../../../src/lib/model/runtime/attention-check.ts';
import type { Backend } from '../../../../src/lib/model/runtime/backend.ts';
import { toFloats } from '../../../../src/lib/model/runtime/graph-session.ts';
import { roomFor } from '../../../../src/lib/model/runtime/kv-cache.ts';
import { LanguageModel } from '../../../../src/lib/model/runtime/language.ts';
import { openModelFolder, type ModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import { appendIds, cacheSteps, idsFrom } from '../../../support/cache-steps.ts';
import { embeddedModel } from '../../../support/embedded.ts';
import { relativeError } from '../../../support/run-graph.ts';
import { wasmBackend } from '../../../support/wasm-in-node.ts';

/** The embedded model's language model on the browser's WASM, with its cache in place, growing, and on Node. */
let folder: ModelFolder;
let close: () => Promise<void>;
let wasm: Backend;
const models: Partial<Record<'inPlace' | 'growing' | 'node', LanguageModel>> = {};
beforeAll(async () => {
	const source = await openFolder(embeddedModel);
	close = () => source.close();
	folder = await openModelFolder(source);
	wasm = await wasmBackend();
	const { memory: _, ...growing } = wasm;
	models.inPlace = await LanguageModel.load(wasm, folder);
	models.growing = await LanguageModel.load(growing, folder);
	models.node = await LanguageModel.load(createNodeBackend(embeddedModel), folder);
	// Two runtimes and three models.
}, 60_000);
afterAll(async () => {
	for (const model of Object.values(models)) await model.dispose();
	await close();
});

const ids = (count: number, seed: number) => idsFrom(count, seed, 603);

describe('the cache in place', () => {
	it('gives what a growing cache gives, bit by bit, as room is made and positions are taken back', async () => {
		const { inPlace, growing, node } = models as Record<keyof typeof models, LanguageModel>;
		for (const [keep, count] of cacheSteps) {
			const logits = [];
			for (const model of [inPlace, growing, node]) {
				await model.cache.truncate(keep);
				expect(model.cache.length).toBe(keep);
				logits.push(await appendIds(model, ids(count, keep)));
			}
			expect(logits[0]).toEqual(logits[1]);
			expect(relativeError(logits[0]!, logits[2]!)).toBeLessThan(1e-4);
		}
	}, 30_000);

	it('is the same tensor before and after a step', async () => {
		const { cache } = models.inPlace!;
		await appendIds(models.inPlace!, ids(2, 9));
		const before = { ...cache.feeds };
		await appendIds(models.inPlace!, [5]);
		expect(Object.values(cache.feeds)).toHaveLength(2 * folder.manifest.config.text_config.num_hidden_layers);
		for (const [name, tensor] of Object.entries(cache.feeds)) expect(tensor).toBe(before[name]);
	});

	it('is left as it is by a branch from its middle and from its end', async () => {
		const { inPlace, growing } = models as Record<keyof typeof models, LanguageModel>;
		for (const model of [inPlace, growing]) {
			await model.cache.truncate(0);
			await appendIds(model, ids(20, 4));
		}
		for (const from of [8, 20]) {
			const request = async (model: LanguageModel) => ({
				from,
				embeds: await model.embed(ids(4, 77)),
				logitPositions: [1, 3],
				outputs: ['lm.hidden_states.2'],
				attention: { layers: [0, 3], to: [0, 5, from] }
			});
			const [one, other] = [
				await inPlace.branch(await request(inPlace)),
				await growing.branch(await request(growing))
			];
			expect(Object.keys(one)).toEqual(Object.keys(other));
			for (const [name, { dims, data }] of Object.entries(one)) {
				expect(dims, name).toEqual(other[name]!.dims);
				expect(data, name).toEqual(other[name]!.data);
			}
		}
		expect(await appendIds(inPlace, ids(3, 1))).toEqual(await appendIds(growing, ids(3, 1)));
	});
});

it('room is doubled up to what the model can use, and no further', () => {
	expect([1, 256, 257, 1000, 1025].map((needed) => roomFor(needed, 1500))).toEqual([
		256, 256, 512, 1024, 1500
	]);
});

it('attention in place is checked against numbers computed here', async () => {
	const create = async (graph: Uint8Array) => {
		const folder = { read: async () => graph } as unknown as ModelFolder;
		return wasm.createSession({ folder, files: { graph: '', weights: [] } }) as Promise<never>;
	};
	expect(await attentionError(create, wasm.Tensor, { memory: wasm.memory })).toBeLessThan(1e-5);
});

it('tensors of every type go in and come out, and what a graph refuses is told in its words', async () => {
	const { cache } = folder.manifest.graphs;
	const session = await wasm.createSession({ folder, files: cache });
	const { num_key_value_heads: heads, head_dim: width } = folder.manifest.config.text_config;
	const values = Float32Array.from({ length: heads * 3 * width }, (_, i) => i);
	const x = new wasm.Tensor('float32', values, [1, heads, 3, width]);
	const keep = (count: bigint, dims: number[]) => new wasm.Tensor('int64', BigInt64Array.of(count), dims);
	const kept = await session.run(
		{ key: x, value: x, keep: keep(2n, [1]) },
		{ kept_key: null, kept_value: null }
	);
	expect(kept.kept_key!.dims).toEqual([1, heads, 2, width]);
	expect((await toFloats(kept.kept_key!)).slice(width, 2 * width)).toEqual(values.slice(width, 2 * width));
	expect((await toFloats(kept.kept_value!)).slice(2 * width, 3 * width)).toEqual(
		values.slice(3 * width, 4 * width)
	);
	await expect(session.run({ key: x, value: x, keep: keep(2n, []) }, { kept_key: null })).rejects.toThrow(
		/rank|Rank|Slice|shape/
	);
	await session.release();
});
