import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/cli/io/hash.ts';
import { createNodeBackend } from '../../../../src/cli/node-backend.ts';
import { memoryFolder } from '../../../../src/lib/checkpoint/memory.ts';
import { convert } from '../../../../src/lib/model/convert/convert.ts';
import type { DTypePreset } from '../../../../src/lib/model/manifest.ts';
import { LanguageModel } from '../../../../src/lib/model/runtime/language.ts';
import { openModelFolder, STREAM_CHUNK } from '../../../../src/lib/model/runtime/model-folder.ts';
import type { ModelSource } from '../../../../src/lib/model/runtime/model-source.ts';
import { Kernels } from '../../../../src/lib/model/decoder/kernels.ts';
import { decoderSession } from '../../../../src/lib/model/decoder/session.ts';
import { embeddingRows } from '../../../../src/lib/model/runtime/embedding-rows.ts';
import { appendIds, idsFrom } from '../../../support/cache-steps.ts';
import { startKernelThread } from '../../../../src/cli/kernels/threads.ts';
import { memorySink } from '../../../support/memory-sink.ts';
import { randomCheckpoint } from '../../../support/random-checkpoint.ts';
import { wasmBackend } from '../../../support/wasm-in-node.ts';

const DTYPES = ['q4', 'fp32', 'fp16', 'q4f16'] as const;
/** Files of a small model by its type; its table is larger than a piece. */
const models: Partial<Record<DTypePreset, Readonly<Record<string, Uint8Array>>>> = {};
const filesOf = (dtype: DTypePreset) => models[dtype]!;
let root: string;
beforeAll(async () => {
	root = await mkdtemp(join(tmpdir(), 'honeybee-stored-'));
	for (const dtype of DTYPES) {
		const sink = memorySink();
		await convert({
			// The last group of the head's rows is not full.
			checkpoint: randomCheckpoint({ text: { vocab_size: 40_003, num_hidden_layers: 2 } }),
			...{ sink, dtype, name: 'small', createHash: sha256 },
			resolve: () => Promise.reject(new Error('The checkpoint stands alone.'))
		});
		models[dtype] = sink.files;
	}
}, 120_000);
afterAll(() => rm(root, { recursive: true }));

/** The files as a download that comes in pieces, which tells the largest number of bytes that was asked for at once of each. */
function inPieces(files: Readonly<Record<string, Uint8Array>>, size: number) {
	const most = new Map<string, number>();
	const note = (path: string, bytes: number) => most.set(path, Math.max(bytes, most.get(path) ?? 0));
	const source: ModelSource = {
		...memoryFolder('small', files),
		async load(path) {
			const bytes = files[path];
			if (bytes) note(path, bytes.length);
			return bytes;
		},
		async stream(path, { take }) {
			const bytes = files[path];
			if (!bytes) return false;
			note(path, size);
			for (let at = 0; at < bytes.length; at += size) take(bytes.slice(at, at + size));
			return true;
		}
	};
	return { source, most };
}

async function logitsOf(source: ModelSource): Promise<Float32Array[]> {
	const backend = await wasmBackend({ kernels: 1 });
	const model = await LanguageModel.load(backend, await openModelFolder(source));
	expect(backend.info.description).toContain('kernels of its own');
	const logits = [await appendIds(model, idsFrom(9, 3, 40_003)), await appendIds(model, [40_002])];
	await model.dispose();
	await backend.dispose();
	return logits;
}

