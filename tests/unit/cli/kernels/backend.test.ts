import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextFor, createQ4NodeBackend } from '../../../../src/cli/kernels/backend.ts';
import type { ModelManifest } from '../../../../src/lib/model/manifest.ts';
import type { Backend } from '../../../../src/lib/model/runtime/backend.ts';
import { LanguageModel } from '../../../../src/lib/model/runtime/language.ts';
import { appendIds, cacheSteps, idsFrom } from '../../../support/cache-steps.ts';
import { converted, type Converted } from '../../../support/converted.ts';
import { relativeError } from '../../../support/run-graph.ts';
import { wasmBackend } from '../../../support/wasm-in-node.ts';

const ids = (count: number, seed: number) => idsFrom(count, seed, 320);
const text = { num_key_value_heads: 2, num_hidden_layers: 3, max_position_embeddings: 512 };

describe.each(['q4', 'q4f16'] as const)('a language model in %s by the kernels, in Node', (dtype) => {
	let model: Converted;
	const backends: Backend[] = [];
	const models: LanguageModel[] = [];
	beforeAll(async () => {
		model = await converted(dtype, { text });
		const { root, folder } = model;
		const node = await createQ4NodeBackend(root, folder.manifest, 2);
		backends.push(node, await wasmBackend({ kernels: 2 }));
		for (const backend of backends) models.push(await LanguageModel.load(backend, folder));
		expect(node.info).toMatchObject({ backend: 'node-q4', threads: expect.any(Number) });
		expect(node.info.description).toMatch(/onnxruntime-node.*language model in 4 bits.*\(2 threads/);
	}, 60_000);
	afterAll(async () => {
		for (const each of models) await each.dispose();
		for (const backend of backends) await backend.dispose();
		await model.remove();
	});

	it('gives bit by bit what it gives beside the browser’s runtime, whose cache grows and is taken back', async () => {
		for (const [keep, count] of cacheSteps) {
			const logits = [];
			for (const each of models) {
				await each.cache.truncate(keep);
				logits.push(await appendIds(each, ids(count, keep)));
			}
			expect(logits[0]).toEqual(logits[1]);
		}
		expect(models[0]!.cache.inPlace).toBe(true);
	});

	it('gives probes the same hidden states and logits, and attention, which the runtimes compute', async () => {
		const branches = [];
		for (const each of models) {
			each.cache.clear();
			await appendIds(each, ids(20, 4));
			branches.push(
				await each.branch({
					from: 8,
					embeds: await each.embed(ids(4, 77)),
					logitPositions: [1, 3],
					outputs: ['lm.hidden_states.0', 'lm.hidden_states.3'],
					attention: { layers: [0, 2], to: [0, 5, 8] }
				})
			);
		}
		const [node, tab] = branches as [(typeof branches)[0], (typeof branches)[0]];
		expect(Object.keys(node)).toEqual(Object.keys(tab));
		for (const [name, value] of Object.entries(tab))
			if (name.endsWith('.attention'))
				expect(
					relativeError(node[name]!.data as Float32Array, value.data as Float32Array),
					name
				).toBeLessThan(1e-5);
			else expect(node[name], name).toEqual(value);
		const hidden = node['lm.hidden_states.3']!.data as Float32Array;
		const lenses = [];
		for (const each of models) lenses.push(await each.lens(hidden));
		// A graph of its own, of the runtime: here with activations in 8 bits.
		expect(relativeError(lenses[0]!, lenses[1]!)).toBeLessThan(0.01);
	});
});

describe('the memory that the kernels have', () => {
	/** What counts of a model of so many bytes, with 32 layers of a width of 4096 and heads that share nothing. */
	const manifest = (bytes: number, kv_dtype: 'float32' | 'float16', max_position_embeddings = 4096) =>
		({
			graphs: { language: [{ graph: 'language.onnx', weights: ['language.safetensors'] }] },
			files: [{ path: 'language.safetensors', size: bytes }],
			memory: { kv_per_token: 2 * 32 * 4096 * (kv_dtype === 'float32' ? 4 : 2) },
			kv_dtype,
			config: { text_config: { max_position_embeddings, head_dim: 128 } }
		}) as unknown as ModelManifest;

	it('holds a small model with all its positions, a larger one with fewer, and one of 7 billion parameters not', () => {
		expect(contextFor(manifest(1e8, 'float32', 3000))).toEqual({ positions: 3000, most: 3000 });
		const fewer = contextFor(manifest(1.5e9, 'float16'));
		expect(fewer.refusal).toBeUndefined();
		expect(fewer.positions).toBeGreaterThan(2048);
		expect(fewer.positions).toBeLessThan(4096);
		// The cache is in 16 bits whatever its type is.
		expect(contextFor(manifest(1.5e9, 'float32'))).toEqual(fewer);
		expect(contextFor(manifest(3.9e9, 'float16')).refusal).toMatch(/since 3\.9 GB of weights .* 4\.3 GB/);
	});
});
