import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { ModelManifest } from '../lib/model/manifest.ts';
import {
	ofBackend,
	type Backend,
	type FixedType,
	type Session,
	type SessionRequest
} from '../lib/model/runtime/backend.ts';
import { ForeignPlace } from '../lib/model/runtime/foreign-place.ts';
import { readGraph } from '../lib/model/runtime/graph-bytes.ts';
import { int8IsExact } from '../lib/model/runtime/int8-check.ts';
import {
	activationsIn8Bits,
	hasInt8Products,
	int8Products,
	type Int8Options
} from '../lib/model/runtime/int8-products.ts';

/**
 * Width of the widest matrices up to which one thread computes: at the width of the embedded model (160) threads that wait for each
 * other take four times the processor's time and gain nothing.
 */
const NARROW = 512;

/** What Node in 8 bits makes anew: matrices in 8 bits, so that no processor's kernel can overflow. */
const INT8: Int8Options = { bits: 8, pairs: true };

/** onnxruntime-node on the CPU, as stored. Graphs are opened where they lie, so that weights are not read into JavaScript. */
export function createNodeBackend(root: string): Backend {
	const threads = cpus().length;
	return {
		info: {
			backend: 'node',
			description: `onnxruntime-node, up to ${threads} threads`,
			threads,
			software: false,
			reason: 'The command line runs on the processor.',
			shader_f16: false
		},
		Tensor: ort.Tensor,
		async createSession(request) {
			const { folder, files, onBytes, rewrite } = request;
			for (const path of [files.graph, ...files.weights]) await folder.check(path, onBytes);
			const options = optionsFor(request);
			const path = join(root, files.graph);
			const session = await ofBackend(
				rewrite
					? ort.InferenceSession.create(rewrite(await folder.read(files.graph)), {
							...options,
							// A graph from memory has no folder of its own that its weights could lie in.
							extra: { session: { model_external_initializers_file_folder_path: dirname(path) } }
						})
					: ort.InferenceSession.create(path, options)
			);
			return accepting(session);
		},
		openGraph: async (graph) =>
			accepting(
				await ofBackend(
					ort.InferenceSession.create(graph, { executionProviders: ['cpu'], logSeverityLevel: 3 })
				)
			),
		async dispose() {}
	};
}

/**
 * onnxruntime-node on the CPU, multiplying in 8 bits what is stored by blocks: in 8 bits, which is the vision tower of models in q4, as columns
 * (`int8Products`), for which it is read into memory; in 4 bits, which is their language model, as stored, with activations in 8 bits
 * (`activationsIn8Bits`). Everything is as stored, under that name, where the processor's kernels are not exact (`int8IsExact`).
 */
export async function createInt8NodeBackend(root: string): Promise<Backend> {
	const stored = createNodeBackend(root);
	const { info } = stored;
	if (!(await int8IsExact(stored)))
		return {
			...stored,
			info: {
				...info,
				reason: `${info.reason} Products in 8 bits come out wrong on this processor, so it multiplies as stored.`
			}
		};
	return {
		...stored,
		info: { ...info, backend: 'node-int8', description: `${info.description}; products in 8 bits checked` },
		async createSession(request) {
			const { folder, files, rewrite = (graph) => graph } = request;
			const asStored = await folder.read(files.graph);
			if (!hasInt8Products(asStored, INT8))
				return stored.createSession(
					hasInt8Products(asStored, { bits: 4 })
						? { ...request, rewrite: (bytes) => activationsIn8Bits(rewrite(bytes)) }
						: request
				);
			const { graph, weights } = int8Products(await readGraph(request), INT8);
			return accepting(
				await ofBackend(
					ort.InferenceSession.create(graph, { ...optionsFor(request), externalData: [...weights] })
				)
			);
		}
	};
}

function optionsFor({ folder }: SessionRequest): ort.InferenceSession.SessionOptions {
	return {
		executionProviders: ['cpu'],
		...(isNarrow(folder.manifest) && { intraOpNumThreads: 1 }),
		// Warnings are about optimisations, not results.
		logSeverityLevel: 3
	};
}

/** Whether a model is so narrow that one thread computes it. */
export function isNarrow({ config: { text_config, vision_config } }: Pick<ModelManifest, 'config'>): boolean {
	return Math.max(text_config.hidden_size, vision_config.hidden_size) <= NARROW;
}

/** The session, given what it would not take as it is. */
function accepting(session: ort.InferenceSession): Session {
	return {
		inputNames: session.inputNames,
		outputNames: session.outputNames,
		run(feeds, fetches) {
			const own = Object.entries(feeds).map(([name, feed]) => [name, accepted(feed)] as const);
			return session.run(Object.fromEntries(own), fetches);
		},
		release: () => session.release()
	};
}

/**
 * Values that lie in other memory are copied. Where JavaScript has Float16Array, tensors of float16 hold one, and onnxruntime-node 1.30 reads
 * that as empty ("not enough space: expected …, got 0"). The same bits as a Uint16Array are read.
 */
function accepted(feed: ort.Tensor): ort.Tensor {
	const place: unknown = feed.location === 'gpu-buffer' ? feed.gpuBuffer : undefined;
	const tensor = place instanceof ForeignPlace ? copied(feed, place) : feed;
	if (tensor.type === 'float16' && !(tensor.data instanceof Uint16Array)) {
		const { buffer, byteOffset, byteLength } = tensor.data as ArrayBufferView;
		Object.defineProperty(tensor, 'data', { value: new Uint16Array(buffer, byteOffset, byteLength / 2) });
	}
	return tensor;
}

const arrays = {
	float32: Float32Array,
	float16: Uint16Array,
	int32: Int32Array,
	int64: BigInt64Array
} as const;

function copied({ type, dims }: ort.Tensor, place: ForeignPlace): ort.Tensor {
	const { buffer } = new Uint8Array(place.bytes());
	return new ort.Tensor(type as 'float32', new arrays[type as FixedType](buffer) as Float32Array, dims);
}