describe('weights that are read piece by piece', () => {
	it('are bit by bit the same whatever the pieces are, and no file of them is in memory as a whole', async () => {
		const files = filesOf('q4');
		const whole = await logitsOf(inPieces(files, Infinity).source);
		expect(whole[0]!.every(Number.isFinite)).toBe(true);
		for (const size of [61, 4096, 65_537]) {
			const { source, most } = inPieces(files, size);
			expect(await logitsOf(source)).toEqual(whole);
			for (const path of ['language.safetensors', 'embedding.safetensors']) {
				expect(files[path]!.length).toBeGreaterThan(size);
				expect(most.get(path)).toBe(size);
			}
		}
	}, 60_000);

	it('are asked for in short ranges where a folder is read by ranges', async () => {
		const files = filesOf('q4');
		const asked = new Map<string, number>();
		const { load: _, stream: __, ...folder } = inPieces(files, 1).source;
		const source: ModelSource = {
			...folder,
			async open(path) {
				const file = await folder.open(path);
				return (
					file && {
						...file,
						read(start, end) {
							asked.set(path, Math.max(end - start, asked.get(path) ?? 0));
							return file.read(start, end);
						}
					}
				);
			}
		};
		expect(await logitsOf(source)).toEqual(await logitsOf(inPieces(files, Infinity).source));
		expect(files['language.safetensors']!.length).toBeGreaterThan(STREAM_CHUNK);
		for (const path of ['language.safetensors', 'embedding.safetensors'])
			expect(asked.get(path)).toBeLessThanOrEqual(STREAM_CHUNK);
	}, 60_000);

	it('that are wrong are fetched once more, then refused, and leave nothing in the kernels’ memory', async () => {
		const files = filesOf('q4');
		const path = 'language.safetensors';
		const wrong = files[path]!.slice();
		wrong[wrong.length - 5]! ^= 1;
		const open = (first: Uint8Array, second: Uint8Array) => {
			const { source } = inPieces(files, 10_000);
			const fresh: boolean[] = [];
			const damaged: ModelSource = {
				...source,
				stream(name, options) {
					if (name !== path) return source.stream!(name, options);
					fresh.push(options.fresh);
					const bytes = options.fresh ? second : first;
					return inPieces({ [path]: bytes }, 10_000).source.stream!(name, options);
				}
			};
			return { damaged, fresh };
		};
		const again = open(wrong, files[path]!);
		expect(await logitsOf(again.damaged)).toEqual(await logitsOf(inPieces(files, Infinity).source));
		expect(again.fresh).toEqual([false, true]);

		const kernels = await Kernels.start({ Tensor: ort.Tensor, threads: 1, startThread: startKernelThread });
		const before = kernels.heap.allocate(64);
		kernels.heap.release(before);
		const folder = await openModelFolder(open(wrong, wrong).damaged);
		const [language] = folder.manifest.graphs.language;
		const request = { folder, files: language! };
		await expect(decoderSession(kernels, request, files[language!.graph]!)).rejects.toThrow(
			`${path} in the model folder small is damaged (its SHA-256 is not the one in honeybee.json); copy it or convert the checkpoint again.`
		);
		// One piece as large as all that there were.
		expect(kernels.heap.allocate(files[path]!.length / 2)).toBe(before);
		kernels.dispose();
	}, 60_000);
});

describe('rows of an embedding', () => {
	it.each(DTYPES)('of a model in %s are bit by bit those of the runtime', async (dtype) => {
		const files = filesOf(dtype);
		const folder = await openModelFolder(inPieces(files, 1000).source);
		const { embedding } = folder.manifest.graphs;
		const onDisk = join(root, dtype);
		await writeFolder(onDisk, files);
		const request = { folder, files: embedding };
		const ours = await embeddingRows(ort.Tensor, request, files[embedding.graph]!);
		const theirs = await createNodeBackend(onDisk).createSession(request);
		expect([ours!.inputNames, ours!.outputNames]).toEqual([['input_ids'], ['inputs_embeds']]);
		const ids = [0, 1, 40_002, ...idsFrom(200, 8, 40_003)];
		const feeds = { input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]) };
		const [found, expected] = await Promise.all(
			[ours!, theirs].map(
				async (session) => (await session.run(feeds, { inputs_embeds: null })).inputs_embeds!
			)
		);
		expect(found!.dims).toEqual(expected!.dims);
		expect(found!.data).toEqual(expected!.data);
		const none = { input_ids: new ort.Tensor('int64', BigInt64Array.of(40_003n), [1, 1]) };
		await expect(ours!.run(none, { inputs_embeds: null })).rejects.toThrow('no row 40003');
	});

	it('are left to the runtime where a graph does something else', async () => {
		const files = filesOf('fp32');
		const folder = await openModelFolder(inPieces(files, 1000).source);
		const { cache, lens } = folder.manifest.graphs;
		for (const graph of [cache, lens])
			expect(await embeddingRows(ort.Tensor, { folder, files: graph }, files[graph.graph]!)).toBeUndefined();
	});
});

async function writeFolder(path: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
	await mkdir(path);
	for (const [name, bytes] of Object.entries(files)) await writeFile(join(path, name), bytes);
}
