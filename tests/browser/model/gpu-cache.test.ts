import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryFolder } from '../../../src/lib/checkpoint/memory.ts';
import { LanguageModel } from '../../../src/lib/model/runtime/language.ts';
import { openModelFolder } from '../../../src/lib/model/runtime/model-folder.ts';
import { createWebGpuBackend, type WebGpuBackend } from '../../../src/workers/model/web-backend.ts';
import { appendIds, cacheSteps, idsFrom } from '../../support/cache-steps.ts';
import { difference } from '../../support/compare.ts';
import { randomCheckpoint } from '../../support/random-checkpoint.ts';
import { convertFolder } from './converted.ts';

/** What the GPU is asked for, since the last `count`. */
const asked = { buffers: 0, dispatches: 0, bytesRead: 0, reads: 0 };
const destroyed = new WeakSet<GPUBuffer>();
const natives: (() => void)[] = [];

function watch() {
	const replace = <K extends string, T extends Record<K, unknown>>(
		prototype: T,
		name: K,
		make: (native: T[K]) => T[K]
	) => {
		const native = prototype[name];
		prototype[name] = make(native);
		natives.push(() => (prototype[name] = native));
	};
	replace(
		GPUDevice.prototype,
		'createBuffer',
		(native) =>
			function (this: GPUDevice, descriptor) {
				asked.buffers++;
				return native.call(this, descriptor);
			}
	);
	replace(
		GPUComputePassEncoder.prototype,
		'dispatchWorkgroups',
		(native) =>
			function (this: GPUComputePassEncoder, ...size) {
				asked.dispatches++;
				return native.apply(this, size);
			}
	);
	replace(
		GPUBuffer.prototype,
		'mapAsync',
		(native) =>
			function (this: GPUBuffer, mode, offset = 0, size = this.size - offset) {
				asked.reads++;
				asked.bytesRead += size;
				return native.call(this, mode, offset, size);
			}
	);
	replace(
		GPUBuffer.prototype,
		'destroy',
		(native) =>
			function (this: GPUBuffer) {
				destroyed.add(this);
				return native.call(this);
			}
	);
}

/** What a piece of work asks of the GPU. */
async function count(work: () => Promise<unknown>): Promise<typeof asked> {
	Object.assign(asked, { buffers: 0, dispatches: 0, bytesRead: 0, reads: 0 });
	await work();
	return { ...asked };
}

const VOCAB = 320;
const text = (num_hidden_layers: number) => ({
	...{ vocab_size: VOCAB, hidden_size: 64, intermediate_size: 96, num_hidden_layers },
	...{ num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 600 }
});
const folderOf = async (layers: number) =>
	openModelFolder(memoryFolder('small', await convertFolder(randomCheckpoint({ text: text(layers) }), 'q4')));

// Kernels are compiled once for all tests; on a software adapter that is what takes the time.
let backend: WebGpuBackend;
let inPlace: LanguageModel;
let growing: LanguageModel;
beforeAll(async () => {
	watch();
	backend = await createWebGpuBackend({
		reason: 'asked for by the test',
		onFailure: ({ message }) => {
			throw new Error(message);
		}
	});
	const folder = await folderOf(2);
	const { memory: _, ...without } = backend;
	inPlace = await LanguageModel.load(backend, folder);
	growing = await LanguageModel.load(without, folder);
});
afterAll(async () => {
	await growing.dispose();
	await backend.dispose();
	for (const restore of natives) restore();
});

const ids = (count: number, seed: number) => idsFrom(count, seed, VOCAB);
/** Largest difference, of the largest value. */
const distance = (a: Float32Array, b: Float32Array) => {
	const [one, other] = [a, b].map((data) => ({ dtype: 'float32', dims: [data.length], data }) as const);
	return difference('logits', one, other!).error;
};
const buffers = ({ cache }: LanguageModel) => Object.values(cache.feeds).map(({ gpuBuffer }) => gpuBuffer);

it('gives what a growing cache gives, as room is made and positions are taken back', async () => {
	expect([inPlace.cache.inPlace, growing.cache.inPlace]).toEqual([true, false]);
	for (const [keep, more] of cacheSteps) {
		const logits = [];
		const before = keep === 251 ? buffers(inPlace) : [];
		for (const model of [inPlace, growing]) {
			await model.cache.truncate(keep);
			expect(model.cache.length).toBe(keep);
			logits.push(await appendIds(model, ids(more, keep)));
		}
		expect(distance(logits[0]!, logits[1]!), `${more} after ${keep}`).toBeLessThan(1e-5);
		for (const buffer of before) expect(destroyed.has(buffer)).toBe(true);
	}
	for (const { dims } of Object.values(inPlace.cache.feeds)) expect(dims[2]).toBe(512);
});

it('makes no buffer for a token, and reads back nothing but its logits', async () => {
	for (const model of [inPlace, growing]) {
		await model.cache.truncate(3);
		for (let step = 0; step < 2; step++) await appendIds(model, ids(1, step));
	}
	const before = buffers(inPlace);
	for (let step = 0; step < 4; step++) {
		const { buffers, reads, bytesRead } = await count(() => appendIds(inPlace, ids(1, 40 + step)));
		expect({ buffers, reads, bytesRead }).toEqual({ buffers: 0, reads: 1, bytesRead: 4 * VOCAB });
	}
	expect(buffers(inPlace)).toEqual(before);
	// What the counters would see.
	expect((await count(() => appendIds(growing, ids(1, 40)))).buffers).toBeGreaterThan(0);
});

it('a branch leaves it as it is', async () => {
	for (const model of [inPlace, growing]) {
		await model.cache.truncate(0);
		await appendIds(model, ids(20, 4));
	}
	for (const from of [8, 20]) {
		const branches = [];
		for (const model of [inPlace, growing]) {
			const embeds = await model.embed(ids(4, 77));
			branches.push(await model.branch({ from, embeds, logitPositions: [1, 3] }));
		}
		const [one, other] = branches.map(({ logits }) => logits!.data as Float32Array);
		expect(distance(one!, other!)).toBeLessThan(1e-5);
	}
	const [one, other] = [await appendIds(inPlace, ids(3, 1)), await appendIds(growing, ids(3, 1))];
	expect(distance(one, other)).toBeLessThan(1e-5);
});

it('a layer takes at most 12 dispatches, two models do not disturb each other, and what they held is given back', async () => {
	const deeper = await LanguageModel.load(backend, await folderOf(3));
	const models = [inPlace, deeper];
	for (const model of models) await model.cache.truncate(0);
	const alone: Float32Array[] = [];
	for (const model of models) {
		await appendIds(model, ids(5, 2));
		alone.push(await appendIds(model, ids(1, 9)));
		await model.cache.truncate(0);
	}
	for (const model of models) await appendIds(model, ids(5, 2));
	const dispatches: number[] = [];
	for (const [i, model] of models.entries()) {
		let logits: Float32Array | undefined;
		dispatches.push((await count(async () => (logits = await appendIds(model, ids(1, 9))))).dispatches);
		expect(logits).toEqual(alone[i]);
	}
	console.info(`dispatches of a token, 2 and 3 layers: ${dispatches.join(', ')}`);
	expect(dispatches[1]! - dispatches[0]!).toBeLessThanOrEqual(12);
	for (const model of models) {
		const held = buffers(model);
		await model.dispose();
		expect(held.length).toBeGreaterThan(0);
		for (const buffer of held) expect(destroyed.has(buffer)).toBe(true);
	}
});
