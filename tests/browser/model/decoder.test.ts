import { expect, it } from 'vitest';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import type { Tensor } from '../../../src/lib/tensor/tensor.ts';
import { LanguageModel } from '../../../src/lib/model/runtime/language.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { createWasmBackend } from '../../../src/workers/model/web-backend.ts';
import { appendIds, cacheSteps, idsFrom } from '../../support/cache-steps.ts';
import { difference } from '../../support/compare.ts';
import { randomCheckpoint } from '../../support/random-checkpoint.ts';
import { convertFolder } from './converted.ts';

it('a language model in 4 bits by kernels of our own, on threads, is near what the runtime gives as stored', async () => {
	const text = { num_key_value_heads: 2, num_hidden_layers: 3, max_position_embeddings: 512 };
	const files = await convertFolder(randomCheckpoint({ text }), 'q4');
	const open = async (kind: 'wasm' | 'wasm-q4') => {
		const backend = await createWasmBackend('asked for by the test', kind);
		const folder = await openModelFolder(memoryFolder('random', files));
		return { backend, model: await LanguageModel.load(backend, folder) };
	};
	const [stored, ours] = [await open('wasm'), await open('wasm-q4')];
	expect(ours.backend.info).toMatchObject({ backend: 'wasm-q4' });
	expect(ours.backend.info.threads).toBeGreaterThan(1);
	expect(ours.backend.info.description).toContain(
		`by kernels of its own (${ours.backend.info.threads} threads, relaxed SIMD)`
	);
	for (const [keep, count] of cacheSteps) {
		const logits: Tensor[] = [];
		for (const { model } of [stored, ours]) {
			await model.cache.truncate(keep);
			const data = await appendIds(model, idsFrom(count, keep, 320));
			logits.push({ dtype: 'float32', dims: [data.length], data });
		}
		const { error, problem } = difference('logits', logits[1], logits[0]!);
		expect(problem).toBeUndefined();
		expect(error).toBeLessThan(0.04);
		expect(error).toBeGreaterThan(1e-6);
	}
	for (const { model, backend } of [stored, ours]) {
		await model.dispose();
		await backend.dispose();
	}
});
