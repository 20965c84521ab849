import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openFolder } from '../../../../src/cli/io/disk.ts';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { sha256 } from '../../../../src/cli/io/hash.ts';
import { convert } from '../../../../src/lib/model/convert/convert.ts';
import type { Backend } from '../../../../src/lib/model/runtime/backend.ts';
import { LanguageModel } from '../../../../src/lib/model/runtime/language.ts';
import { openModelFolder, type ModelFolder } from '../../../../src/lib/model/runtime/model-folder.ts';
import { TraceRecorder } from '../../../../src/lib/model/runtime/trace-recorder.ts';
import { planGraph } from '../../../../src/lib/model/decoder/plan.ts';
import { Program } from '../../../../src/lib/model/decoder/steps.ts';
import { appendIds, cacheSteps, idsFrom } from '../../../support/cache-steps.ts';
import { embeddedModel } from '../../../support/embedded.ts';
import { memorySink } from '../../../support/memory-sink.ts';
import { randomCheckpoint } from '../../../support/random-checkpoint.ts';
import { relativeError } from '../../../support/run-graph.ts';
import { wasmBackend } from '../../../support/wasm-in-node.ts';

/** What activations in 8 bits may move logits by, and hidden states. */
const TOLERANCE = 0.04;
/** The same of shares of attention, which are exponentials. */
const SHARES = 0.08;
const VOCABULARY = 320;

const ids = (count: number, seed: number) => idsFrom(count, seed, VOCABULARY);

describe.each(['q4', 'q4f16'] as const)('a decoder by kernels of our own, of a model in %s', (dtype) => {
	/** A language model in 4 bits with fewer kv heads than heads, by kernels on one thread and on three, and as stored in Node. */
	let root: string;
	let folder: ModelFolder;
	let close: () => Promise<void>;
	const backends: Backend[] = [];
	const models: Partial<Record<'one' | 'three' | 'node', LanguageModel>> = {};
	const all = () => models as Record<keyof typeof models, LanguageModel>;
	beforeAll(async () => {
		const sink = memorySink();
		const text = { num_key_value_heads: 2, num_hidden_layers: 3, max_position_embeddings: 512 };
		await convert({
			checkpoint: randomCheckpoint({ text }),
			...{ sink, dtype, name: 'small', createHash: sha256 },
			resolve: () => Promise.reject(new Error('The checkpoint stands alone.'))
		});
		root = await mkdtemp(join(tmpdir(), 'honeybee-decoder-'));
		for (const [name, bytes] of Object.entries(sink.files)) await writeFile(join(root, name), bytes);
		const source = await openFolder(root);
		close = () => source.close();
		folder = await openModelFolder(source);
		for (const [name, kernels] of [
			['one', 1],
			['three', 3]
		] as const) {
			const backend = await wasmBackend({ kernels });
			backends.push(backend);
			models[name] = await LanguageModel.load(backend, folder);
			expect(backend.info.description).toMatch(`kernels of its own (${kernels} thread`);
		}
		models.node = await LanguageModel.load(createNodeBackend(root), folder);
	}, 120_000);
	afterAll(async () => {
		for (const model of Object.values(models)) await model.dispose();
		for (const backend of backends) await backend.dispose();
		await close();
		await rm(root, { recursive: true });
	});

	it('gives what Node gives with weights as stored, as room is made and positions are taken back', async () => {
		const { one, three, node } = all();
		for (const [keep, count] of cacheSteps) {
			const logits = [];
			for (const model of [one, three, node]) {
				await model.cache.truncate(keep);
				logits.push(await appendIds(model, ids(count, keep)));
			}
			expect(relativeError(logits[0]!, logits[2]!)).toBeLessThan(TOLERANCE);
			expect(relativeError(logits[1]!, logits[2]!)).toBeLessThan(TOLERANCE);
			// Threads share rows and keys out otherwise: sums in another order.
			expect(relativeError(logits[1]!, logits[0]!)).toBeLessThan(TOLERANCE / 4);
		}
	}, 60_000);

	it('writes its cache in place', async () => {
		const { cache } = all().one;
		await appendIds(all().one, ids(2, 9));
		const before = { ...cache.feeds };
		await appendIds(all().one, [5]);
		for (const [name, tensor] of Object.entries(cache.feeds)) expect(tensor).toBe(before[name]);
	});

	it('a step whose program is kept gives bit by bit what a program made anew gives', async () => {
		for (const model of [all().one, all().three]) {
			await model.cache.truncate(0);
			await appendIds(model, ids(3, 2));
			/** The last position once more, by a run that is recorded: its program is not kept. */
			const anew = async (id: number) => {
				await model.cache.truncate(model.cache.length - 1);
				return model.append(await model.embed([id]), [id], new TraceRecorder([]));
			};
			// Across runs of keys, more room, positions taken back, and a cache that begins again.
			for (const [keep, count] of [
				[3, 70],
				[73, 180],
				[60, 5],
				[0, 2]
			] as const) {
				if (keep === 0) model.cache.clear();
				else await model.cache.truncate(keep);
				const before = await appendIds(model, ids(count, keep));
				await appendIds(model, [7]);
				for (const id of ids(4, count)) {
					const written = vi.spyOn(Program.prototype, 'begin');
					const kept = await appendIds(model, [id]);
					expect(written).not.toHaveBeenCalled();
					written.mockRestore();
					expect(kept).not.toEqual(before);
					expect(await anew(id)).toEqual(kept);
				}
			}
		}
	}, 60_000);

	it('gives hidden states and attention to probes, and leaves the cache as it is', async () => {
		const { one, node } = all();
		for (const model of [one, node]) {
			await model.cache.truncate(0);
			await appendIds(model, ids(20, 4));
		}
		for (const from of [8, 20]) {
			const request = async (model: LanguageModel) => ({
				from,
				embeds: await model.embed(ids(4, 77)),
				logitPositions: [1, 3],
				outputs: ['lm.hidden_states.0', 'lm.hidden_states.2', 'lm.hidden_states.3'],
				attention: { layers: [0, 2], to: [0, 5, from] }
			});
			const [ours, theirs] = [await one.branch(await request(one)), await node.branch(await request(node))];
			expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
			for (const [name, { dims, data }] of Object.entries(theirs)) {
				expect(ours[name]!.dims, name).toEqual(dims);
				expect(relativeError(ours[name]!.data as Float32Array, data as Float32Array), name).toBeLessThan(
					name.endsWith('.attention') ? SHARES : TOLERANCE
				);
			}
			expect(ours['lm.hidden_states.0']).toEqual(theirs['lm.hidden_states.0']);
		}
		const more = ids(3, 1);
		expect(relativeError(await appendIds(one, more), await appendIds(node, more))).toBeLessThan(TOLERANCE);
	});
});

it('a graph with what the kernels do not know stays with the runtime, which the facts tell', async () => {
	const source = await openFolder(embeddedModel);
	const backend = await wasmBackend({ kernels: 1 });
	try {
		const embedded = await openModelFolder(source);
		const graph = await embedded.read(embedded.manifest.graphs.language[0]!.graph);
		expect(() => planGraph(graph)).toThrow('the operator MatMul');
		const model = await LanguageModel.load(backend, embedded);
		expect(backend.info.description).toMatch(/since its graph has the operator MatMul/);
		expect((await appendIds(model, [5, 6])).length).toBeGreaterThan(0);
		await model.dispose();
	} finally {
		await backend.dispose();
		await source.close();
	}
});
